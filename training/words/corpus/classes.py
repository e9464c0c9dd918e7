"""The 1,000 ImageNet classes as WordNet synsets.

The list of short names does not say which sense of a word a class is (crane the bird, or the
machine), but the classes are in the order of their offsets in WordNet 3.0: the offsets strictly
increase with the class's index. That decides most names. ``senses.tsv`` decides the others: it has
WordNet's word for names that WordNet does not have, and the sense if several fit the order, both
checked against the published list of the classes' synsets. ``classes.tsv`` is the result.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.words.corpus.wordnet import WordNet

CLASSES = Path(__file__).with_name("classes.tsv")
SENSES = Path(__file__).with_name("senses.tsv")
# The two cranes have one.
_REMARK = " ("


@dataclass(frozen=True)
class ImageClass:
    """One class: its index among the 1,000 logits, its synset's offset, its short name."""

    index: int
    offset: int
    name: str

    @property
    def plain_name(self) -> str:
        """The name as people type it: without the remark in parentheses."""
        return self.name.split(_REMARK)[0]


@functools.cache
def image_classes() -> tuple[ImageClass, ...]:
    """The 1,000 classes by index."""
    with CLASSES.open(encoding="utf-8", newline="") as lines:
        return tuple(
            ImageClass(int(row["index"]), int(row["offset"]), row["name"])
            for row in csv.DictReader(lines, delimiter="\t")
        )


def read_senses() -> dict[str, tuple[str, int]]:
    """For some short names, WordNet's lemma and the number of its sense, from 1 (0: any)."""
    with SENSES.open(encoding="utf-8", newline="") as lines:
        return {
            row["name"]: (row["lemma"], int(row["sense"]))
            for row in csv.DictReader(lines, delimiter="\t")
        }


def align(
    names: Sequence[str], wordnet: WordNet, settled: Mapping[str, tuple[str, int]]
) -> list[int]:
    """The offset of each class, strictly increasing, from the most frequent senses that allow it.

    Raises:
        ValueError: No choice of senses is increasing.
    """
    # Of each class's candidates: the cost so far, and the offsets chosen up to it.
    chains: list[tuple[int, list[int]]] = [(0, [])]
    for index, name in enumerate(names):
        lemma, sense = settled.get(name, (name.split(_REMARK)[0].lower(), 0))
        longer = []
        for rank, offset in enumerate(wordnet.senses.get(lemma, ()), start=1):
            if sense not in {0, rank}:
                continue
            fitting = [chain for chain in chains if not chain[1] or chain[1][-1] < offset]
            if fitting:
                cost, chosen = min(fitting, key=lambda chain: chain[0])
                longer.append((cost + rank, [*chosen, offset]))
        if not longer:
            raise ValueError(
                f"class {index}, {name}: no sense of {lemma!r} follows the class "
                "before; name its WordNet lemma in senses.tsv"
            )
        chains = longer
    return min(chains, key=lambda chain: chain[0])[1]


def write_classes(names: Sequence[str], wordnet: WordNet, path: Path = CLASSES) -> None:
    """Write ``classes.tsv`` from the list of short names."""
    offsets = align(names, wordnet, read_senses())
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, delimiter="\t", lineterminator="\n")
        writer.writerow(("index", "offset", "name"))
        writer.writerows(
            (index, f"{offset:08d}", name)
            for index, (offset, name) in enumerate(zip(offsets, names, strict=True))
        )
