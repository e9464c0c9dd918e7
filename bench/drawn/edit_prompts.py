"""The edits of ``bench.edit``, drawn once from a fixed seed and committed.

``python -m bench.drawn.edit_prompts`` writes ``bench/prompts/edits.json`` again, byte for byte.
Each entry is a source scene, the scene it is to become, neither of which any training saw,
the words of the edit, and 64 captions, the target's first and the source's among them. No caption
tells what its style hides: charcoal has no colours, neon none of the ground.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from bench.drawn.judge import FIRST_STYLES, FIRST_WORLD
from bench.drawn.shape_prompts import CAPTIONS, SEED, others_of, plain_dict
from bench.prompts import FOLDER
from training.world.captions import Claim, article, describe
from training.world.sampling import sample_scene
from training.world.scene import COLOURS, SHAPES, Scene, held_out

KINDS = ("colour", "object", "background", "style")
EACH = 25


def target_of(source: Scene, kind: str, rng: np.random.Generator, *,
              held: bool = True) -> Scene | None:
    """What ``source`` is to become; None where the draw is nothing new.

    Nor is it anything that was trained on, or, where it is not to be ``held`` out, that was not.
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


def where_of(source: Scene, kind: str) -> str | None:
    """The source phrase for CLIP's own mask; None where the whole picture is edited."""
    thing = source.things[0]
    return {"colour": article(f"{thing.colour} {thing.shape}"),
            "object": article(f"{thing.colour} {thing.shape}"),
            "background": article(f"{source.ground.colour} background"), "style": None}[kind]


def visible(claim: Claim) -> Claim:
    """What of ``claim`` a true drawing shows."""
    if claim.style not in ("charcoal", "neon"):
        return claim
    grey = tuple(said._replace(colour=None) for said in claim.things)
    return replace(claim, ground_colour=None,
                   things=grey if claim.style == "charcoal" else claim.things)


def _captions(target: Scene, claim: Claim, wrong: list[Claim], number: int) -> list[Claim]:
    """``claim`` and 63 of ``wrong``, as far as they show, and more where that leaves too few."""
    if visible(claim) == claim:
        return [claim, *wrong][:CAPTIONS]
    # Of its own seed, so that what one edit lacks changes no other.
    more = others_of(target, np.random.default_rng([SEED, number])).values()
    told = dict.fromkeys(map(visible, [*wrong, *more]))
    return [visible(claim), *(each for each in told if not each.true_of(target))][:CAPTIONS]


def make_edits() -> list[dict[str, Any]]:
    """A hundred edits, the kinds by turns: single things of medium size on plain grounds."""
    rng = np.random.default_rng(SEED + 4)
    entries: list[dict[str, Any]] = []
    while len(entries) < EACH * len(KINDS):
        kind = KINDS[len(entries) % len(KINDS)]
        source = sample_scene(rng, replace(FIRST_WORLD, styled=0.0, pairs=0.0), held=True)
        target = target_of(source, kind, rng)
        plain = source.ground.second is None and source.things[0].size == "medium"
        if target is None or not plain:
            continue
        before, claim_before = describe(source, rng, full=True)
        caption, claim = describe(target, rng, full=True)
        wrong = {before: claim_before, **others_of(target, rng)}
        claims = _captions(target, claim, list(wrong.values()), len(entries))
        entries.append({
            "kind": kind, "source": plain_dict(source),
            "target": plain_dict(target), "prompt": caption,
            "where": where_of(source, kind), "seed": len(entries),
            "claims": [plain_dict(each) for each in claims]})
    return entries


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in make_edits())
    (FOLDER / "edits.json").write_text(f"[\n{lines}\n]\n")
