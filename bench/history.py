"""Does the bot answer in time when a million pictures were made with it?

``python -m bench.history --rows 1000000 --json`` prints ``{"rows", "ack_p99_ms",
"autocomplete_p99_ms", "start_s", "ack_during_forget_p99_ms", "search_p99_ms"}``. The bot is
``python -m bot`` on a database that SQLite fills before; Discord is the stand-in on loopback.
Measured is the time from the event of an interaction to the bot's first answer, for each command,
menu, button and modal, one after the other: first while the bot is idle, then while a backup is
made and two people who asked for a hundredth of all pictures each have their data deleted and
exported.

With ``--postgres`` the same rows are on a PostgreSQL server that is started for this from the
system's packages, with its own defaults, or with ``--database-url`` on a server that is there, in
an empty database; its backup is ``pg_dump``.

``search_p99_ms`` is the time to the whole answer of ``/history`` with a word, a kind and a model,
for a person who asked for a hundredth of all pictures.

``start_s`` is the time from the start of the process to its connection to the gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.bot.history_database import make_database, words
from bench.bot.history_server import copy_to_server, dump, new_server
from bench.bot.supervised import SupervisedBot, environment, eventually
from bench.common.cli import print_figures
from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.guilds import User
from bot.standin.interactions import COMPONENT, MODAL, Interaction
from data.sqlite.backup import DATABASE
from tests.cogs.media import png

_START_SECONDS, _ANSWER_SECONDS = 120.0, 30.0
_BUTTONS = (
    "again", "remix", "continue", "edit", "video", "keep", "stop", "cancel", "delete",
)  # fmt: skip
_BACK_UP = (
    "import sys, pathlib; from data.sqlite.backup import back_up; "
    "back_up(pathlib.Path(sys.argv[1])).unlink()"
)
_OPEN_MODALS = ("remix", "edit")


@dataclass(frozen=True)
class Figures:
    """The figures; see the module's text."""

    rows: int
    ack_p99_ms: float
    autocomplete_p99_ms: float
    start_s: float
    ack_during_forget_p99_ms: float
    search_p99_ms: float


