"""The tree of a picture as one picture: thumbnails with numbers, and lines between them.

This is slow: call it in a thread.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from engine.pictures.colours import over_white

_SIDE, _ACROSS, _DOWN, _EDGE = 112, 160, 132, 16
_GROUND, _LINE, _GONE, _CHOSEN, _BADGE = (
    (49, 51, 56),
    (128, 132, 142),
    (78, 80, 88),
    (88, 101, 242),
    (30, 31, 34),
)


@dataclass(frozen=True)
class Node:
    """One picture: the place of its ``parent`` among the nodes, which is before its own, if any.

    ``picture`` is a file's bytes, None if it cannot be shown.
    """

    parent: int | None
    picture: bytes | None
    spoiler: bool = False


def tree_picture(nodes: Sequence[Node], chosen: int) -> bytes:
    """Return a PNG of the tree from left to right; ``chosen`` is framed. Numbers begin at 1."""
    places = _places(nodes)
    width = max(x for x, _ in places) * _ACROSS + _SIDE + 2 * _EDGE
    height = max(y for _, y in places) * _DOWN + _SIDE + 2 * _EDGE
    whole = Image.new("RGB", (round(width), round(height)), _GROUND)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(18)

    def corner(i: int) -> tuple[int, int]:
        x, y = places[i]
        return round(_EDGE + x * _ACROSS), round(_EDGE + y * _DOWN)

    for i, node in enumerate(nodes):
        if node.parent is not None:
            (x, y), (px, py) = corner(i), corner(node.parent)
            middle = x - (_ACROSS - _SIDE) // 2
            start, end = (px + _SIDE, py + _SIDE // 2), (x, y + _SIDE // 2)
            draw.line((start, (middle, start[1]), (middle, end[1]), end), _LINE, 3)
    for i, node in enumerate(nodes):
        x, y = corner(i)
        if i == chosen:
            draw.rectangle((x - 5, y - 5, x + _SIDE + 4, y + _SIDE + 4), _CHOSEN)
        draw.rectangle((x, y, x + _SIDE - 1, y + _SIDE - 1), _GONE)
        if node.picture is not None and not node.spoiler:
            small = _small(node.picture)
            whole.paste(small, (x + (_SIDE - small.width) // 2, y + (_SIDE - small.height) // 2))
        draw.rectangle((x, y, x + 28, y + 22), _BADGE)
        draw.text((x + 14, y + 11), str(i + 1), "white", font, anchor="mm")
    file = io.BytesIO()
    whole.save(file, "PNG")
    return file.getvalue()


def _places(nodes: Sequence[Node]) -> list[tuple[float, float]]:
    """The column and row of each node: leaves below each other, parents in the middle of theirs."""
    children: list[list[int]] = [[] for _ in nodes]
    columns: list[int] = []
    for i, node in enumerate(nodes):
        columns.append(0 if node.parent is None else columns[node.parent] + 1)
        if node.parent is not None:
            children[node.parent].append(i)
    rows = [0.0] * len(nodes)
    leaves = 0
    # Depth first, without recursion: a node is placed when its children are.
    for root in (i for i, node in enumerate(nodes) if node.parent is None):
        stack = [(root, False)]
        while stack:
            i, placed = stack.pop()
            if not children[i]:
                rows[i], leaves = float(leaves), leaves + 1
            elif placed:
                rows[i] = (rows[children[i][0]] + rows[children[i][-1]]) / 2
            else:
                stack += [(i, True), *((child, False) for child in reversed(children[i]))]
    return [(float(column), row) for column, row in zip(columns, rows, strict=True)]


def _small(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        transparent = opened.has_transparency_data
        image = over_white(opened.convert("RGBA" if transparent else "RGB"))
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return image
