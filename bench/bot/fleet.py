"""Several processes of one bot, each with its part of the shards, on one PostgreSQL server."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from bench.bot.postgres import Reader
from bench.bot.supervised import SupervisedBot, eventually
from tests.e2e.faults import FAULTS, Fault, Target
from tests.postgres import Server, programs

# Longer than a lease: the others take over a process that is away for so long.
_AWAY_SECONDS = 35.0


class Fleet:
    """Stands in for one SupervisedBot: signals go to one of its processes, chosen at random."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], processes: int, rng: random.Random
    ) -> None:
        found = programs()
        if found is None:
            raise SystemExit("PostgreSQL is not installed (Debian: apt install postgresql).")
        self.server = Server(found)
        url = self.server.new_database("fleet")
        self.data = folder / "data"
        self.taken_over: list[float] = []  # seconds until a killed one's shard was connected again
        self._rng = rng
        self._reader = Reader(url)
        self.bots = []
        for shard in range(processes):
            more = {
                "IMAGINE_DATABASE_URL": url,
                "IMAGINE_SHARDS": str(processes),
                "IMAGINE_SHARD_IDS": str(shard),
            }
            self.bots.append(SupervisedBot(folder, {**environment, **more}))
            self.bots[-1].log = folder / f"bot{shard}.log"

    async def start(self) -> None:
        """Start all processes."""
        for bot in self.bots:
            await bot.start()

    async def end(self) -> None:
        """Stop all processes and the server."""
        await asyncio.gather(*(bot.end() for bot in self.bots))
        self._reader.close()
        await asyncio.to_thread(self.server.remove)

    def signal_bot(self, number: int) -> None:
        """Send a signal to one of the processes."""
        self._rng.choice(self.bots).signal_bot(number)

    def signal_all(self, number: int) -> None:
        """Send a signal to every process."""
        for bot in self.bots:
            bot.signal_bot(number)

    def signal_worker(self, number: int, rng: random.Random) -> bool:
        """Send a signal to the worker of one of the processes."""
        bots = rng.sample(self.bots, len(self.bots))
        return any(bot.signal_worker(number, rng) for bot in bots)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the database."""
        return self._reader.rows(sql, *values)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of all logs."""
        return "\n".join(f"{bot.log.name}:\n{bot.log_tail(lines)}" for bot in self.bots)

    async def crash_database(self, number: signal.Signals) -> None:
        """End the server with a signal, and start it again."""
        await asyncio.to_thread(self._crash_database, number)

    def _crash_database(self, number: signal.Signals) -> None:
        self.server.stop(number)
        until = time.monotonic() + 30
        while True:
            try:
                self.server.start()
            except AssertionError:  # processes of the killed one have not ended yet
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
            else:
                return


def _fleet(target: Target) -> Fleet:
    assert isinstance(target.processes, Fleet)
    return target.processes


@contextlib.asynccontextmanager
async def bot_replaced(target: Target) -> AsyncIterator[None]:
    """kill -9 of one of the processes, which stays away until another has taken over."""
    fleet = _fleet(target)
    bot = target.rng.choice(fleet.bots)
    shard = fleet.bots.index(bot)
    await bot.end(signal.SIGKILL)
    began = time.monotonic()
    gateway, shards = target.standin.gateway, len(fleet.bots)
    await eventually(lambda: not gateway.connected(shard, shards), 5)
    if not await eventually(lambda: gateway.connected(shard, shards), _AWAY_SECONDS):
        raise RuntimeError(f"Nobody took shard {shard} over:\n{fleet.log_tail()}")
    fleet.taken_over.append(round(time.monotonic() - began, 1))
    yield
    await bot.start()


@contextlib.asynccontextmanager
async def database_restarted(target: Target) -> AsyncIterator[None]:
    """The database server is stopped, which ends all connections, and started again."""
    await _fleet(target).crash_database(signal.SIGINT)
    yield


@contextlib.asynccontextmanager
async def database_killed(target: Target) -> AsyncIterator[None]:
    """kill -9 of the database server."""
    await _fleet(target).crash_database(signal.SIGKILL)
    yield


_KILLS: tuple[Fault, ...] = (bot_replaced, database_restarted, database_killed)
FLEET_FAULTS: dict[str, Fault] = {**FAULTS, **{fault.__name__: fault for fault in _KILLS}}
