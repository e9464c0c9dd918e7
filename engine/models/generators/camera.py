"""A camera that turns about itself, for the moves of a video."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.request.motion import Motion

_FIELD = 40  # degrees of view across the longer side


def turned(
    places: Tensor, motion: Motion, longer_side: int, *, back: bool = False
) -> tuple[Tensor, Tensor]:
    """Where the camera's turn takes places [..., 2], (x, y) in pixels from the picture's middle.

    Second, [...], is how many times as far ahead they are then: there, areas get smaller by its
    cube. A camera that turns about itself needs no depth (Hartley and Zisserman 2004, 8.4): places
    are mapped by K R^-1 K^-1, or with ``back`` by K R K^-1 from where they came.
    """
    focal = longer_side / (2 * math.tan(math.radians(_FIELD / 2)))
    right, down = (math.radians(degrees) for degrees in motion.tilt)
    across = torch.tensor(
        [[math.cos(right), 0, math.sin(right)], [0, 1, 0], [-math.sin(right), 0, math.cos(right)]],
        dtype=torch.float64,
    )
    below = torch.tensor(
        [[1, 0, 0], [0, math.cos(down), math.sin(down)], [0, -math.sin(down), math.cos(down)]],
        dtype=torch.float64,
    )
    turn = (across @ below).to(places)
    rays = F.pad(places / focal, (0, 1), value=1) @ (turn.T if back else turn)
    ahead = rays[..., 2]
    return focal * rays[..., :2] / ahead[..., None], ahead
