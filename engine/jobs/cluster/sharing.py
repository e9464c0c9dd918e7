"""How several bots that use one cluster share its machines: by the people who wait in each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

ASK_SECONDS = 2.0
"""How often each bot asks."""

_FORGET_SECONDS = 10.0


@dataclass(frozen=True)
class Need:
    """What a bot needs: workers, and how many people wait for them."""

    workers: int
    people: int


def divide(needs: Mapping[str, Need], room: int) -> dict[str, int]:
    """How many of ``room`` workers each bot may have.

    None gets more than it needs. What is left is divided in proportion to people, so that each
    person waits for as many workers whatever their bot; but a bot that needs any gets one, while
    there is room for that. If there is room for all, each gets what it needs.
    """
    shares = dict.fromkeys(needs, 0)
    ordered = sorted(needs, key=lambda bot: (-needs[bot].people, bot))
    for _ in range(min(room, sum(need.workers for need in needs.values()))):
        bot = min(
            (bot for bot in ordered if shares[bot] < needs[bot].workers),
            key=lambda bot: (shares[bot] > 0, (shares[bot] + 0.5) / max(1, needs[bot].people)),
        )
        shares[bot] += 1
    return shares


class Sharing:
    """Knows what each bot needs. It is an actor of the cluster that all its bots ask."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._needs: dict[str, tuple[float, Need]] = {}

    async def ask(self, bot: str, need: Need, room: int) -> int | None:
        """How many of ``room`` workers ``bot`` may have; None: as many as it can get.

        A bot that has not asked for a while needs nothing.
        """
        now = self._clock()
        self._needs[bot] = now, need
        self._needs = {
            name: each
            for name, each in self._needs.items()
            if now - each[0] < _FORGET_SECONDS and each[1].workers > 0
        }
        needs = {name: each for name, (_, each) in self._needs.items()}
        if len(needs) < 2 or sum(each.workers for each in needs.values()) <= room:
            return None
        return divide(needs, room).get(bot, 0)


def room_for(resources: Mapping[str, float], *, cpus: float, gpus: float) -> int:
    """How many workers fit on a machine with Ray's ``resources``."""
    asked = {"CPU": cpus, "GPU": gpus}
    return min(
        (
            math.floor(resources.get(name, 0.0) / amount + 1e-9)
            for name, amount in asked.items()
            if amount
        ),
        default=0,
    )
