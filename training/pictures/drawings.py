"""Drawings with sharp edges and flat colours: Iconify's SVG sets, and folders of PNG files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.pictures.files import picture_files

Bytes = NDArray[np.uint8]
Background = Callable[[np.random.Generator], Bytes]


@dataclass(frozen=True)
class Icon:
    """An SVG drawing: the elements inside ``<svg>`` and the sides of its view box."""

    body: str
    width: float
    height: float

    def draw(self, size: int) -> Image.Image:
        """Render it in RGBA, ``size`` pixels wide. Needs the package resvg-py."""
        from resvg_py import svg_to_bytes

        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" '
            f'xmlns:xlink="http://www.w3.org/1999/xlink">{self.body}</svg>'
        )
        # Loading system fonts takes longer than the drawing, and hardly any drawing uses them.
        png = svg_to_bytes(svg_string=svg, width=size, skip_system_fonts=True)
        return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


@dataclass(frozen=True)
class Bitmap:
    """A drawing in a file with transparency."""

    path: Path

    def draw(self, size: int) -> Image.Image:
        """Load it in RGBA, ``size`` pixels wide."""
        with Image.open(self.path) as image:
            return image.convert("RGBA").resize((size, size), Image.Resampling.LANCZOS)


Drawing = Icon | Bitmap


def load_drawings(folders: Sequence[Path]) -> list[Drawing]:
    """All drawings of folders that have an ``icons.json`` of Iconify, or else picture files."""
    drawings: list[Drawing] = []
    for folder in folders:
        icons = folder / "icons.json"
        drawings += load_icons(icons) if icons.exists() else map(Bitmap, picture_files(folder))
    return drawings


def load_icons(path: Path) -> list[Icon]:
    """The drawings in Iconify's JSON, without the hidden ones, in the order of their names."""
    content = json.loads(path.read_text(encoding="utf-8"))
    common = content.get("width", 16), content.get("height", 16)
    icons: dict[str, dict[str, object]] = content["icons"]
    return [
        Icon(
            str(icon["body"]),
            float(str(icon.get("width", common[0]))),
            float(str(icon.get("height", common[1]))),
        )
        for _, icon in sorted(icons.items())
        if not icon.get("hidden")
    ]


def paste_drawings(
    drawings: Sequence[Drawing], side: int, background: Background, rng: np.random.Generator
) -> Bytes:
    """One to three drawings on the picture [side, side, 3] that ``background`` returns.

    They can be larger than the picture and extend beyond its border.
    """
    picture = Image.fromarray(background(rng))
    for _ in range(rng.integers(1, 4)):
        size = round(side * 2 ** rng.uniform(-1.2, 0.9))
        drawing = drawings[int(rng.integers(len(drawings)))].draw(size)
        if rng.random() < 0.3:
            drawing = drawing.rotate(float(rng.uniform(-40, 40)), Image.Resampling.BICUBIC)
        x, y = (int(rng.integers(-size // 2, side - size // 2 + 1)) for _ in range(2))
        picture.paste(drawing, (x, y), drawing)
    return np.asarray(picture)
