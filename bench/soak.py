"""Two thousand tiny jobs in one bot process: does its memory grow, do files stay open?

``python -m bench.soak --json`` prints ``{"jobs", "delivered", "memory_mb_first",
"memory_mb_last", "growth", "worker_growth", "files_left", "tasks_left"}``. The bot is the real
``python -m bot`` with its worker; Discord is the stand-in of tests/e2e, without rate limits. Memory
is VmRSS, measured after the first tenth of the jobs and at the end, both times with no job running;
growth is the difference as a share of the first. ``files_left`` is how many more files the bot has
open at the end, ``tasks_left`` the number of jobs that the database does not have as delivered.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.bot.supervised import SupervisedBot, environment, eventually
from bench.common.cli import print_figures
from bot.standin import StandIn
from bot.standin.faults import Buckets
from engine.worker.resident import resident

_AT_ONCE = 20
_SETTLE_SECONDS = 35.0  # idle connections are closed within twice 15
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class Soak:
    """The figures; see the text of this module."""

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
    bot = SupervisedBot(
        folder,
        environment(standin, folder, IMAGINE_PREVIEW_SECONDS="0", IMAGINE_LOG_LEVEL="warning"),
    )
    try:
        await bot.start()
        if not await eventually(
            lambda: standin.rest.commands and standin.gateway.ready.is_set(), 60
        ):
            raise RuntimeError(f"The bot did not start:\n{bot.log_tail()}")
        first = max(1, jobs // 10)
        await _paint(standin, bot, first, verbose)
        before, files = _memory(bot), _files(bot)
        await _paint(standin, bot, jobs - first, verbose)
        after = _memory(bot)
        if bot.starts != 1:
            raise RuntimeError(f"The bot exited by itself:\n{bot.log_tail()}")
        states = bot.rows("SELECT state, COUNT(*) AS n FROM jobs GROUP BY state")
        delivered = sum(row["n"] for row in states if row["state"] == "delivered")
        return Soak(
            jobs,
            delivered,
            round(before[0], 1),
            round(after[0], 1),
            round(after[0] / before[0] - 1, 4),
            round(after[1] / before[1] - 1, 4),
            _files(bot) - files,
            sum(row["n"] for row in states) - delivered,
        )
    finally:
        await bot.end()
        await standin.stop()


async def _paint(standin: StandIn, bot: SupervisedBot, jobs: int, verbose: bool) -> None:
    world = standin.world
    people = [world.add_user(f"person-{n}") for n in range(5)]
    channels = [channel for channel in world.channels.values() if channel.guild_id is not None]
    channels = channels or [world.add_channel(f"paintings-{n}") for n in range(5)]
    before, requested = len(bot.rows("SELECT id FROM jobs")), 0
    delivered = "SELECT COUNT(*) AS n FROM jobs WHERE delivered_at IS NOT NULL"
    while requested < jobs:
        count = min(_AT_ONCE, jobs - requested)
        for number in range(requested, requested + count):
            await standin.command(
                people[number % 5],
                channels[number % 5],
                "imagine",
                prompt=f"number {number}",
                iterations=1,
            )
        requested += count
        expected = before + requested
        if not await eventually(
            lambda expected=expected: bot.rows(delivered)[0]["n"] >= expected, _TIMEOUT_SECONDS, 0.1
        ):
            raise RuntimeError(f"The jobs make no progress:\n{bot.log_tail()}")
        _clear(standin)
        if verbose:
            sys.stderr.write(f"{requested} of {jobs}\n")
    await asyncio.sleep(_SETTLE_SECONDS)


def _clear(standin: StandIn) -> None:
    """Free the memory that the stand-in, in this process, has collected."""
    standin.rest.requests.clear()
    standin.world.blobs.clear()
    for channel in standin.world.channels.values():
        channel.messages.clear()
    gc.collect()


def _memory(bot: SupervisedBot) -> tuple[float, float]:
    """Resident memory of the bot and of its worker, in MB."""
    [worker] = bot.workers()
    return tuple((resident(pid) or 0) / 1e6 for pid in (bot.pid, worker))  # type: ignore[return-value]  # of two processes


def _files(bot: SupervisedBot) -> int:
    return len(os.listdir(f"/proc/{bot.pid}/fd"))  # noqa: PTH208  only the number of names counts


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; returns 0 if memory grew by at most 5% and nothing was left open."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.soak", description="Run many tiny jobs in one bot process."
    )
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = asyncio.run(measure(options.jobs, Path(folder), verbose=True))
    print_figures(asdict(soak), options.json)
    passed = (
        soak.delivered == soak.jobs
        and soak.growth <= 0.05
        and soak.files_left <= 0
        and soak.tasks_left == 0
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
