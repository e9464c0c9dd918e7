"""A painting of strokes as an SVG file."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import RequestError
from engine.models.generators.vector import svg
from engine.painting.synthesis import Synthesis


def check_strokes(synthesis: Synthesis) -> None:
    """Raise RequestError if :func:`svg_of` cannot write this painting."""
    if synthesis.original is not None:
        raise RequestError(
            "An edit keeps pixels of the picture that it starts from, which an SVG can't; use a "
            "name that ends in .png."
        )
    if synthesis.changes.freezes:
        raise RequestError(
            "Freezing a part keeps its pixels, which an SVG can't; use a name that ends in .png."
        )
    if synthesis.generator.strokes(synthesis.latent.initial) is None:
        raise RequestError(
            "This model paints pixels, not strokes, which an SVG can't keep; use a name that ends "
            "in .png, or a model of strokes, such as natural-curves."
        )


def svg_of(synthesis: Synthesis, texts: Mapping[str, str]) -> str:
    """The current picture as an SVG file with ``texts`` as metadata (see ``svg``).

    Raises RequestError like :func:`check_strokes`.
    """
    check_strokes(synthesis)
    strokes = synthesis.generator.strokes(synthesis.finished().detach())
    recipe = synthesis.recipe
    return svg(strokes or [], (recipe.width, recipe.height), (1.0, 1.0, 1.0), texts)