@dataclass
class Bench:
    """The people, the place and the bot; ``ids`` are jobs that buttons are about."""

    standin: StandIn
    bot: SupervisedBot
    channel: Channel
    user: User
    heavy: tuple[User, User]
    source: dict[str, Any]
    ids: list[str]
    database_url: str | None = None
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    async def acknowledged(self, interaction: Interaction) -> float:
        """Milliseconds until the bot's first answer."""
        begun = time.perf_counter()
        try:
            await asyncio.wait_for(interaction.acknowledged.wait(), _ANSWER_SECONDS)
        except TimeoutError:
            tail = self.bot.log_tail(12)
            raise RuntimeError(f"There was no answer:\n{tail}") from None
        return (time.perf_counter() - begun) * 1000

    def leaves(self) -> list[tuple[str, dict[str, Any]]]:
        """(path, description) of each slash command that the user sees."""
        found: list[tuple[str, dict[str, Any]]] = []

        def walk(path: str, node: dict[str, Any]) -> None:
            inner = [each for each in node.get("options", []) if each["type"] in (1, 2)]
            for each in inner:
                walk(f"{path} {each['name']}", each)
            if not inner:
                found.append((path, node))

        for command in self.standin.registered.shown(self.channel, self.user):
            if command["type"] == 1:
                walk(command["name"], command)
        return found

    def values(self, described: dict[str, Any]) -> dict[str, Any]:
        """A valid value for each required option."""
        return {
            option["name"]: self._value(option)
            for option in described.get("options", [])
            if option.get("required")
        }

    def _value(self, option: dict[str, Any]) -> Any:
        if option.get("choices"):
            return option["choices"][-1]["value"]
        upload = lambda: self.standin.world.upload(self.channel, "x.png", png())  # noqa: E731
        kinds: dict[int, Any] = {
            4: option.get("min_value", 1),
            5: True,
            6: self.user,
            7: self.channel,
            10: option.get("min_value", 0.5),
        }
        if option["type"] == 8:
            return self.standin.world.guild.roles[0]
        if option["type"] == 11:
            return upload()
        if option["type"] in kinds:
            return kinds[option["type"]]
        names = {"name": "cooldown", "value": "0", "job": self.rng.choice(self.ids)}
        return names.get(option["name"], "a hen --iterations 1")

    async def everything(self) -> AsyncIterator[tuple[str, float]]:
        """(name, ms) of each command, menu, button and modal, once."""
        for path, described in self.leaves():
            sent = await self.standin.command(
                self.user, self.channel, path, **self.values(described)
            )
            yield f"/{path}", await self.acknowledged(sent)
        sent = await self.standin.menu(self.user, self.channel, "Edit this image", self.source)
        yield "menu edit", await self.acknowledged(sent)
        sent = await self.standin.menu(self.user, self.channel, "Info", self.source)
        yield "menu info", await self.acknowledged(sent)
        for action in _BUTTONS:
            async for name, ms in self._press(action):
                yield name, ms
        sent = self.press("imagine:history:1")
        yield "button history", await self.acknowledged(sent)
        sent = self.press("imagine:forget:no")
        yield "button forget", await self.acknowledged(sent)

    async def _press(self, action: str) -> AsyncIterator[tuple[str, float]]:
        job = self.rng.choice(self.ids)
        sent = self.press(f"imagine:{action}:{job}")
        yield f"button {action}", await self.acknowledged(sent)
        if action in _OPEN_MODALS and sent.modal is not None:
            filled = await self.standin.submit(self.user, self.channel, sent.modal, "a hen")
            assert filled.kind == MODAL
            yield f"modal {action}", await self.acknowledged(filled)

    def press(self, custom_id: str, user: User | None = None) -> Interaction:
        """Press a button with that id, under a message that has it."""
        button = {"type": 2, "id": 2, "style": 2, "label": "Press", "custom_id": custom_id}
        source = self.source | {"components": [{"type": 1, "id": 1, "components": [button]}]}
        data = {"custom_id": custom_id, "component_type": 2, "id": 2}
        return self.standin.interactions.send(
            COMPONENT, self.channel, user or self.user, data, source
        )

    async def completions(self, number: int) -> list[float]:
        """Milliseconds of ``number`` completions, of each kind, letter by letter."""
        vocabulary, found = words(), []
        for _ in range(number):
            word = self.rng.choice(vocabulary)
            for path, option in (("mod delete", "job"), ("imagine", "prompt"), ("mod stop", "job")):
                typed = word[: self.rng.randint(1, len(word))]
                others = {"prompt": "a hen"} if option != "prompt" and path == "imagine" else {}
                begun = time.perf_counter()
                await self.standin.complete(self.user, self.channel, path, option, typed, **others)
                found.append((time.perf_counter() - begun) * 1000)
        return found

    async def searches(self, number: int) -> list[float]:
        """Milliseconds to the whole answer of ``number`` searches in ten thousands of pictures."""
        vocabulary, found = words(), []
        for _ in range(number):
            begun = time.perf_counter()
            sent = await self.standin.command(
                self.heavy[1],
                self.channel,
                "history",
                words=self.rng.choice(vocabulary),
                kind="painted",
                model="tiny",
            )
            await asyncio.wait_for(sent.edited.wait(), _ANSWER_SECONDS)
            found.append((time.perf_counter() - begun) * 1000)
        return found


