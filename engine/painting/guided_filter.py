"""The guided filter (He, Sun and Tang 2010), which aligns a coarse mask with a picture's edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-3
"""The contrast that counts as an edge, as a variance of colours in 0..1."""


def guided_filter(guide: Tensor, grey: Tensor, radius: int) -> Tensor:
    """Fit ``grey`` [1, 1, H, W] as a linear function of ``guide`` [1, 3, H, W] in each window.

    Windows are squares with a side of 2 * ``radius`` + 1 pixels (equations 19 to 21, for colour
    guides). Returns [1, 1, H, W].
    """
    mean_guide, mean_grey = _box(guide, radius), _box(grey, radius)
    together = _box(guide * grey, radius) - mean_guide * mean_grey
    rows, columns = torch.triu_indices(3, 3).unbind(0)
    pairs = _box(guide[:, rows] * guide[:, columns], radius)
    pairs = pairs - mean_guide[:, rows] * mean_guide[:, columns]
    spread = guide.new_zeros(*guide.shape[-2:], 3, 3)
    spread[..., rows, columns] = spread[..., columns, rows] = pairs[0].movedim(0, -1)
    spread += EPSILON * torch.eye(3).to(guide)
    slope = torch.linalg.solve(spread, together[0].movedim(0, -1)[..., None])[..., 0]
    slope = slope.movedim(-1, 0)[None]
    offset = mean_grey - (slope * mean_guide).sum(1, keepdim=True)
    return (_box(slope, radius) * guide).sum(1, keepdim=True) + _box(offset, radius)


def _box(x: Tensor, radius: int) -> Tensor:
    """Means over windows; at the border over the part inside the picture."""
    for kernel, padding in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
        x = F.avg_pool2d(x, kernel, stride=1, padding=padding, count_include_pad=False)
    return x
