"""The cells of a figure: one request each, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench.prompts import Entry
from engine.request.request import ImageRequest, make_request

Scores = dict[str, float]
"""A cell's scores by name. Those in ``YES_OR_NO`` are 0 or 1."""
YES_OR_NO = ("first_class", "first_five", "first_caption", "first_style")


@dataclass(frozen=True)
class Cell:
    """One picture of a figure, in a row and a column of its sheet.

    Cells with the same ``group`` (0 to 4) belong to the same of the five seeds. ``entry`` has what
    the judges need to know of the prompt. An edit names its ``photograph``.
    """

    row: str
    column: str
    prompt: str
    seed: int
    group: int
    options: tuple[tuple[str, Any], ...] = ()
    photograph: str | None = None
    entry: Entry = field(default_factory=dict, compare=False)

    def request(self, start: str | None, **values: Any) -> ImageRequest:
        """The request; ``start`` is the SHA-256 of its photograph, ``values`` are other fields."""
        fields = {**dict(self.options), **values}
        return make_request(self.prompt, seed=self.seed, init_image=start, **fields)


@dataclass(frozen=True)
class Figure:
    """A figure of the paper, its ``cells`` in the order in which they are painted.

    ``reference`` is the column that the others are compared with.
    """

    number: str
    about: str
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    reference: str | None = None

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the rows, in order."""
        return tuple(dict.fromkeys(cell.row for cell in self.cells))
