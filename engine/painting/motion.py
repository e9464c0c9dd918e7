"""Camera moves without depth: the picture is warped and encoded again, and painting goes on.

As in the authors' and nerdyrodent's scripts for videos. The picture is warped and not z: a move of
2% is much less than one of a VQGAN's tokens, and between two codes there is no third. Only strokes
are moved themselves (Generator.moved), as an encoded picture has none.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.generators.camera import turned
from engine.request.motion import Motion

_SHARPNESS = 0.5  # pixels, the standard deviation of the blur that pictures have anyway


@torch.no_grad()
def moved(picture: Tensor, motion: Motion) -> Tensor:
    """A picture [B, 3, H, W] in 0..1 after one move; the same on every run.

    Bicubic. Beyond its borders the picture is mirrored. Where everything gets smaller, it is
    smoothed before, so that nothing flickers.
    """
    if motion.zoom < 1:
        # The scale-space step to a blur of _SHARPNESS in the smaller picture's pixels.
        picture = _smoothed(picture, _SHARPNESS * math.sqrt(motion.zoom**-2 - 1))
    grid = _sources(motion, *picture.shape[-2:]).to(picture)
    sampled = F.grid_sample(
        picture,
        grid.expand(len(picture), -1, -1, -1),
        mode="bicubic",
        padding_mode="reflection",
        align_corners=False,
    )
    return sampled.clamp(0, 1)


def _sources(motion: Motion, height: int, width: int) -> Tensor:
    """Where each pixel comes from, [1, H, W, 2] in -1..1 from edge to edge, as for grid_sample."""
    right, down = motion.pan
    x = torch.arange(width, dtype=torch.float64) + 0.5 - width / 2
    y = (torch.arange(height, dtype=torch.float64) + 0.5 - height / 2)[:, None]
    if any(motion.tilt):
        places = torch.stack(torch.broadcast_tensors(x, y), dim=-1)
        places, _ = turned(places, motion, max(width, height), back=True)
        x, y = places.unbind(-1)
    x, y = x - right, y - down
    angle = math.radians(motion.degrees)
    cos, sin = math.cos(angle) / motion.zoom, math.sin(angle) / motion.zoom
    across, below = cos * x - sin * y, sin * x + cos * y
    return torch.stack([across * (2 / width), below * (2 / height)], dim=-1)[None]


def _smoothed(picture: Tensor, deviation: float) -> Tensor:
    """``picture`` smoothed by a Gaussian with this standard deviation in pixels."""
    reach = max(1, math.ceil(3 * deviation))
    place = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = (-(place**2) / (2 * deviation**2)).exp()
    kernel = (kernel / kernel.sum()).to(picture)
    rows, channels = picture.flatten(0, 1)[:, None], picture.shape[:2]
    rows = F.conv2d(F.pad(rows, (reach, reach, 0, 0), mode="reflect"), kernel.view(1, 1, 1, -1))
    rows = F.conv2d(F.pad(rows, (0, 0, reach, reach), mode="reflect"), kernel.view(1, 1, -1, 1))
    smooth: Tensor = rows.squeeze(1).unflatten(0, channels)
    return smooth
