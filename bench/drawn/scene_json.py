"""Scenes and claims as the prompt files have them."""

from __future__ import annotations

import dataclasses
from typing import Any

from training.world.captions import Claim, ThingClaim
from training.world.scene import Ground, Scene, Thing


def scene_from_json(data: dict[str, Any]) -> Scene:
    """The scene that :func:`to_json` wrote."""
    things = tuple(Thing(**thing) for thing in data["things"])
    return Scene(things, Ground(**data["ground"]), data["relation"], data["style"])


def claim_from_json(data: dict[str, Any]) -> Claim:
    """The claim that :func:`to_json` wrote."""
    return Claim(**{**data, "things": tuple(ThingClaim(*thing) for thing in data["things"])})


def claims_of(entries: list[dict[str, Any]]) -> list[list[Claim]]:
    """For each entry, the claims of its captions, the right one first."""
    return [[claim_from_json(claim) for claim in entry["claims"]] for entry in entries]


def to_json(described: Scene | Claim) -> dict[str, Any]:
    """A scene or a claim as JSON. The number of a thing is written only if it is above one."""
    data = dataclasses.asdict(described)
    if isinstance(described, Claim):
        data["things"] = [thing[:3] if thing.number == 1 else thing for thing in described.things]
    else:
        data["things"] = [
            {key: value for key, value in thing.items() if (key, value) != ("count", 1)}
            for thing in data["things"]
        ]
    return data