async def measure(
    rows: int, rounds: int, folder: Path, database_url: str | None = None
) -> tuple[Figures, dict[str, float]]:
    """The figures, and the slowest ms of each name."""
    standin = StandIn()
    await standin.start()
    try:
        user = standin.world.host = standin.world.guild.owner
        channel = standin.world.add_channel("paintings")
        heavy = (standin.world.add_user("forgetful"), standin.world.add_user("exporting"))
        bot = SupervisedBot(
            folder,
            environment(
                standin,
                folder,
                DISCORD_HOST_SERVER=standin.world.guild_id,
                IMAGINE_RETENTION_DAYS="0",
                **({} if database_url is None else {"IMAGINE_DATABASE_URL": database_url}),
            ),
        )
        await asyncio.to_thread(
            make_database,
            bot.data,
            rows,
            guild_id=standin.world.guild_id,
            channel_id=channel.id,
            heavy=(heavy[0].id, heavy[1].id),
        )
        if database_url is not None:
            await copy_to_server(bot.data / DATABASE, database_url)
        begun = time.perf_counter()
        await bot.start()
        try:
            if not await eventually(standin.gateway.ready.is_set, _START_SECONDS, 0.01):
                raise RuntimeError(f"The bot did not start:\n{bot.log_tail()}")
            start = time.perf_counter() - begun
            bench = Bench(
                standin, bot, channel, user, heavy, {}, _some_jobs(bot, channel), database_url
            )
            return await _measure(rows, rounds, bench, start)
        finally:
            await bot.end()
    finally:
        await standin.stop()


async def _measure(
    rows: int, rounds: int, bench: Bench, start: float
) -> tuple[Figures, dict[str, float]]:
    standin, channel = bench.standin, bench.channel
    asked = await standin.command(
        bench.user, channel, "imagine", prompt="a red circle --iterations 1"
    )
    if not await eventually(lambda: standin.results(channel), 120):
        raise RuntimeError(f"Nothing was painted: {asked.content}\n{bench.bot.log_tail()}")
    bench.source = standin.results(channel)[0]
    slowest: dict[str, float] = defaultdict(float)

    async def acknowledgements() -> list[float]:
        found = []
        async for name, ms in bench.everything():
            slowest[name] = max(slowest[name], ms)
            found.append(ms)
        return found

    idle = [ms for _ in range(rounds) for ms in await acknowledgements()]
    completions = await bench.completions(10 * rounds)
    searches = await bench.searches(10 * rounds)
    busy: list[float] = []
    async with _busy(bench):
        for _ in range(rounds):
            busy += await acknowledgements()
        completions += await bench.completions(5 * rounds)
    return (
        Figures(rows, _p99(idle), _p99(completions), round(start, 2), _p99(busy), _p99(searches)),
        dict(sorted(slowest.items(), key=lambda item: -item[1])),
    )


@asynccontextmanager
async def _busy(bench: Bench) -> AsyncIterator[None]:
    """A forget, an export and backups, until the body ends."""
    standin, channel = bench.standin, bench.channel
    forgetful, exporting = bench.heavy
    await standin.command(exporting, channel, "privacy export")
    bench.press("imagine:forget:yes", forgetful)

    async def back_up_again() -> None:
        # In a process of its own, so that it does not hold up the measurement itself.
        while True:
            if bench.database_url is None:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", _BACK_UP, str(bench.bot.data)
                )
            else:
                process = await dump(bench.database_url)
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    backing_up = asyncio.create_task(back_up_again())
    try:
        yield
    finally:
        backing_up.cancel()
        await asyncio.gather(backing_up, return_exceptions=True)


def _some_jobs(bot: SupervisedBot, channel: Channel) -> list[str]:
    """The ids of jobs from all times."""
    with closing(sqlite3.connect(bot.data / DATABASE)) as connection:
        newest = connection.execute("SELECT MAX(sequence) FROM jobs").fetchone()[0]
        return [
            row[0]
            for row in connection.execute(
                f"SELECT id FROM jobs WHERE channel_id = ? AND sequence % {max(1, newest // 500)} "  # noqa: S608  a number
                "= 3",
                [channel.id],
            )
        ]


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.history", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="jobs in the database")
    parser.add_argument("--rounds", type=int, default=10, help="of everything (default: 10)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--slowest", action="store_true", help="also print the slowest of each")
    parser.add_argument("--postgres", action="store_true", help="on a new PostgreSQL server")
    parser.add_argument("--database-url", help="on this PostgreSQL server, in an empty database")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="imagine-bot-history-"))
        url = options.database_url
        if url is None and options.postgres:
            url = stack.enter_context(new_server())
        figures, slowest = asyncio.run(measure(options.rows, options.rounds, Path(folder), url))
    print_figures(asdict(figures), options.json)
    if options.slowest:
        print(json.dumps({name: round(ms, 1) for name, ms in slowest.items()}), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
