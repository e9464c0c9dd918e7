"""The 1,000 classes in words: singular, plural, article, and words that make the meaning clear.

``nouns.txt`` has the classes that people call by another name than the list's. The names of the
others are written in lower case, except for the words of ``capitals.txt``.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "nouns.txt"
CAPITALS = FILE.with_name("capitals.txt")
_AN_BUT_A = re.compile(r"(?i)(eu|uni|one\b|u-)")
_A_BUT_AN = re.compile(r"(?i)hour")


@dataclass(frozen=True)
class Noun:
    """One way to name a class. ``kind`` is "count", "mass" or "pair" (a pair of jeans).

    ``added`` follows the noun between commas and makes its meaning clear. In a format string, ``n``
    is the bare noun, ``p`` its plural, ``a`` the noun with its article, and ``a lovely`` the same
    with an adjective.
    """

    bare: str
    plural: str
    kind: str = "count"
    added: str = ""

    def __format__(self, form: str) -> str:
        added = f", {self.added}\0" if self.added else ""
        code, _, adjective = form.partition(" ")
        described = f"{adjective} {self.bare}".strip()
        if code == "n":
            return described + added
        if code == "p":
            return f"{adjective} {self.plural}".strip() + added
        if code != "a":
            raise ValueError(form)
        if self.kind == "mass":
            return described + added
        if self.kind == "pair":
            return (
                f"{article(adjective or 'pair')} {adjective} pair of {self.bare}".replace("  ", " ")
                + added
            )
        return f"{article(described)} {described}{added}"


def article(words: str) -> str:
    """The article, "a" or "an", as ``words`` sound."""
    vowel = words[:1].lower() in tuple("aeiou") and not _AN_BUT_A.match(words)
    return "an" if vowel or _A_BUT_AN.match(words) else "a"


def fill(wording: str, noun: Noun) -> str:
    """The caption: ``wording`` with the noun in it, and commas around the words added to it."""
    text = wording.format(noun)
    return re.sub(
        r"\0(?=[^,.!?]|$)", lambda found: "," if found.end() < len(text) else "", text
    ).replace("\0", "")


def pluralise(name: str) -> str:
    """The regular plural of a noun; the last word changes."""
    if re.search(r"(fish|sheep)$", name):
        return name
    if re.search(r"[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    if re.search(r"(s|x|ch|sh|z)$", name):
        return f"{name}es"
    return f"{name}s"


@functools.cache
def _capitals() -> frozenset[str]:
    return frozenset(CAPITALS.read_text("utf-8").split())


def lower_case(label: str) -> str:
    """A class's own name as it is written within a sentence."""
    return " ".join(
        word if word in _capitals() else word[:1].lower() + word[1:] for word in label.split()
    )


def _parse(text: str) -> Noun:
    words, _, added = (part.strip() for part in text.partition(";"))
    bare, _, plural = (part.strip() for part in words.partition("|"))
    if bare.startswith("="):
        return Noun(bare[1:], "", "mass", added)
    if bare.startswith("2"):
        return Noun(bare[1:], f"pairs of {bare[1:]}", "pair", added)
    return Noun(bare, plural or pluralise(bare), "count", added)


def read_nouns(labels: list[str]) -> list[tuple[Noun, ...]]:
    """For each class, in order, the ways to name it. Raises KeyError for an unknown class."""
    lines = {}
    for line in FILE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            label, _, words = line.partition(": ")
            lines[label] = words
    unknown = lines.keys() - set(labels)
    if unknown:
        raise KeyError(*sorted(unknown))
    return [
        tuple(_parse(each) for each in lines.get(label, lower_case(label)).split(" / "))
        for label in labels
    ]


def choose(nouns: tuple[Noun, ...], rng: np.random.Generator) -> Noun:
    """One of the ways to name a class."""
    return nouns[int(rng.integers(len(nouns)))]
