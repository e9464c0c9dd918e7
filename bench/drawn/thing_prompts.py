"""The held-out prompts of the whole world, drawn once from a fixed seed and committed.

``python -m bench.drawn.thing_prompts`` writes ``things.json``, ``styled.json``, ``relations.json``
and ``additions.json`` in ``bench/prompts`` again, byte for byte. Each has 75 entries: a prompt
whose combination no training saw, its scene, and 99 captions that are not true of it, up to 40 of
which differ from it in a single attribute.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bench.drawn.shape_prompts import plain_dict
from bench.prompts import FOLDER
from training.world.captions import Claim, describe
from training.world.prompts import added_prompt, things_prompt
from training.world.sampling import WHOLE, Mix, near_miss, sample_scene
from training.world.scene import Scene, is_style_held_out

CAPTIONS, HARD, PROMPTS, SEED = 100, 40, 75, 20261123
Tell = Callable[[Scene, np.random.Generator], tuple[str, Claim]]


def _thing(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """As "a fox in the snow"."""
    return describe(scene, rng, full=True)


_ONE = replace(WHOLE, pairs=0.0, plain=1.0, counted=0.0, styled=0.0, drawn=0.85)
KINDS: dict[str, tuple[Mix, Tell]] = {
    "things": (replace(_ONE, scenic=0.5), _thing),
    "styled": (replace(_ONE, scenic=0.3, styled=1.0, drawn=1.0), things_prompt),
    "relations": (replace(_ONE, scenic=0.2, pairs=1.0), _thing),
    "additions": (replace(_ONE, scenic=0.6, styled=0.5), added_prompt)}
"""By kind, what its scenes are made of and how they are told."""


def _fits(kind: str, scene: Scene) -> bool:
    """Whether the prompt is one of its kind: what is held out is what the kind is about."""
    if len(scene.things) == 1 and scene.things[0].size != "medium":
        return False
    return scene.style is None or all(is_style_held_out(thing, scene.style)
                                      for thing in scene.things)


def _others(kind: str, own: str, scene: Scene, rng: np.random.Generator) -> dict[str, Claim]:
    mix, tell = KINDS[kind]
    found: dict[str, Claim] = {}
    for attempt in range(8000):
        if len(found) == CAPTIONS - 1:
            break
        hard = attempt < 600 and len(found) < HARD
        caption, claim = tell(near_miss(scene, rng) if hard else sample_scene(rng, mix), rng)
        if caption != own and not claim.true_of(scene):
            found[caption] = claim
    return found


def _compact(claim: Claim) -> dict[str, Any]:
    return {key: value for key, value in plain_dict(claim).items() if value not in (None, False)}


def make(kind: str) -> list[dict[str, Any]]:
    """The entries of one kind."""
    mix, tell = KINDS[kind]
    rng = np.random.default_rng([SEED, list(KINDS).index(kind)])
    entries: list[dict[str, Any]] = []
    seen = set()
    while len(entries) < PROMPTS:
        scene = sample_scene(rng, mix, held=True)
        caption, claim = tell(scene, rng)
        if not _fits(kind, scene) or caption in seen:
            continue
        seen.add(caption)
        others = _others(kind, caption, scene, rng)
        entries.append({"caption": caption, "scene": plain_dict(scene), "others": list(others),
                        "claims": [_compact(each) for each in (claim, *others.values())],
                        "seed": len(entries)})
    return entries


if __name__ == "__main__":
    for name in KINDS:
        lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in make(name))
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n")
