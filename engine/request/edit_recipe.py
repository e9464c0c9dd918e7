"""What an edit adds to the recipe: how far it may go, what it keeps, what it pushes away.

Numbers only, like engine.request.recipe: whoever writes requests reads them without loading torch.

Strength s, 0 to 1, in one place:

- the learning rate is s^2 times the recipe's, so that at 0 nothing moves and the picture is the
  generator's own reconstruction of the start; with s itself a tenth of the strength went half
  the way, for Adam's steps are as long as the rate whatever the gradient;
- the iterations are (1 + s) / 2 of the recipe's, unless the request names a number of its own:
  small steps that also end early go less far;
- the regulariser pulls toward the first z (``towards="start"``) with the weight ``PULL`` times
  (1 - s), which does not decay; a schedule that the request names is kept. At 1 there is none;
- only at 1 is a part that may change painted anew, from near the codebook's mean and as smooth as
  the recipe has it; below, it is changed from what it is.

A request without a strength has, with the preset "default", ``STRENGTH`` where the whole picture
is edited and ``PART_STRENGTH`` where a part of it is, the rest being safe anyway; the other
presets' recipes are taken as they are.
"""

from __future__ import annotations

from dataclasses import replace

from engine.request.recipe import Recipe, Regulariser

STRENGTH = 0.85
PART_STRENGTH = 1.0
PULL = 0.3
KEEP = 0.05
"""The structure term's weight where ``where`` is given; without, it is 0 unless asked for."""
AWAY = 0.5


def strength_of(strength: float | None, preset: str, part: bool) -> float | None:
    """How far an edit of that preset goes; ``part`` where only a part of the picture may change.

    None where the preset's recipe is to be taken as it is.
    """
    if strength is not None or preset != "default":
        return strength
    return PART_STRENGTH if part else STRENGTH


def keep_of(keep: float | None, where: str | None) -> float:
    """The weight of the structure-preservation term."""
    if keep is not None:
        return keep
    return 0.0 if where is None else KEEP


def with_strength(recipe: Recipe, strength: float | None, *, iterations: int | None = None,
                  schedule: str | None = None) -> Recipe:
    """``recipe`` for an edit of this strength, 0 to 1; see above. None leaves it as it is.

    ``iterations`` and ``schedule`` are the request's own, None where it names none.
    """
    if strength is None:
        return recipe
    count = max(1, round(recipe.iterations * (1 + strength) / 2))
    if strength < 1:
        recipe = replace(recipe, spread=1.0, smoothness=0.0)
    return replace(
        recipe, learning_rate=recipe.learning_rate * strength**2,
        iterations=count if iterations is None else iterations,
        regulariser=Regulariser(PULL * (1 - strength), schedule or "constant", "start"))
