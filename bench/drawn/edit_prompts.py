"""Writes the held-out edits: ``python -m bench.drawn.edit_prompts``.

They were drawn once from a fixed seed and committed as ``bench/prompts/edits.json``; the script
writes the same bytes again. Each entry has a source scene and a target scene, both left out of
training, the prompt of the edit, and 64 captions: the target's first, the source's among them. A
caption leaves out what its style hides: charcoal shows no colours, neon no ground.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.drawn.judge import FIRST_STYLES, FIRST_WORLD
from bench.drawn.scene_json import to_json
from bench.drawn.shape_prompts import CAPTIONS, SEED, wrong_captions
from bench.prompts import Entry, write_entries
from training.world.captions import Claim, article, describe
from training.world.sampling import sample_scene
from training.world.scene import COLOURS, SHAPES, Scene, held_out

KINDS = ("colour", "object", "background", "style")
EACH = 25


def edit_target(
    source: Scene, kind: str, rng: np.random.Generator, *, held: bool = True
) -> Scene | None:
    """A random target for an edit of ``source``.

    None if the random draw changes nothing, or if the target is not held out of training as
    ``held`` asks.
    """
    thing, ground = source.things[0], source.ground
    colour = list(COLOURS)[int(rng.integers(len(COLOURS)))]
    if kind == "style":
        return replace(source, style=FIRST_STYLES[int(rng.integers(len(FIRST_STYLES)))])
    if kind == "object":
        thing = replace(thing, shape=SHAPES[int(rng.integers(len(SHAPES)))])
    elif kind == "colour":
        thing = replace(thing, colour=colour)
    else:
        ground = replace(ground, colour=colour)
    target = Scene((thing,), ground)
    new = target != source and thing.colour != ground.colour
    return target if new and held_out(target) == held else None


def mask_phrase(source: Scene, kind: str) -> str | None:
    """The phrase from which CLIP makes the mask; None if the whole picture is edited."""
    thing = source.things[0]
    return {
        "colour": article(f"{thing.colour} {thing.shape}"),
        "object": article(f"{thing.colour} {thing.shape}"),
        "background": article(f"{source.ground.colour} background"),
        "style": None,
    }[kind]


def visible_claim(claim: Claim) -> Claim:
    """``claim`` without what its style hides in a true drawing."""
    if claim.style not in ("charcoal", "neon"):
        return claim
    colourless = tuple(thing._replace(colour=None) for thing in claim.things)
    return replace(
        claim, ground_colour=None, things=colourless if claim.style == "charcoal" else claim.things
    )


def _captions(target: Scene, claim: Claim, wrong: list[Claim], number: int) -> list[Claim]:
    """``claim`` and 63 wrong ones, as far as they are visible; more are drawn if too few are."""
    if visible_claim(claim) == claim:
        return [claim, *wrong][:CAPTIONS]
    # With its own seed, so that other edits stay the same.
    more = wrong_captions(target, np.random.default_rng([SEED, number])).values()
    visible = dict.fromkeys(map(visible_claim, [*wrong, *more]))
    return [visible_claim(claim), *(each for each in visible if not each.true_of(target))][
        :CAPTIONS
    ]


def make_edits() -> list[Entry]:
    """A hundred edits, the kinds in turn: one thing of medium size on a plain ground."""
    rng = np.random.default_rng(SEED + 4)
    entries: list[Entry] = []
    while len(entries) < EACH * len(KINDS):
        kind = KINDS[len(entries) % len(KINDS)]
        source = sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=0.0), held=True)
        target = edit_target(source, kind, rng)
        plain = source.ground.second is None and source.things[0].size == "medium"
        if target is None or not plain:
            continue
        before, claim_before = describe(source, rng, full=True)
        caption, claim = describe(target, rng, full=True)
        wrong = {before: claim_before, **wrong_captions(target, rng)}
        claims = _captions(target, claim, list(wrong.values()), len(entries))
        entries.append(
            {
                "kind": kind,
                "source": to_json(source),
                "target": to_json(target),
                "prompt": caption,
                "where": mask_phrase(source, kind),
                "seed": len(entries),
                "claims": [to_json(each) for each in claims],
            }
        )
    return entries


if __name__ == "__main__":
    write_entries("edits", make_edits())
