"""The learning rate over a run."""

from __future__ import annotations

import math


def warm_cosine(rate: float, iteration: int, total: int, warmup: int = 100) -> float:
    """Linear warm-up to ``rate``, then a cosine down to a twentieth of it at ``total`` steps."""
    if iteration < warmup:
        return rate * (iteration + 1) / warmup
    along = min(1.0, iteration / total)
    return rate * (0.05 + 0.95 * (1 + math.cos(math.pi * along)) / 2)
