"""Pictures of strokes as SVG files (Scalable Vector Graphics 1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "urn:imagine-bot"
"""Of the texts in a file's metadata."""

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Stroke:
    """A cubic curve with round ends.

    ``points`` are its four control points (x, y) and ``width`` its width, in pixels from the
    picture's top left corner; ``colour`` (red, green, blue) and ``opacity`` are in 0..1.
    """

    points: tuple[tuple[float, float], ...]
    width: float
    colour: tuple[float, ...]
    opacity: float


def svg(
    strokes: Sequence[Stroke],
    size: tuple[int, int],
    paper: tuple[float, ...],
    texts: Mapping[str, str],
) -> str:
    """An SVG file of ``strokes``, the lowest first, on ``paper`` (red, green, blue in 0..1).

    ``size`` is width and height in pixels; ``texts`` (keyword -> text) become its metadata, of
    which "Description" is also the title.
    """
    width, height = size
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">',
        f"<title>{_plain(texts.get('Description', ''))}</title>",
        f'<metadata><texts xmlns="{NAMESPACE}">',
        *(
            f"<text keyword={quoteattr(keyword)}>{_plain(text)}</text>"
            for keyword, text in texts.items()
        ),
        "</texts></metadata>",
        f'<rect width="100%" height="100%" fill="{_hex(paper)}"/>',
        '<g fill="none" stroke-linecap="round" stroke-linejoin="round">',
        *(_path(stroke) for stroke in strokes),
        "</g>",
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _path(stroke: Stroke) -> str:
    first, *others = (f"{x:.2f} {y:.2f}" for x, y in stroke.points)
    return (
        f'<path d="M{first}C{" ".join(others)}" stroke="{_hex(stroke.colour)}" '
        f'stroke-opacity="{stroke.opacity:.3f}" stroke-width="{stroke.width:.2f}"/>'
    )


def _hex(colour: Sequence[float]) -> str:
    return "#" + "".join(f"{round(min(1, max(0, part)) * 255):02x}" for part in colour)


def _plain(text: str) -> str:
    """``text`` escaped, and without characters that no XML file can have."""
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
