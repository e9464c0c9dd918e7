"""The 1,000 classes: their names, and which look alike to the judge.

``python -m bench.natural.classes LABELS.json`` writes ``bench/prompts/classes.json`` from the list
of names, in the classes' order, and the weights of the judge's last layer; the other scripts read
that file alone, so that they need neither.
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

from bench.prompts import FOLDER

FILE = FOLDER / "classes.json"
ALIKE = Path(__file__).parent / "alike.txt"
NEAR = 52
"""How many of a class's nearest are kept: 40 for hard captions, the others may look the same."""


@dataclass(frozen=True)
class Class:
    """One class: its number, its name in the list, the nearest others, the nearest first.

    ``true`` are the classes that its captions are true of, itself among them; ``alike`` are those
    that must not stand in a wrong caption.
    """

    index: int
    name: str
    near: tuple[int, ...]
    true: tuple[int, ...]
    alike: frozenset[int]


def _alike(names: list[str]) -> tuple[list[set[int]], list[set[int]]]:
    """By class, what else its captions are true of, and all that it may be mistaken for."""
    numbers = {name: index for index, name in enumerate(names)}
    true: list[set[int]] = [set() for _ in names]
    alike: list[set[int]] = [set() for _ in names]
    for line in ALIKE.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        group = [numbers[name] for name in re.split(r" [|>] ", line)]
        if " > " in line:
            true[group[0]].update(group[1:])
        for one in group:
            alike[one].update(group)
    return true, alike


@functools.cache
def load_classes() -> tuple[Class, ...]:
    """All classes, in their order."""
    rows = json.loads(FILE.read_text("utf-8"))
    true, alike = _alike([row["name"] for row in rows])
    return tuple(Class(index, row["name"], tuple(row["near"]),
                       (index, *sorted(true[index] - {index})), frozenset(alike[index] - {index}))
                 for index, row in enumerate(rows))


def nearest(weights: Tensor, count: int = NEAR) -> list[list[int]]:
    """For each row of ``weights`` [C, D], the rows most like it once their mean is taken off."""
    unit = torch.nn.functional.normalize(weights.double() - weights.double().mean(0), dim=1)
    likeness = unit @ unit.T
    likeness.fill_diagonal_(-2)
    return likeness.topk(count, dim=1).indices.tolist()


def main(labels: Annotated[Path, typer.Argument(help="the names, a JSON list in order")]) -> None:
    """Write the names and the nearest classes."""
    from bench.natural.judge import load_judge

    names = json.loads(labels.read_text("utf-8"))
    rows = zip(names, nearest(load_judge().class_weights()), strict=True)
    lines = ",\n".join(json.dumps({"name": name, "near": near}, separators=(",", ":"))
                       for name, near in rows)
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
