"""The files that a person gives the `imagine` command to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import RequestError
from engine.pictures.given import split_weight, take_readable


def local_file(option: str, given: str | None) -> Path | None:
    """The path of a picture on this machine; raises RequestError for a web address."""
    if given is not None and "://" in given:
        raise RequestError(
            f'--{option} needs a file on this machine, not the address "{given}"; download it '
            "first."
        )
    return None if given is None else Path(given)


def prompt_pictures(
    like: list[str], regions: list[str], pictures: dict[str, bytes], values: dict[str, Any]
) -> dict[str, Path | None]:
    """Read pictures to paint like and masks of regions into ``pictures`` and ``values``.

    Returns the files by what they are in a message. Raises RequestError.
    """
    likes = [split_weight(each) for each in like if local_file("like", each)]
    masks = [_region(each) for each in regions]
    if likes:
        values["like"] = [
            {"picture": take_readable(path, pictures), **numbers} for path, numbers in likes
        ]
    if masks:
        values["regions"] = [
            {"name": name, "mask": take_readable(path, pictures)} for name, path in masks
        ]
    read: dict[str, Path | None] = {
        f"the picture {path.name} to paint like": path for path, _ in likes
    }
    return read | {f"the mask of the region {name}": path for name, path in masks}


def _region(given: str) -> tuple[str, Path]:
    """The name and the mask of "hill=hill.png"; raises RequestError."""
    name, _, path = given.partition("=")
    file = local_file("region", path)
    if not name or not path or file is None:
        raise RequestError(f'--region must look like hill=hill.png, not "{given}".')
    return name.lower(), file
