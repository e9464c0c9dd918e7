"""The 1,000 classes in words: singular, plural, article, and what keeps a name from being mistaken.

``nouns.txt`` has every class that a person would call by another name than its own; the other names
are taken in small letters, but for the words of ``capitals.txt``.
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

    ``added`` is what a person adds after the noun, in commas. As a format specification, ``n`` is
    the bare noun, ``p`` its plural, ``a`` the noun with its article, and ``a lovely`` the same with
    an adjective.
    """

    bare: str
    plural: str
    kind: str = "count"
    added: str = ""

    def __format__(self, form: str) -> str:
        added = f", {self.added}\0" if self.added else ""
        how, _, adjective = form.partition(" ")
        described = f"{adjective} {self.bare}".strip()
        if how == "n":
            return described + added
        if how == "p":
            return f"{adjective} {self.plural}".strip() + added
        if how != "a":
            raise ValueError(form)
        if self.kind == "mass":
            return described + added
        if self.kind == "pair":
            return f"{article(adjective or 'pair')} {adjective} pair of {self.bare}".replace(
                "  ", " ") + added
        return f"{article(described)} {described}{added}"


def article(words: str) -> str:
    """The article, "a" or "an", as ``words`` sound."""
    vowel = words[:1].lower() in tuple("aeiou") and not _AN_BUT_A.match(words)
    return "an" if vowel or _A_BUT_AN.match(words) else "a"


def fill(wording: str, noun: Noun) -> str:
    """The caption: ``wording`` with the noun in it, what is added to it between commas."""
    text = wording.format(noun)
    return re.sub(r"\0(?=[^,.!?]|$)", lambda found: "," if found.end() < len(text) else "",
                  text).replace("\0", "")


def pluralise(name: str) -> str:
    """The regular plural of a noun, of its last word."""
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


def small_letters(label: str) -> str:
    """A class's own name as it stands in the middle of a sentence."""
    return " ".join(word if word in _capitals() else word[:1].lower() + word[1:]
                    for word in label.split())


def _read(told: str) -> Noun:
    words, _, added = (part.strip() for part in told.partition(";"))
    bare, _, plural = (part.strip() for part in words.partition("|"))
    if bare.startswith("="):
        return Noun(bare[1:], "", "mass", added)
    if bare.startswith("2"):
        return Noun(bare[1:], f"pairs of {bare[1:]}", "pair", added)
    return Noun(bare, plural or pluralise(bare), "count", added)


def read_nouns(labels: list[str]) -> list[tuple[Noun, ...]]:
    """For each class, in order, the ways to name it; KeyError for a line of no class."""
    told = {}
    for line in FILE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            label, _, words = line.partition(": ")
            told[label] = words
    unknown = told.keys() - set(labels)
    if unknown:
        raise KeyError(*sorted(unknown))
    return [tuple(_read(each) for each in told.get(label, small_letters(label)).split(" / "))
            for label in labels]


def choose(nouns: tuple[Noun, ...], rng: np.random.Generator) -> Noun:
    """One of the ways to name a class."""
    return nouns[int(rng.integers(len(nouns)))]
