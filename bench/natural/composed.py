"""Photographs with drawings cut out and put on them, of which the true mask is known.

The drawings are a folder of Noto Emoji (``python -m training.drawn drawings``), the photographs
any folder. ``bench/prompts/composed.json`` has a name of a drawing for each picture, and a seed,
which chooses the photograph, the size (0.3 to 0.6 of the side) and the place. All names are of
things that ImageNet has a class for; they were chosen, and put in a random order, before the first
measurement.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from bench.prompts import read_entries
from engine.painting.images import to_tensor
from engine.pictures.reading import read_picture
from training.pictures.files import picture_files

_SIZES = 0.3, 0.6
_SIZES_OF_PAIRS = 0.28, 0.48
_OTHER = 37
"""How many entries further the second drawing of a pair is."""


@dataclass(frozen=True)
class Composed:
    """A picture [1, 3, S, S] in 0..1 with the thing ``where`` in the mask ``true`` [S, S].

    ``other`` is the mask of another thing in the picture, which is not asked for.
    """

    picture: Tensor
    where: str
    true: Tensor
    other: Tensor | None = None


def composed_pictures(
    photos: Path, drawings: Path, side: int, limit: int | None = None, *, pairs: bool = False
) -> list[Composed]:
    """The first ``limit`` pictures of composed.json; of ``pairs`` each has two drawings.

    A photograph whose file name has the word in it is not used for it.
    """
    entries = read_entries("composed")
    files = _drawings(drawings)
    photographs = picture_files(photos)
    made = []
    for i, entry in enumerate(entries[:limit]):
        names = [entry["drawing"]]
        if pairs:
            names.append(entries[(i + _OTHER) % len(entries)]["drawing"])
        images = [Image.open(files[name]).convert("RGBA") for name in names]
        made.append(_compose(photographs, names, images, side, entry["seed"]))
    return made


def outlined_photographs(photos: Path, side: int) -> list[Composed]:
    """The photographs of outlines.json that are in a folder, as squares of ``side`` pixels.

    Outlines are polygons in shares of the centre square, drawn by hand.
    """
    made = []
    for entry in read_entries("outlines"):
        picture = _square(photos / entry["photo"], side)
        mask = Image.new("L", (side, side))
        outline = [(x * side, y * side) for x, y in entry["outline"]]
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        white = torch.from_numpy(np.asarray(mask) > 127)
        made.append(Composed(to_tensor(picture, side, side), entry["where"], white))
    return made


def _square(photo: Path, side: int) -> Image.Image:
    picture = read_picture(photo.read_bytes()).convert("RGB")
    return ImageOps.fit(picture, (side, side), Image.Resampling.LANCZOS)


def _drawings(folder: Path) -> dict[str, Path]:
    """The drawings' files by name; in a folder that emoji.jsonl lists."""
    lines = (folder / "emoji.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {row["name"]: folder / row["file"] for row in rows}


def _compose(
    photographs: list[Path], names: list[str], drawings: list[Image.Image], side: int, seed: int
) -> Composed:
    rng = np.random.default_rng([len(names), seed])
    own = [file for file in photographs if not any(name in file.stem.lower() for name in names)]
    picture = _square(own[int(rng.integers(len(own)))], side)
    low, high = _SIZES if len(names) == 1 else _SIZES_OF_PAIRS
    room = side // len(names)
    first = int(rng.integers(len(names)))
    masks = []
    for number, drawing in enumerate(drawings):
        size = round(side * rng.uniform(low, high))
        shown = drawing.resize((size, size), Image.Resampling.LANCZOS)
        left = (number + first) % len(names) * room
        place = left + int(rng.integers(room - size + 1)), int(rng.integers(side - size + 1))
        picture.paste(shown, place, shown)
        mask = Image.new("L", (side, side))
        mask.paste(shown.getchannel("A"), place)
        masks.append(torch.from_numpy(np.asarray(mask) > 127))
    return Composed(to_tensor(picture, side, side), names[0], *masks)
