"""A curve in one line of text."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from bot.language import _
from engine.events import Losses

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 12


def sparkline(values: Sequence[float], width: int = _WIDTH) -> str:
    """Draw finite values as at most ``width`` blocks: the lowest as ▁, the highest as █.

    Where there are more values, each block is the mean of its share of them.
    """
    number = min(width, len(values))
    ends = [len(values) * i // number for i in range(number + 1)] if number else [0]
    means = [sum(values[start:end]) / (end - start) for start, end in itertools.pairwise(ends)]
    if not means:
        return ""
    low, high = min(means), max(means)
    scale = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BLOCKS[round((mean - low) * scale)] for mean in means)


def loss_line(each: Sequence[Losses | None]) -> str:
    """Say how the losses fell, of one picture or of those of a grid; empty if none is known."""
    if len(each) == 1:
        return "" if each[0] is None else _("loss {curve}", curve=_curve(each[0]))
    curves = " · ".join(
        f"{number} {_curve(losses)}" for number, losses in enumerate(each, 1) if losses is not None
    )
    return _("loss {curve}", curve=curves) if curves else ""


def _curve(losses: Losses) -> str:
    last = losses.last.get("total", losses.total[-1])
    return f"{losses.total[0]:.3g} {sparkline([*losses.total, last])} {last:.3g}"
