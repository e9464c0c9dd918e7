"""Small versions of pictures: for people while a job is painted, and for scoring."""

from __future__ import annotations

import io

from PIL import Image
from torch import Tensor

from engine.painting.images import side_by_side, to_tensor
from engine.painting.synthesis import Synthesis

_SCORED_SIDE = 512  # pixels; perceptors see fewer


def preview_of(picture: Image.Image, side: int) -> bytes:
    """A JPEG of the picture, its longer side at most ``side`` pixels."""
    return _small_jpeg(picture, side)


def overlay_of(synthesis: Synthesis, side: int) -> bytes:
    """A JPEG of the edited picture with what can change marked; empty without a mask.

    If words found that part, the scores of all places and the mask are shown next to it.
    """
    marked = synthesis.overlay()
    if marked is None:
        return b""
    marked.thumbnail((side, side))
    steps = synthesis.mask_steps()
    if "scores" in steps:
        marked = side_by_side(marked, steps["scores"], steps["mask"])
    return _small_jpeg(marked, max(marked.size))


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
