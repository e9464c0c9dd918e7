"""A reader of WordNet 3.0's database files, as Debian's `wordnet-base` installs them.

Format: the manual pages wndb(5WN) and morphy(7WN). Only what the corpus needs is kept: words,
glosses, hypernyms ("is a kind of"), and how often each sense was seen in tagged text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

DEFAULT_FOLDER = Path("/usr/share/wordnet")
PARTS = ("noun", "verb", "adj", "adv")
HYPERNYM_POINTERS = ("@", "@i")  # a kind of; an instance of


@dataclass(frozen=True)
class Synset:
    """One meaning: its words, its definition, and the offsets of the meanings above it.

    ``topic`` is the number of the lexicographer's file, e.g. 5 for animals and 6 for artifacts;
    ``instance`` is true for a name (Stephen Crane), false for a kind (writer).
    """

    offset: int
    topic: int
    lemmas: tuple[str, ...]
    hypernyms: tuple[int, ...]
    gloss: str
    examples: tuple[str, ...] = ()
    instance: bool = False


def parse_synset(line: str) -> Synset:
    """One line of a ``data.*`` file.

    Lemmas have spaces for underscores, and no syntactic marker such as ``(a)``. The gloss is
    the definition only; the sentences in quotes after it are the examples.
    """
    data, _, gloss = line.partition(" | ")
    fields = data.split(" ")
    words = int(fields[3], 16)
    lemmas = tuple(fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(words))
    at = 4 + 2 * words
    pointers = [fields[at + 1 + 4 * i : at + 5 + 4 * i] for i in range(int(fields[at]))]
    above = tuple(int(offset) for symbol, offset, _, _ in pointers if symbol in HYPERNYM_POINTERS)
    definition, *quoted = gloss.strip().split('"')
    examples = tuple(each.strip() for each in quoted[::2] if each.strip())
    return Synset(
        int(fields[0]),
        int(fields[1]),
        lemmas,
        above,
        definition.strip(" ;"),
        examples,
        instance=any(symbol == "@i" for symbol, *_ in pointers),
    )


def read_synsets(path: Path) -> Iterator[Synset]:
    """All synsets of one ``data.*`` file; the licence at its start is indented by two spaces."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("  "):
                yield parse_synset(line)


def read_senses(path: Path) -> tuple[dict[str, tuple[int, ...]], frozenset[str]]:
    """From an ``index.*`` file: each lemma's senses, and the lemmas in everyday use.

    Senses are offsets, the most frequent first. A lemma is in everyday use if it occurs in the
    texts that WordNet's authors tagged by sense.
    """
    senses, common = {}, set()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("  "):
                continue
            fields = line.split()
            count = int(fields[2])
            lemma = fields[0].replace("_", " ")
            senses[lemma] = tuple(int(each) for each in fields[-count:])
            if int(fields[-count - 1]):
                common.add(lemma)
    return senses, frozenset(common)


@dataclass(frozen=True)
class WordNet:
    """The nouns with their hierarchy, and the words of the other parts of speech."""

    nouns: dict[int, Synset]
    senses: dict[str, tuple[int, ...]]
    others: dict[str, dict[int, Synset]] = field(default_factory=dict)
    exceptions: dict[str, str] = field(default_factory=dict)
    common: frozenset[str] = frozenset()

    @cached_property
    def hyponyms(self) -> dict[int, list[int]]:
        """Offsets of the synsets directly below each noun synset."""
        below: dict[int, list[int]] = {}
        for synset in self.nouns.values():
            for above in synset.hypernyms:
                below.setdefault(above, []).append(synset.offset)
        return below

    @cached_property
    def plurals(self) -> dict[str, str]:
        """Irregular plurals by their singular, e.g. wolf: wolves."""
        return {singular: plural for plural, singular in self.exceptions.items()}

    def above(self, offset: int) -> Iterator[int]:
        """Offsets of all synsets above one, nearest first, each once."""
        seen, level = {offset}, [offset]
        while level:
            level = [up for each in level for up in self.nouns[each].hypernyms]
            level = [up for up in dict.fromkeys(level) if up not in seen]
            seen.update(level)
            yield from level

    def below(self, offset: int) -> Iterator[int]:
        """Offsets of all synsets below one, nearest first, each once."""
        seen, level = {offset}, [offset]
        while level:
            level = [down for each in level for down in self.hyponyms.get(each, ())]
            level = [down for down in dict.fromkeys(level) if down not in seen]
            seen.update(level)
            yield from level


def read_wordnet(folder: Path = DEFAULT_FOLDER) -> WordNet:
    """The whole database in ``folder``; takes about 3 s.

    Raises:
        FileNotFoundError: The folder is not WordNet's; Debian: ``apt install wordnet-base``.
    """
    synsets = {
        part: {each.offset: each for each in read_synsets(folder / f"data.{part}")}
        for part in PARTS
    }
    exceptions = {}
    for line in (folder / "noun.exc").read_text(encoding="utf-8").splitlines():
        plural, singular, *_ = (word.replace("_", " ") for word in line.split())
        exceptions[plural] = singular
    nouns = synsets.pop("noun")
    senses, common = read_senses(folder / "index.noun")
    return WordNet(nouns, senses, synsets, exceptions, common)
