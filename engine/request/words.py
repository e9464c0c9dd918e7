"""The words of a text, emoji among them, and emoji's names.

An emoji is one word however many characters it has: joined ones (a family), flags, keycaps, and
those with a skin tone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_JOINER = "\u200d"
_APOSTROPHES = "'\u2019-"
# fmt: off
_RANGES = (
    (0x1F1E6, 0x1F1FF, "R"),  # regional indicators, two of which are a flag
    (0x1F3FB, 0x1F3FF, "S"),  # skin tones
    (0xE0020, 0xE007F, "T"),  # tags, which name the flag of a part of a country
    (0xFE0E, 0xFE0F, "V"),  # shown as a text, or as a picture
    (0x1F000, 0x1FBFF, "E"), (0x2600, 0x27BF, "E"), (0x2300, 0x23FF, "E"), (0x2B00, 0x2BFF, "E"),
    (0x25A0, 0x25FF, "E"),
)
_TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
# fmt: on
_ONE = "(?:[ES]V?S?T*|[.#]V)"
_LETTER = "(?:W|D(?!V?K))"
_SHAPES = re.compile(
    # Letters of _shape: D and # are what keycaps are made of, W other letters, Q hyphens.
    rf"(?P<emoji>[D#]V?K|RR?|{_ONE}(?:J{_ONE})*)|"
    rf"(?P<word>{_LETTER}(?:{_LETTER}|[MJ])*(?:Q{_LETTER}(?:{_LETTER}|[MJ])*)*)"
)


@dataclass(frozen=True)
class Word:
    """A word ``text`` that starts at ``start``; ``emoji`` is whether it is one."""

    text: str
    start: int
    emoji: bool

    @property
    def end(self) -> int:
        """The position after it."""
        return self.start + len(self.text)


def words_in(text: str) -> Iterator[Word]:
    """The words of ``text`` in order; punctuation and spaces are none."""
    shape = "".join(map(_shape, text))
    for found in _SHAPES.finditer(shape):
        yield Word(text[slice(*found.span())], found.start(), found["emoji"] is not None)


def _shape(character: str) -> str:
    """The letter that stands for a character in _SHAPES."""
    if character in "0123456789":
        return "D"
    if character.isascii():
        other = "Q" if character in _APOSTROPHES else "#" if character in "#*" else "."
        return "W" if character.isalnum() else other
    if character in (_JOINER, "\u200c"):
        return "J"
    if character == "\u20e3":
        return "K"
    code = ord(character)
    for first, last, letter in _RANGES:
        if first <= code <= last:
            return letter
    if character.isalnum():
        return "W"
    if character in _APOSTROPHES:
        return "Q"
    return "M" if unicodedata.category(character).startswith("M") else "."


def listed(words: tuple[str, ...], most: int = 8) -> str:
    """Words for a sentence: '"hippogriff", 🦊 (fox face)'."""
    shown = [_shown(word) for word in words[:most]]
    return ", ".join([*shown, "..."] if len(words) > most else shown)


def _shown(word: str) -> str:
    found = next(words_in(word), None)
    if found is None or not found.emoji or found.text != word:
        return f'"{word}"'
    return f"{word} ({emoji_name(word)})"


def emoji_name(emoji: str) -> str:
    """The name of an emoji: "fox face", "flag DE", "keycap 5", "woman, rocket"."""
    shape = "".join(map(_shape, emoji))
    if shape.startswith("R"):
        return f"flag {''.join(chr(ord(c) - 0x1F1E6 + ord('A')) for c in emoji)}"
    if shape.endswith("K"):
        return f"keycap {emoji[0]}"
    names, tags = [], ""
    for character, letter in zip(emoji, shape, strict=True):
        if letter == "S":
            names.append(f"{_TONES[ord(character) - 0x1F3FB]} skin tone")
        elif letter == "T":
            tags += chr(ord(character) - 0xE0000)
        elif letter not in "JV":
            names.append(unicodedata.name(character, f"U+{ord(character):X}").lower())
    tag = tags.rstrip("\x7f")
    return ", ".join([*names, tag] if tag else names)
