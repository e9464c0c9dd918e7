"""Small versions of pictures: for people while a job is painted, and for scoring."""

from __future__ import annotations

import io

from PIL import Image
from torch import Tensor

from engine.painting.images import to_tensor
from engine.painting.iterate import Iterate
from engine.painting.synthesis import Synthesis

_SCORED_SIDE = 512  # pixels; perceptors see fewer


def preview_of(iterate: Iterate, side: int) -> bytes:
    """A JPEG of the picture, its longer side at most ``side`` pixels."""
    return _small_jpeg(iterate.to_pil(), side)


def overlay_of(synthesis: Synthesis, side: int) -> bytes:
    """A JPEG of the edited picture with what can change marked; empty without a mask."""
    marked = synthesis.overlay()
    return b"" if marked is None else _small_jpeg(marked, side)


def small_tensor(picture: Image.Image) -> Tensor:
    """[3, H, W] of the picture, its longer side at most 512 pixels."""
    small = picture.copy()
    small.thumbnail((_SCORED_SIDE, _SCORED_SIDE))
    return to_tensor(small, *small.size)[0]


def _small_jpeg(picture: Image.Image, side: int) -> bytes:
    picture.thumbnail((side, side))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
