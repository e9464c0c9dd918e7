"""Random scenes of the drawn world, and near misses of a scene.

A :class:`Mix` says what they consist of. :mod:`training.world.scene` defines a scene,
:mod:`training.world.drawing` makes its picture, :mod:`training.world.captions` its captions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.world.scene import (
    COLOURS,
    PATTERNS,
    RELATIONS,
    SCENERY,
    SHAPES,
    SIZES,
    Ground,
    Scene,
    Thing,
    held_out,
    sized_by_relation,
)
from training.world.styles import STYLES
from training.world.things import drawn_things


@dataclass(frozen=True)
class Mix:
    """Shares (0 to 1) of what scenes consist of.

    Of the scenes, ``styled`` are in one of ``styles`` and ``pairs`` have two things; of those with
    one thing, ``counted`` have two or three of it. Of the grounds, ``scenic`` are scenery, and
    ``plain`` of the others have no pattern. Of the things, ``drawn`` are drawings.
    """

    styled: float = 0.25
    pairs: float = 0.4
    plain: float = 0.6
    scenic: float = 0.0
    drawn: float = 0.0
    counted: float = 0.0
    styles: tuple[str, ...] = tuple(STYLES)


SHAPES_ONLY = Mix()
WHOLE = Mix(scenic=0.4, drawn=0.7, counted=0.1)


def sample_scene(rng: np.random.Generator, mix: Mix = SHAPES_ONLY, *, held: bool = False) -> Scene:
    """A random scene, from the held-out combinations if ``held``, else from the others."""
    while True:
        scene = _any_scene(rng, mix)
        if held_out(scene) == held:
            return scene


def _pick(rng: np.random.Generator, names: tuple[str, ...], *without: str | None) -> str:
    left = [name for name in names if name not in without]
    return left[int(rng.integers(len(left)))]


def _chance(rng: np.random.Generator, share: float) -> bool:
    """True with the probability ``share``; at 0 no random number is used.

    So a mix with fewer features has the same random numbers as before they were added.
    """
    return share > 0 and rng.random() < share


def _any_ground(rng: np.random.Generator, mix: Mix) -> Ground:
    if _chance(rng, mix.scenic):
        return _scenery(rng)
    colour = _pick(rng, tuple(COLOURS))
    pattern = "plain" if rng.random() < mix.plain else _pick(rng, PATTERNS[1:])
    second = None if pattern == "plain" else _pick(rng, tuple(COLOURS), colour)
    return Ground(colour, pattern, second)


def _scenery(rng: np.random.Generator, *without: str) -> Ground:
    pattern = _pick(rng, SCENERY, *without)
    if pattern != "gradient":
        return Ground(pattern, pattern)
    colour = _pick(rng, tuple(COLOURS))
    return Ground(colour, pattern, _pick(rng, tuple(COLOURS), colour))


def _drawn_thing(rng: np.random.Generator, count: int, *without: str | None) -> Thing:
    """A random drawn thing with none of the colours and names in ``without``."""
    fitting = [each for each in drawn_things().values() if each.fits(count, without)]
    return fitting[int(rng.integers(len(fitting)))].thing(count=count)


def _any_scene(rng: np.random.Generator, mix: Mix) -> Scene:
    colours = tuple(COLOURS)
    ground = _any_ground(rng, mix)
    behind = (ground.colour, ground.second)
    style = _pick(rng, mix.styles) if rng.random() < mix.styled else None
    if rng.random() >= mix.pairs:
        count = int(rng.integers(2, 4)) if _chance(rng, mix.counted) else 1
        if _chance(rng, mix.drawn):
            return Scene((_drawn_thing(rng, count, *behind),), ground, None, style)
        colour = _pick(rng, colours, *behind)
        size = _pick(rng, SIZES) if count == 1 and rng.random() < 0.5 else "medium"
        return Scene((Thing(_pick(rng, SHAPES), colour, size, count),), ground, None, style)
    relation = _pick(rng, RELATIONS)
    if _chance(rng, mix.drawn):
        things = _drawn_pair(rng, mix, relation, behind)
    else:
        first_colour = _pick(rng, colours, *behind)
        taken = first_colour if relation == "inside" else None
        second_colour = _pick(rng, colours, *behind, taken)
        without = "ring" if relation == "inside" else None
        things = (
            Thing(_pick(rng, SHAPES), first_colour),
            Thing(_pick(rng, SHAPES, without), second_colour),
        )
    return sized_by_relation(Scene(things, ground, relation, style))


def _drawn_pair(
    rng: np.random.Generator, mix: Mix, relation: str, behind: tuple[str | None, ...]
) -> tuple[Thing, Thing]:
    """A drawn thing, and another or a shape, in random order; only shapes contain something."""
    first = _drawn_thing(rng, 1, *behind)
    if relation == "inside":
        shape = _pick(rng, SHAPES, "ring")
        return first, Thing(shape, _pick(rng, tuple(COLOURS), *behind, first.colour))
    second = (
        _drawn_thing(rng, 1, *behind, first.shape)
        if rng.random() < mix.drawn
        else Thing(_pick(rng, SHAPES), _pick(rng, tuple(COLOURS), *behind))
    )
    return (first, second) if rng.random() < 0.5 else (second, first)


def near_miss(
    scene: Scene, rng: np.random.Generator, styles: tuple[str, ...] = tuple(STYLES)
) -> Scene:
    """The same scene with one attribute changed: the hardest wrong answer to its caption.

    If two things share what should be swapped, the scene is returned unchanged.
    """
    index = int(rng.integers(len(scene.things)))
    choices = ["shape", "shape", "colour", "ground"]
    if scene.relation is not None:
        choices += ["swap colours", "swap shapes", "relation", "swap"]
    if scene.style is not None:
        choices.append("style")
    if scene.things[0].count > 1:
        choices.append("count")
    kind = choices[int(rng.integers(len(choices)))]
    if kind == "ground":
        return replace(scene, ground=_other_ground(scene, rng))
    if kind == "style":
        return replace(scene, style=_pick(rng, styles, scene.style))
    if kind == "relation":
        return _related(scene, _pick(rng, RELATIONS, scene.relation))
    if kind.startswith("swap"):
        return _swapped(scene, kind)
    return scene.with_thing(index, _other_thing(scene, index, kind, rng))


def _other_ground(scene: Scene, rng: np.random.Generator) -> Ground:
    ground = scene.ground
    if ground.own_colours:
        return _scenery(rng, ground.pattern, "gradient")
    mine = {each.colour for each in scene.things}
    colour = _pick(rng, tuple(COLOURS), ground.colour, ground.second, *mine)
    return replace(ground, colour=colour)


def _related(scene: Scene, relation: str) -> Scene:
    """In another relation; only a shape of another colour can contain something."""
    first, second = scene.things
    if relation == "inside" and (second.drawn or (first.drawn and first.colour == second.colour)):
        relation = _other_of_two(str(scene.relation))
    return sized_by_relation(replace(scene, relation=relation))


def _other_of_two(relation: str) -> str:
    return "left of" if relation == "above" else "above"


def _swapped(scene: Scene, kind: str) -> Scene:
    first, second = scene.things
    drawn = first.drawn or second.drawn
    if drawn and scene.relation == "inside":
        return scene
    if kind == "swap" or drawn:
        pair = (second, first)
    elif kind == "swap colours":
        pair = (replace(first, colour=second.colour), replace(second, colour=first.colour))
    else:
        pair = (replace(first, shape=second.shape), replace(second, shape=first.shape))
    return sized_by_relation(replace(scene, things=pair))


def _other_thing(scene: Scene, index: int, kind: str, rng: np.random.Generator) -> Thing:
    """One of the things with another colour, shape or count; or another drawing."""
    thing, taken = scene.things[index], scene.other_colours(index)
    if kind == "count":
        return replace(thing, count=5 - thing.count)
    if thing.drawn:
        other = _drawn_thing(rng, thing.count, thing.shape, *taken)
        return replace(other, size=thing.size)
    if kind == "shape":
        return replace(thing, shape=_pick(rng, SHAPES, thing.shape))
    return replace(thing, colour=_pick(rng, tuple(COLOURS), thing.colour, *taken))
