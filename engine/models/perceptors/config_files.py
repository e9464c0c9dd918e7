"""Reads the JSON files that are published with perceptors; errors name what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError
from engine.models.checkpoints import opened


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; raises CheckpointError for anything else."""
    with opened(path) as file:
        text = file.read()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CheckpointError("{path} is not a config in JSON; download it again.", path=path)
    return found


def check_heads(width: int, heads: object) -> None:
    """Raise CheckpointError if ``width`` can't be divided into so many ``heads``."""
    if type(heads) is not int or heads < 1 or width % heads:
        raise CheckpointError(
            "The config divides a width of {width} by {heads}, which leaves a remainder; use "
            "the one that was published with the checkpoint.",
            width=width,
            heads=repr(heads),
        )


def three_numbers(value: object, name: str) -> tuple[float, ...]:
    """A mean or a ``std`` by channel; raises CheckpointError for anything else."""
    least = 0.01 if name.endswith("std") else 0
    if (
        isinstance(value, list)
        and len(value) == 3
        and all(isinstance(each, int | float) and least <= each <= 1 for each in value)
    ):
        return tuple(value)
    raise CheckpointError(
        "The config's `{name}` must be three numbers between {least} and 1, not {value}.",
        name=name,
        least=least,
        value=repr(value),
    )
