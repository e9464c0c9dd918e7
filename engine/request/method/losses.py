"""The losses besides those of the prompts, as people choose them."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import RequestError
from engine.request.method.colours import Colour, parse_colour, parse_colours
from engine.request.method.values import WEIGHTS, chosen, number_of, split_number, unreadable

SYMMETRIES = ("left-right", "top-bottom", "both")
MAX_COLOURS = 32
PLAIN = "plain"
"""The edge that has one colour, but any."""
SYMMETRY, PALETTE, EDGE, PLAIN_EDGE = 10.0, 0.3, 1.0, 5.0
"""The weights if none is given: with more, the words lose (looked at with the included models)."""


@dataclass(frozen=True)
class PictureLosses:
    """Weights of losses that are off by default, 0 (see engine.painting.losses.picture).

    ``smoothness`` is the weight of the total variation, if it is not the recipe's own; it then also
    holds for pictures that are edited as a whole. ``saturation`` makes colours stronger, or
    weaker if it is negative. ``symmetry`` is between the halves that ``axis`` names,
    one of SYMMETRIES. ``palette`` pulls pixels to the nearest of ``colours``, ``edge`` the
    border to ``border``, or to its own mean without one. ``aesthetic`` is the weight of the
    rating by the host's aesthetic head. Colours are red, green and blue in 0..1.
    """

    smoothness: float | None = None
    saturation: float = 0.0
    symmetry: float = 0.0
    axis: str = "left-right"
    palette: float = 0.0
    colours: tuple[Colour, ...] = ()
    edge: float = 0.0
    border: Colour | None = None
    aesthetic: float = 0.0


def parse_symmetry(text: str) -> tuple[str, float]:
    """The axis and the weight of "left-right" or "both:2"; raises RequestError."""
    axis, number = split_number(text)
    return chosen("symmetry", axis, SYMMETRIES), _weight("symmetry", number, SYMMETRY)


def parse_palette(text: str) -> tuple[tuple[Colour, ...], float]:
    """The colours and the weight of "navy,gold,#fff:2"; raises RequestError."""
    names, number = split_number(text)
    colours = parse_colours(names)
    if not colours:
        raise unreadable("palette", text, "navy,gold,#ffffff:2")
    if len(colours) > MAX_COLOURS:
        raise RequestError(
            "A palette can have at most {most} colours, not {count}.",
            most=MAX_COLOURS,
            count=len(colours),
        )
    return colours, _weight("palette", number, PALETTE)


def parse_edge(text: str) -> tuple[Colour | None, float]:
    """The colour, None for any, and the weight of "white:2" or "plain"; raises RequestError."""
    name, number = split_number(text)
    colour = None if name == PLAIN else parse_colour(name)
    return colour, _weight("edge", number, PLAIN_EDGE if colour is None else EDGE)


def _weight(field: str, number: str | None, usual: float) -> float:
    return usual if number is None else number_of(field, number, WEIGHTS)
