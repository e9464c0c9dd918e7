"""Shares, and how sure they are."""

from __future__ import annotations

import math


def share(flags: list[bool]) -> float:
    """The share of True, to three digits; 0 of none."""
    return round(sum(flags) / max(1, len(flags)), 3)


def interval(right: list[bool]) -> tuple[float, float]:
    """Wilson's 95% interval of a share (Wilson 1927)."""
    return interval_of(sum(right) / len(right), len(right))


def interval_of(share: float, n: int) -> tuple[float, float]:
    """The same of a share of n that is a mean already."""
    z = 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return round(middle - half, 3), round(middle + half, 3)
