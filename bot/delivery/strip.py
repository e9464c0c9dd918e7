"""A strip of previews: how a picture came about, as a row of small pictures."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from bot.language import _

CELLS = 6
_SIDE, _GAP = 96, 4
NAME = "steps.webp"


@dataclass(frozen=True)
class Strip:
    """A row of previews and the finished picture, as a file; ``alt`` describes it."""

    data: bytes
    alt: str
    name: str = NAME


class Previews:
    """Collects previews while a picture is painted: few, evenly spread over its iterations."""

    def __init__(self) -> None:
        self._kept: dict[int, bytes] = {}
        self._each = 1  # of those that come, one in so many is kept
        self._came = 0

    def add(self, iteration: int, preview: bytes) -> None:
        """Take a preview, which may replace others."""
        if not preview or iteration in self._kept:
            return
        if self._came % self._each == 0:
            self._kept[iteration] = preview
        self._came += 1
        if len(self._kept) >= 4 * CELLS:
            self._kept = dict(list(self._kept.items())[::2])
            self._each *= 2

    def strip(self, finished: bytes, iterations: int) -> Strip | None:
        """Return the strip, which ends with the finished picture; None without two previews.

        This is slow: call it in a thread.
        """
        known = [at for at in self._kept if at < iterations]
        if len(known) < 2:
            return None
        number = min(CELLS - 1, len(known))
        chosen = [known[round(i * (len(known) - 1) / (number - 1))] for i in range(number)]
        cells = [_small(data) for data in (*(self._kept[at] for at in chosen), finished)]
        width = sum(cell.width for cell in cells) + _GAP * (len(cells) - 1)
        whole = Image.new("RGB", (width, max(cell.height for cell in cells)), (43, 45, 49))
        x = 0
        for cell in cells:
            whole.paste(cell, (x, 0))
            x += cell.width + _GAP
        file = io.BytesIO()
        whole.save(file, "WEBP", quality=85)
        at_last = ", ".join(map(str, chosen))
        alt = _(
            "How it came about: after {iterations} and {last} iterations",
            iterations=at_last,
            last=iterations,
        )
        return Strip(file.getvalue(), alt)


def _small(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGB")
    scale = _SIDE / image.height
    width = max(1, min(2 * _SIDE, round(image.width * scale)))
    return image.resize((width, _SIDE), Image.Resampling.LANCZOS)
