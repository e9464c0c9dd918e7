"""The plot of losses: a curve that falls is high at the left and low at the right."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.media import loss_plot
from bot.media.loss_plot import Curve, curve_of, plot
from engine.events import Losses


def shown(*curves):
    return Image.open(io.BytesIO(plot(curves)))


def heights(image, colour):
    """The mean height, from above, of the pixels close to a colour, in columns that have some."""

    def is_close(pixel):
        return sum(abs(a - b) for a, b in zip(pixel, colour, strict=True)) < 90

    pixels = image.load()
    found = {}
    for x in range(image.width):
        rows = [y for y in range(image.height) if is_close(pixels[x, y])]
        if rows:
            found[x] = sum(rows) / len(rows)
    return found


def test_each_curve_is_drawn_from_its_first_to_its_last_value():
    down = heights(shown(Curve(((0, 1.0), (10, 0.5), (20, 0.0)))), loss_plot._COLOURS[0])
    left, right = min(down), max(down)
    assert right - left > 350  # of 480
    assert down[left] < 25
    assert down[right] > 165
    middle = down[(left + right) // 2]
    assert middle == pytest.approx((down[left] + down[right]) / 2, abs=3)
    both = shown(Curve(((0, 1.0), (20, 0.0))), Curve(((0, 0.0), (20, 1.0))))
    up = heights(both, loss_plot._COLOURS[1])
    assert up[min(up)] > up[max(up)]


@pytest.mark.parametrize("points", [((0, 0.7),), ((0, 0.7), (3, 0.7)), ((0, -2.0), (900, -30.0))])
def test_curves_of_any_values_can_be_drawn(points):
    assert heights(shown(Curve(points)), loss_plot._COLOURS[0])


def test_the_last_loss_is_the_last_point():
    losses = Losses(4, (1.0, 0.5), {"total": 0.25, "a fox": 0.2})
    assert curve_of(losses, 7).points == ((0, 1.0), (4, 0.5), (6, 0.25))
    assert curve_of(losses, 5).points == ((0, 1.0), (4, 0.25))
