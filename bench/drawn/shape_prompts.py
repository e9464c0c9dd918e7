"""Writes the held-out prompts of shapes: ``python -m bench.drawn.shape_prompts``.

They were drawn once from a fixed seed and committed; the script writes the same bytes again.

- ``shapes.json``: a scene whose combination was left out of training, its caption, and 63 wrong
  captions, of which up to 24 differ from the scene in a single attribute;
- ``colours.json``: one thing on a plain ground, for the test by pixels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.drawn.judge import FIRST_WORLD
from bench.drawn.scene_json import to_json
from bench.prompts import Entry, write_entries
from training.world.captions import Claim, article, describe
from training.world.sampling import near_miss, sample_scene
from training.world.scene import COLOURS, SHAPES, Ground, Scene, Thing, held_out

CAPTIONS, HARD, PROMPTS, SEED = 64, 24, 100, 20221122


def wrong_captions(scene: Scene, rng: np.random.Generator) -> dict[str, Claim]:
    """63 different captions that are not true of ``scene``, near misses first, with claims."""
    own = describe(scene, rng, full=True)[0]
    found: dict[str, Claim] = {}
    for attempt in range(4000):
        if len(found) == CAPTIONS - 1:
            break
        hard = attempt < 400 and len(found) < HARD
        pairs = float(len(scene.things) - 1)
        other = (
            near_miss(scene, rng, FIRST_WORLD.styles)
            if hard
            else sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=pairs))
        )
        caption, claim = describe(other, rng, full=True)
        if caption != own and not claim.true_of(scene):
            found[caption] = claim
    return found


def make_shapes() -> list[Entry]:
    """The prompts: half single things, half two with a relation, all on plain grounds."""
    rng = np.random.default_rng(SEED)
    entries: list[Entry] = []
    seen = set()
    while len(entries) < PROMPTS:
        pairs = float(len(entries) % 2)
        scene = sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=pairs), held=True)
        caption, claim = describe(scene, rng, full=True)
        sized = any(thing.size != "medium" for thing in scene.things) and len(scene.things) == 1
        if scene.ground.second is not None or sized or caption in seen:
            continue
        seen.add(caption)
        wrong = wrong_captions(scene, rng)
        entries.append(
            {
                "caption": caption,
                "scene": to_json(scene),
                "others": list(wrong),
                "claims": [to_json(each) for each in (claim, *wrong.values())],
                "seed": len(entries),
            }
        )
    return entries


def make_colours() -> list[Entry]:
    """A hundred prompts such as "a red square on a yellow background".

    They are the README's prompt and all 99 held-out combinations. Rings are left out: their
    centre has the colour of the ground.
    """
    scenes = [
        Scene((Thing(shape, colour),), Ground(ground))
        for shape in SHAPES
        for colour in COLOURS
        for ground in COLOURS
        if shape != "ring" and colour != ground
    ]
    unseen = [scene for scene in scenes if held_out(scene)]
    rng = np.random.default_rng(SEED)
    chosen = [
        Scene((Thing("square", "red"),), Ground("yellow")),
        *(unseen[i] for i in rng.permutation(len(unseen))[: PROMPTS - 1]),
    ]
    entries = []
    for seed, scene in enumerate(chosen):
        thing, ground = scene.things[0], scene.ground.colour
        caption = f"{article(thing.colour)} {thing.shape} on {article(ground)} background"
        entries.append(
            {
                "caption": caption,
                "colour": thing.colour,
                "ground": ground,
                "shape": thing.shape,
                "seed": seed,
            }
        )
    return entries


if __name__ == "__main__":
    write_entries("shapes", make_shapes())
    write_entries("colours", make_colours())
