"""The inflected forms of a blocked word, as English and German make them regularly."""

from __future__ import annotations

from collections.abc import Iterator

_VOWELS = "aeiou"


def forms_of(phrase: str) -> list[str]:
    """Return a folded word or phrase and the forms of its last word: "fox" -> "foxes", ...

    Irregular forms ("mice") are not found.
    """
    start, space, word = phrase.rpartition(" ")
    return list(dict.fromkeys(start + space + form for form in _forms(word)))


def _forms(word: str) -> Iterator[str]:
    yield word
    for ending in ("s", "es", "ed", "ing", "er", "ers", "en"):
        yield word + ending
    if word.endswith("e"):
        for ending in ("d", "r", "rs", "n"):
            yield word + ending
        yield word[:-1] + "ing"
    if word.endswith("y"):
        for ending in ("ies", "ied", "ier"):
            yield word[:-1] + ending
    if len(word) > 2 and word[-1] not in f"{_VOWELS}wxy" and word[-2] in _VOWELS:
        for ending in ("ed", "ing", "er", "ers"):
            yield word + word[-1] + ending
