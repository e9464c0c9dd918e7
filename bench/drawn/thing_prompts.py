"""Writes the held-out prompts of the whole drawn world: ``python -m bench.drawn.thing_prompts``.

They were drawn once from a fixed seed and committed as ``things.json``, ``styled.json``,
``relations.json`` and ``additions.json`` in ``bench/prompts``; the script writes the same bytes
again. Each has 75 entries: a prompt whose combination was left out of training, its scene, and 99
wrong captions, of which up to 40 differ from the scene in a single attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bench.drawn.scene_json import to_json
from bench.prompts import Entry, write_entries
from training.world.captions import Claim, describe
from training.world.prompts import added_prompt, things_prompt
from training.world.sampling import WHOLE, Mix, near_miss, sample_scene
from training.world.scene import Scene, is_style_held_out

CAPTIONS, HARD, PROMPTS, SEED = 100, 40, 75, 20261123
Describe = Callable[[Scene, np.random.Generator], tuple[str, Claim]]


def _describe_fully(scene: Scene, rng: np.random.Generator) -> tuple[str, Claim]:
    """A whole sentence: "a fox in the snow"."""
    return describe(scene, rng, full=True)


_ONE = replace(WHOLE, pairs=0.0, plain=1.0, counted=0.0, styled=0.0, drawn=0.85)
KINDS: dict[str, tuple[Mix, Describe]] = {
    "things": (replace(_ONE, scenic=0.5), _describe_fully),
    "styled": (replace(_ONE, scenic=0.3, styled=1.0, drawn=1.0), things_prompt),
    "relations": (replace(_ONE, scenic=0.2, pairs=1.0), _describe_fully),
    "additions": (replace(_ONE, scenic=0.6, styled=0.5), added_prompt),
}
"""For each kind, what its scenes are made of and how they are put into words."""


def _fits(scene: Scene) -> bool:
    """Whether the scene is held out for its combination, not for a size or an easy style."""
    if len(scene.things) == 1 and scene.things[0].size != "medium":
        return False
    return scene.style is None or all(
        is_style_held_out(thing, scene.style) for thing in scene.things
    )


def _wrong_captions(
    kind: str, own: str, scene: Scene, rng: np.random.Generator
) -> dict[str, Claim]:
    mix, put_into_words = KINDS[kind]
    found: dict[str, Claim] = {}
    for attempt in range(8000):
        if len(found) == CAPTIONS - 1:
            break
        hard = attempt < 600 and len(found) < HARD
        other = near_miss(scene, rng) if hard else sample_scene(rng, mix)
        caption, claim = put_into_words(other, rng)
        if caption != own and not claim.true_of(scene):
            found[caption] = claim
    return found


def _without_defaults(claim: Claim) -> dict[str, Any]:
    return {key: value for key, value in to_json(claim).items() if value not in (None, False)}


def make_prompts(kind: str) -> list[Entry]:
    """The entries of one kind."""
    mix, put_into_words = KINDS[kind]
    rng = np.random.default_rng([SEED, list(KINDS).index(kind)])
    entries: list[Entry] = []
    seen = set()
    while len(entries) < PROMPTS:
        scene = sample_scene(rng, mix, held=True)
        caption, claim = put_into_words(scene, rng)
        if not _fits(scene) or caption in seen:
            continue
        seen.add(caption)
        wrong = _wrong_captions(kind, caption, scene, rng)
        entries.append(
            {
                "caption": caption,
                "scene": to_json(scene),
                "others": list(wrong),
                "claims": [_without_defaults(each) for each in (claim, *wrong.values())],
                "seed": len(entries),
            }
        )
    return entries


if __name__ == "__main__":
    for name in KINDS:
        write_entries(name, make_prompts(name))
