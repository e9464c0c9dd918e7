"""The held-out prompts of ``bench.fidelity``, drawn once from a fixed seed and committed.

``python -m bench.drawn.shape_prompts`` writes ``bench/prompts/*.json`` again, byte for byte.
Each entry of ``shapes.json`` is a scene whose combination no training saw, its caption, and 63
other captions that are not true of it, of which up to 24 differ from it in a single attribute.
Each entry of ``colours.json`` is a single thing on a plain ground, for the test by pixels.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import Any

import numpy as np

from bench.drawn.judge import FIRST_WORLD
from bench.prompts import FOLDER
from training.world.captions import Claim, ThingClaim, article, describe
from training.world.sampling import near_miss, sample_scene
from training.world.scene import COLOURS, SHAPES, Ground, Scene, Thing, held_out

CAPTIONS, HARD, PROMPTS, SEED = 64, 24, 100, 20221122


def to_scene(data: dict[str, Any]) -> Scene:
    """The Scene that ``dataclasses.asdict`` took apart."""
    things = tuple(Thing(**thing) for thing in data["things"])
    return Scene(things, Ground(**data["ground"]), data["relation"], data["style"])


def to_claim(data: dict[str, Any]) -> Claim:
    """The Claim that ``dataclasses.asdict`` took apart."""
    return Claim(**{**data, "things": tuple(ThingClaim(*thing) for thing in data["things"])})


def plain_dict(told: Scene | Claim) -> dict[str, Any]:
    """It as JSON has it; how many of a thing there are only where that is more than one."""
    found = dataclasses.asdict(told)
    if isinstance(told, Claim):
        found["things"] = [said[:3] if said.number == 1 else said for said in told.things]
    else:
        found["things"] = [{key: value for key, value in thing.items()
                            if (key, value) != ("count", 1)} for thing in found["things"]]
    return found


def others_of(scene: Scene, rng: np.random.Generator) -> dict[str, Claim]:
    """63 different captions, none true of ``scene``, its near misses first, and their claims."""
    own = describe(scene, rng, full=True)[0]
    found: dict[str, Claim] = {}
    for attempt in range(4000):
        if len(found) == CAPTIONS - 1:
            break
        hard = attempt < 400 and len(found) < HARD
        pairs = float(len(scene.things) - 1)
        other = near_miss(scene, rng, FIRST_WORLD.styles) if hard else sample_scene(
            rng, replace(FIRST_WORLD, styled=0.0, pairs=pairs))
        caption, claim = describe(other, rng, full=True)
        if caption != own and not claim.true_of(scene):
            found[caption] = claim
    return found


def make_shapes() -> list[dict[str, Any]]:
    """The prompts: half single things, half two with a relation, all on plain grounds."""
    rng = np.random.default_rng(SEED)
    entries: list[dict[str, Any]] = []
    seen = set()
    while len(entries) < PROMPTS:
        pairs = float(len(entries) % 2)
        scene = sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=pairs), held=True)
        caption, claim = describe(scene, rng, full=True)
        sized = any(thing.size != "medium" for thing in scene.things) and len(scene.things) == 1
        if scene.ground.second is not None or sized or caption in seen:
            continue
        seen.add(caption)
        others = others_of(scene, rng)
        claims = [plain_dict(each) for each in (claim, *others.values())]
        entries.append({"caption": caption, "scene": plain_dict(scene),
                        "others": list(others), "claims": claims, "seed": len(entries)})
    return entries


def make_colours() -> list[dict[str, Any]]:
    """A hundred "a red square on a yellow background", none with a ring: its middle is empty.

    All 99 combinations that are held out, and that very prompt, which is the README's.
    """
    scenes = [Scene((Thing(shape, colour),), Ground(ground))
              for shape in SHAPES for colour in COLOURS for ground in COLOURS
              if shape != "ring" and colour != ground]
    kept = [scene for scene in scenes if held_out(scene)]
    rng = np.random.default_rng(SEED)
    chosen = [Scene((Thing("square", "red"),), Ground("yellow")),
              *(kept[i] for i in rng.permutation(len(kept))[:PROMPTS - 1])]
    entries = []
    for seed, scene in enumerate(chosen):
        thing, ground = scene.things[0], scene.ground.colour
        caption = (f"{article(thing.colour)} {thing.shape} on {article(ground)} background")
        entries.append({"caption": caption, "colour": thing.colour, "ground": ground,
                        "shape": thing.shape, "seed": seed})
    return entries


if __name__ == "__main__":
    for name, entries in (("shapes", make_shapes()), ("colours", make_colours())):
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n")
