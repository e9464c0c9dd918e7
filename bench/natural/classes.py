"""The 1,000 classes: their names, and which of them the judge confuses most easily.

``python -m bench.natural.classes LABELS.json`` writes ``bench/prompts/classes.json`` from the list
of names, in the order of the classes, and from the weights of the judge's last layer. The other
scripts read only that file and need neither.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from bench.prompts import FOLDER, write_entries

FILE = FOLDER / "classes.json"
CONFUSABLE = Path(__file__).parent / "confusable.txt"
NEAREST = 52
"""How many neighbours of a class are kept: 40 for hard captions; some others may be confusable."""


@dataclass(frozen=True)
class Class:
    """One class: its number, its name in the list, and its nearest classes, nearest first.

    ``true`` are the classes that its captions are true of, its own first; ``confusable`` are those
    that must not be in a wrong caption.
    """

    index: int
    name: str
    nearest: tuple[int, ...]
    true: tuple[int, ...]
    confusable: frozenset[int]


def _read_confusable(names: list[str]) -> tuple[list[set[int]], list[set[int]]]:
    """For each class, what else its captions are true of, and what it may be confused with."""
    numbers = {name: index for index, name in enumerate(names)}
    true: list[set[int]] = [set() for _ in names]
    confusable: list[set[int]] = [set() for _ in names]
    for line in CONFUSABLE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        group = [numbers[name] for name in re.split(r" [|>] ", line)]
        if " > " in line:
            true[group[0]].update(group[1:])
        for one in group:
            confusable[one].update(group)
    return true, confusable


@functools.cache
def load_classes() -> tuple[Class, ...]:
    """All classes, in order."""
    rows = json.loads(FILE.read_text("utf-8"))
    true, confusable = _read_confusable([row["name"] for row in rows])
    return tuple(
        Class(
            index,
            row["name"],
            tuple(row["near"]),
            (index, *sorted(true[index] - {index})),
            frozenset(confusable[index] - {index}),
        )
        for index, row in enumerate(rows)
    )


def nearest_rows(weights: Tensor, count: int = NEAREST) -> list[list[int]]:
    """For each row of ``weights`` [C, D], the rows with the highest cosine to it, less the mean."""
    unit = torch.nn.functional.normalize(weights.double() - weights.double().mean(0), dim=1)
    cosines = unit @ unit.T
    cosines.fill_diagonal_(-2)
    return cosines.topk(count, dim=1).indices.tolist()


def main(labels: Annotated[Path, typer.Argument(help="a JSON list of names, in order")]) -> None:
    """Write the names and the nearest classes."""
    from bench.natural.judge import load_judge

    names = json.loads(labels.read_text("utf-8"))
    rows = zip(names, nearest_rows(load_judge().class_weights()), strict=True)
    write_entries("classes", [{"name": name, "near": near} for name, near in rows])


if __name__ == "__main__":
    typer.run(main)
