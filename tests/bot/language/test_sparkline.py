"""The curve of a loss in one line."""

from __future__ import annotations

import pytest

from bot.language.sparkline import loss_line, sparkline
from engine.events import Losses


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0.3], "▁"),
        ([1, 1, 1], "▁▁▁"),
        ([8, 7, 6, 5, 4, 3, 2, 1], "█▇▆▅▄▃▂▁"),
        ([0, -1], "█▁"),
        ([1.0] * 12 + [0.0] * 12, "██████▁▁▁▁▁▁"),
    ],
)
def test_the_lowest_is_the_smallest_block(values, drawn):
    assert sparkline(values) == drawn


@pytest.mark.parametrize("number", [1, 11, 12, 13, 100, 1000])
def test_a_long_curve_becomes_a_short_one_that_still_falls(number):
    drawn = sparkline([1 / (1 + i) for i in range(number)])
    assert len(drawn) == min(number, 12)
    assert list(drawn) == sorted(drawn, reverse=True)


def test_a_grid_has_a_curve_for_each_picture_that_has_losses():
    one, two = Losses(1, (1.0, 0.5), {"total": 0.25}), Losses(1, (0.9,), {})
    assert loss_line([one]) == "loss 1 █▃▁ 0.25"
    assert loss_line([one, None, two]) == "loss 1 1 █▃▁ 0.25 · 3 0.9 ▁▁ 0.9"
    assert loss_line([None]) == loss_line([None, None]) == ""
