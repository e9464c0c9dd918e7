"""Shares and their confidence intervals."""

from __future__ import annotations

import math
import statistics


def share(flags: list[bool]) -> float:
    """The share of True, rounded to three digits; 0 for an empty list."""
    return round(sum(flags) / max(1, len(flags)), 3)


def wilson_interval(flags: list[bool]) -> tuple[float, float]:
    """Wilson's 95% interval of the share of True (Wilson 1927); ``flags`` must not be empty."""
    return wilson_interval_of_mean(sum(flags) / len(flags), len(flags))


def wilson_interval_of_mean(mean: float, n: int) -> tuple[float, float]:
    """The same for a share of ``n`` that is already known, such as the mean of two judges."""
    z = 1.96
    middle = (mean + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(mean * (1 - mean) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return round(middle - half, 3), round(middle + half, 3)


def mean_interval(values: list[float]) -> tuple[float, float] | None:
    """Student's 95% interval of the mean, None for fewer than four values.

    The quantile is its expansion in 1 / degrees of freedom (Abramowitz and Stegun 26.7.5), which
    from three degrees on is within 1%.
    """
    if len(values) < 4:
        return None
    z, free = 1.959964, len(values) - 1
    quantile = (
        z
        + (z**3 + z) / (4 * free)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    )
    middle = statistics.fmean(values)
    half = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return round(middle - half, 3), round(middle + half, 3)
