"""Do shares, buttons, limits, settings and history hold across the processes of one bot?

Each check has a way to fail: shares, if each process has its own order or the queue is first come,
first served; the rest, if a process knows only what it did itself, or keeps a copy of a setting.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any

from bench.bot.fleet import Fleet
from bench.bot.supervised import eventually
from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.guilds import User
from bot.standin.interactions import Interaction

_SECONDS = 180.0
_PAINTING = 600.0  # seconds, on a machine that is busy with other programs
_ANSWER, _TRIES = 15.0, 4  # seconds for an answer; a busy machine is late for Discord's 3 s
_MANY, _FEW = 12, 4  # pictures
_ITERATIONS, _LONG = 40, 1000
# Told by NOTIFY; without, the other process looks every 20 s.
_WISH_SECONDS = 15.0


def problems_across(standin: StandIn, fleet: Fleet) -> AsyncIterator[str]:
    """What does not hold, in sentences: ideally nothing. The first process is killed twice."""
    return _Across(standin, fleet).problems()


class _Across:
    """``here`` is a server of the first process, ``there`` one of the second."""

    def __init__(self, standin: StandIn, fleet: Fleet) -> None:
        self._standin = standin
        self._fleet = fleet
        world, shards = standin.world, len(fleet.bots)
        guilds = [world.add_guild(f"across {n}", n, shards) for n in range(2)]
        self._here, self._there = [world.add_channel("across", guild=guild) for guild in guilds]
        self._owner = guilds[0].owner
        people = [world.add_user(name) for name in ("ann", "bob", "cat", "dan")]
        self._ann, self._bob, self._cat, self._dan = people

    async def problems(self) -> AsyncIterator[str]:
        """Each in a sentence."""
        early = await self._early_pictures()
        if early is None:
            yield "Not all of the pictures were painted."
        elif early > _FEW + 1:
            yield f"Ann got {early} pictures while bob and cat, elsewhere, got {_FEW} each."
        if problem := await self._cancelling():
            yield problem
        await self._limit(_MANY)
        if not await self._is_refused():
            yield "A limit does not hold in the process in which it was set."
        if not await self._first_dies():
            yield "Nobody took over."
            return
        if not await self._is_refused():
            yield "The limit of a server, or what counts for it, is not known in another process."
        history = await self._said(self._ann, "history")
        if f"ann {_MANY - 1}" not in history.text:
            yield "The history does not show what another process was asked for."
        if not await self._is_remixed():
            yield "A button under a picture of another process does not open its prompt."
        if not await self._first_returns():
            yield "The process that came back did not get its shard."
            return
        await self._limit(_MANY + 1)
        if not await self._first_dies():
            yield "Nobody took over the second time."
            return
        if not await self._asked(self._ann, self._here, f"ann {_MANY}", 2):
            yield "A process that knew a setting does not notice that another one changed it."
        if not await self._is_refused():
            yield "The changed limit does not hold."
        await self._fleet.bots[0].start()

    # Shares.

    async def _early_pictures(self) -> int | None:
        """How many of ann's pictures started between bob's and cat's request and last start.

        She asks first, for more. None if not all were painted.
        """
        await self._ask(self._ann, self._here, _MANY)
        await asyncio.gather(*(self._ask(user, self._there, _FEW) for user in self._others))
        if not await eventually(self._are_painted, _PAINTING):
            return None
        rows = self._rows("ann", "bob", "cat")
        others = [row for row in rows if not row["prompt"].startswith("ann")]
        asked = max(row["created_at"] for row in others)
        last = max(row["started_at"] for row in others)
        return sum(asked < row["started_at"] < last for row in rows if row not in others)

    @property
    def _others(self) -> tuple[User, User]:
        return self._bob, self._cat

    def _are_painted(self) -> bool:
        rows = self._rows("ann", "bob", "cat")
        return len(rows) == _MANY + 2 * _FEW and all(row["delivered_at"] for row in rows)

    async def _ask(self, user: User, channel: Channel, count: int) -> None:
        for number in range(count):
            await self._asked(user, channel, f"{user.name} {number}", _ITERATIONS)

    async def _asked(self, user: User, channel: Channel, prompt: str, iterations: int) -> bool:
        """Whether a job with this prompt is in the database after asking, at most some times."""
        for _ in range(_TRIES):
            said = await self._standin.command(
                user, channel, "imagine", prompt=prompt, iterations=iterations
            )
            await eventually(lambda: self._is_known(prompt) or _has_answer(said), _ANSWER)  # noqa: B023  awaited here
            if self._is_known(prompt):
                return True
        return False

    def _is_known(self, prompt: str) -> bool:
        return any(row["prompt"] == prompt for row in self._rows(prompt.split(maxsplit=1)[0]))

    # Buttons.

    async def _cancelling(self) -> str | None:
        """Cancel two pictures where they were asked for; the other process paints one of them."""
        for number in range(2):
            await self._asked(self._dan, self._here, f"dan {number}", _LONG)
        started = await eventually(lambda: len(self._owners()) == 2, 30)
        ids = [row["id"] for row in self._rows("dan")]
        for message in list(self._here.messages.values()):
            if any(id in json.dumps(message["components"]) for id in ids):
                await self._standin.press(self._dan, self._here, message, "Cancel")
        ended = await eventually(
            lambda: {row["state"] for row in self._rows("dan")} == {"cancelled"}, _WISH_SECONDS
        )
        if not ended:
            await eventually(lambda: all(row["delivered_at"] for row in self._rows("dan")), 60)
            return "Cancel does not reach a picture that another process paints."
        return None if started else "The second process did not paint what the first was asked for."

    def _owners(self) -> set[str]:
        return {row["owner"] for row in self._rows("dan") if row["state"] == "running"}

    async def _is_remixed(self) -> bool:
        shown = [
            (message, row["prompt"])
            for message in self._standin.results(self._here)
            for row in self._rows("ann")
            if row["id"] in json.dumps(message["components"])
        ]
        if not shown:
            return False
        message, prompt = shown[-1]
        for _ in range(_TRIES):
            pressed = await self._standin.press(self._ann, self._here, message, "Remix")
            await eventually(pressed.acknowledged.is_set, _ANSWER)
            if pressed.modal is not None:
                return prompt in json.dumps(pressed.modal)
        return False

    # Limits, settings and history.

    async def _limit(self, pictures: int) -> None:
        value = str(pictures)
        await self._said(
            self._owner,
            "config set",
            lambda text: f"now {value}" in text,
            name="jobs_a_day",
            value=value,
        )

    async def _is_refused(self) -> bool:
        said = await self._said(
            self._ann,
            "imagine",
            lambda text: "in the last 24 hours" in text or "Queued" in text,
            prompt="one more",
            iterations=2,
        )
        return "in the last 24 hours" in said.text

    async def _said(
        self,
        user: User,
        command: str,
        expected: Callable[[str], bool] = bool,
        **options: Any,
    ) -> Interaction:
        """The answer to a command, which is run again if it is not the ``expected`` one."""
        for _ in range(_TRIES):
            said = await self._standin.command(user, self._here, command, **options)
            if await eventually(lambda: expected(said.text), _ANSWER):  # noqa: B023  awaited here
                break
        return said

    # The first process.

    async def _first_dies(self) -> bool:
        """Whether its shard is connected to another process after kill -9."""
        gateway, shards = self._standin.gateway, len(self._fleet.bots)
        await self._fleet.bots[0].end(signal.SIGKILL)
        await eventually(lambda: not gateway.connected(0, shards), 5)
        return await eventually(lambda: gateway.connected(0, shards), _SECONDS)

    async def _first_returns(self) -> bool:
        """Whether each process has its own shard again."""
        gateway, shards = self._standin.gateway, len(self._fleet.bots)
        await self._fleet.bots[0].start()
        owners = "SELECT DISTINCT owner FROM shards"
        if not await eventually(lambda: len(self._fleet.rows(owners)) == shards, _SECONDS):
            return False
        return await eventually(lambda: gateway.connected(0, shards), _SECONDS)

    def _rows(self, *names: str) -> list[dict[str, Any]]:
        """The jobs of these people."""
        rows = self._fleet.rows(
            "SELECT id, prompt, state, owner, created_at, started_at, delivered_at FROM jobs"
        )
        return [row for row in rows if row["prompt"].split()[0] in names]


def _has_answer(interaction: Interaction) -> bool:
    return bool(interaction.text) and not interaction.text.startswith("Queued")
