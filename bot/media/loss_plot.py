"""A small plot of how the losses fell while a picture was painted.

This is slow: call it in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from engine.events import Losses

_WIDTH, _HEIGHT = 480, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 14, 28  # around the curves
_SCALE = 2  # drawn larger, so that lines have smooth edges
_GROUND, _GRID, _WORDS = (43, 45, 49), (78, 80, 88), (219, 222, 225)
_COLOURS = ((88, 166, 255), (63, 185, 80), (240, 136, 62), (219, 97, 162))


@dataclass(frozen=True)
class Curve:
    """The totals of one picture, each with its iteration, in order; at least one."""

    points: tuple[tuple[int, float], ...]


def curve_of(losses: Losses, iterations: int) -> Curve:
    """Return the curve of losses; the last one was measured in the last of ``iterations``."""
    points = {i * losses.every: total for i, total in enumerate(losses.total)}
    if "total" in losses.last:
        points[max(iterations - 1, *points, 0)] = losses.last["total"]
    return Curve(tuple(sorted(points.items())))


def plot(curves: Sequence[Curve]) -> bytes:
    """Return a PNG with the curves, one for each picture, in one system of axes."""
    values = [value for curve in curves for _at, value in curve.points]
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    last = max(curve.points[-1][0] for curve in curves) or 1
    image = Image.new("RGB", (_WIDTH * _SCALE, _HEIGHT * _SCALE), _GROUND)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(12 * _SCALE)

    def place(at: float, value: float) -> tuple[float, float]:
        across = _LEFT + at / last * (_WIDTH - _LEFT - _RIGHT)
        down = _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return across * _SCALE, down * _SCALE

    for value in (high, (high + low) / 2, low):
        x, y = place(0, value)
        draw.line((x, y, place(last, value)[0], y), _GRID, _SCALE)
        draw.text((x - 6 * _SCALE, y), f"{value:.3g}", _WORDS, font, anchor="rm")
    y = (_HEIGHT - _BOTTOM / 2) * _SCALE
    for at, anchor in ((0, "lm"), (last, "rm")):
        draw.text((place(at, low)[0], y), str(at), _WORDS, font, anchor=anchor)
    for i, curve in enumerate(curves):
        places = [place(*point) for point in curve.points]
        colour = _COLOURS[i % len(_COLOURS)]
        if len(places) > 1:
            draw.line(places, colour, 2 * _SCALE, joint="curve")
        x, y = places[-1]
        radius = 3 * _SCALE
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
    file = io.BytesIO()
    image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(file, "PNG")
    return file.getvalue()
