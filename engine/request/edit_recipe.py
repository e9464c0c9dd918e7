"""What an edit adds to the recipe: how much it changes, what it keeps, what it pushes away from.

Only numbers, like engine.request.recipe, so that reading them does not load torch.

Everything that strength s (0 to 1) decides:

- The learning rate is s^2 times the recipe's. At 0 nothing moves, and the picture is the
  generator's reconstruction of the start. A factor of s changed too much at low strengths: the
  length of Adam's steps depends on the rate but not on the gradient.
- The iterations are (1 + s) / 2 times the recipe's, unless the request sets their number: fewer
  steps change less.
- The regulariser pulls towards the first z (``towards="start"``) with the constant weight
  ``PULL`` * (1 - s), or by the schedule that the request names.
- At 1, a part that can change is painted from scratch: it starts near the codebook's mean, with
  the recipe's smoothness. Below 1 it starts from the picture.

Without a strength, the presets "default" and "fast" use ``STRENGTH`` for an edit of the whole
picture and ``PART_STRENGTH`` for an edit of a part, where the rest is protected anyway. The other
presets are left unchanged.
"""

from __future__ import annotations

from dataclasses import replace

from engine.request.method.regulariser import Regulariser
from engine.request.recipe import TUNED, Recipe

STRENGTH = 0.85
PART_STRENGTH = 1.0
PULL = 0.3
KEEP = 0.05
"""The default weight of the structure term with ``where``; without ``where`` it is 0."""
AWAY = 0.5


def strength_of(strength: float | None, preset: str, part: bool) -> float | None:
    """The strength of an edit, 0 to 1; ``part`` is whether only a part of the picture can change.

    None if the preset's recipe is used unchanged.
    """
    if strength is not None or preset not in TUNED:
        return strength
    return PART_STRENGTH if part else STRENGTH


def keep_of(keep: float | None, where: str | None) -> float:
    """The weight of the structure-preservation term."""
    if keep is not None:
        return keep
    return 0.0 if where is None else KEEP


def with_strength(
    recipe: Recipe,
    strength: float | None,
    *,
    iterations: int | None = None,
    schedule: str | None = None,
) -> Recipe:
    """``recipe`` for an edit of this strength, 0 to 1 (see the module); unchanged for None.

    ``iterations`` and ``schedule`` are the request's, None if it sets none.
    """
    if strength is None:
        return recipe
    count = max(1, round(recipe.iterations * (1 + strength) / 2))
    if strength < 1:
        recipe = replace(recipe, spread=1.0, smoothness=0.0)
    return replace(
        recipe,
        learning_rate=recipe.learning_rate * strength**2,
        iterations=count if iterations is None else iterations,
        regulariser=Regulariser(PULL * (1 - strength), schedule or "constant", "start"),
    )
