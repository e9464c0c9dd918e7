"""Two thousand tiny jobs through one bot process: does it grow, and does it leave things open?

``python -m bench.soak --json`` prints ``{"jobs", "delivered", "memory_mb_first",
"memory_mb_last", "growth", "worker_growth", "files_left", "tasks_left"}``. The bot is the real
``python -m bot`` with its worker, Discord the stand-in of tests/e2e, without its rate limits.
Memory is what the processes hold (VmRSS), after the first tenth of the jobs and at the end, both
with nothing under way; growth is a share of the former. ``files_left`` are the bot's open files
beyond those after the first tenth, ``tasks_left`` the deliveries that still go on, as its log
and the database tell.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.bot.supervised import SupervisedBot, environment, eventually
from engine.worker.status import resident
from tests.e2e.standin import StandIn
from tests.e2e.standin.faults import Buckets

_AT_ONCE = 20
_RESTING = 35.0  # seconds; idle connections are closed within twice 15
_PATIENCE = 600.0


@dataclass(frozen=True)
class Soak:
    """What was measured; see this module's text."""

    jobs: int
    delivered: int
    memory_mb_first: float
    memory_mb_last: float
    growth: float
    worker_growth: float
    files_left: int
    tasks_left: int


async def measure(jobs: int, folder: Path, *, verbose: bool = False) -> Soak:
    """Paint ``jobs`` pictures of one iteration for five people in five channels."""
    standin = StandIn()
    await standin.start()
    standin.rest.buckets = Buckets(limit=1_000_000)
    bot = SupervisedBot(folder, environment(standin, folder, IMAGINE_PREVIEW_SECONDS="0",
                                            IMAGINE_LOG_LEVEL="warning"))
    try:
        await bot.start()
        if not await eventually(lambda: standin.rest.commands and standin.gateway.ready.is_set(),
                                60):
            raise RuntimeError(f"The bot did not come up:\n{bot.log_tail()}")
        first = max(1, jobs // 10)
        await _paint(standin, bot, first, verbose)
        before, files = _memory(bot), _files(bot)
        await _paint(standin, bot, jobs - first, verbose)
        after = _memory(bot)
        if bot.starts != 1:
            raise RuntimeError(f"The bot ended by itself:\n{bot.log_tail()}")
        states = bot.rows("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")
        delivered = sum(row["n"] for row in states if row["state"] == "delivered")
        return Soak(jobs, delivered, round(before[0], 1), round(after[0], 1),
                    round(after[0] / before[0] - 1, 4), round(after[1] / before[1] - 1, 4),
                    _files(bot) - files, sum(row["n"] for row in states) - delivered)
    finally:
        await bot.end()
        await standin.stop()


async def _paint(standin: StandIn, bot: SupervisedBot, jobs: int, verbose: bool) -> None:
    world = standin.world
    people = [world.add_user(f"person-{n}") for n in range(5)]
    channels = [channel for channel in world.channels.values() if channel.guild_id is not None]
    channels = channels or [world.add_channel(f"paintings-{n}") for n in range(5)]
    done, asked = len(bot.rows("SELECT id FROM jobs")), 0
    ended = "SELECT COUNT(*) AS n FROM jobs WHERE delivered_at IS NOT NULL"
    while asked < jobs:
        many = min(_AT_ONCE, jobs - asked)
        for number in range(asked, asked + many):
            await standin.command(people[number % 5], channels[number % 5], "imagine",
                                  prompt=f"number {number}", iterations=1)
        asked += many
        wanted = done + asked
        if not await eventually(lambda wanted=wanted: bot.rows(ended)[0]["n"] >= wanted,
                                _PATIENCE, 0.1):
            raise RuntimeError(f"The jobs do not go on:\n{bot.log_tail()}")
        _forget(standin)
        if verbose:
            sys.stderr.write(f"{asked} of {jobs}\n")
    await asyncio.sleep(_RESTING)


def _forget(standin: StandIn) -> None:
    """What the stand-in has heard is not what is measured."""
    standin.rest.requests.clear()
    standin.world.blobs.clear()
    for channel in standin.world.channels.values():
        channel.messages.clear()
    gc.collect()


def _memory(bot: SupervisedBot) -> tuple[float, float]:
    """MB of the bot and of its worker."""
    [worker] = bot.workers()
    return tuple((resident(pid) or 0) / 1e6 for pid in (bot.pid, worker))  # type: ignore[return-value]  # two of them


def _files(bot: SupervisedBot) -> int:
    return len(os.listdir(f"/proc/{bot.pid}/fd"))  # noqa: PTH208  /proc has nothing else to tell


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 where nothing grew by more than 5% and nothing was left."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak",
                                     description="Many tiny jobs through one process.")
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = asyncio.run(measure(options.jobs, Path(folder), verbose=True))
    if options.json:
        print(json.dumps(asdict(soak)))
    else:
        for key, value in asdict(soak).items():
            print(f"{key:16} {value}")
    fine = (soak.delivered == soak.jobs and soak.growth <= 0.05 and soak.files_left <= 0
            and soak.tasks_left == 0)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
