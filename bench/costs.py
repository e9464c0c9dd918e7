"""What a job costs besides painting: requests to Discord, writes of the database, and bytes.

``python -m bench.costs --json`` prints ``{"jobs", "requests", "requests_by_kind", "commits",
"rows", "wal_bytes", "bot_cpu_ms", "edits_a_minute", "upload_bytes", "preview_bytes",
"picture_bytes", "state_bytes", "frames_bytes", "row_bytes"}``, for one job each. The bot is the
real ``python -m bot`` with its worker, on a PostgreSQL server that is started for this; Discord is
the stand-in of tests/e2e, without rate limits. ``requests`` are those of a job that is painted at
once; ``edits_a_minute`` come on top for each minute that a job is painted. Commits are of
transactions, also of those that only read; those of an idle bot are taken off. ``bot_cpu_ms`` is of
the bot's own process, without its worker's.

The tiny model of the tests paints, so bytes are tiny, too; ``--model natural --jobs 2`` has those
of pictures that people get.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.bot.supervised import SupervisedBot, environment, eventually
from bench.common.cli import print_figures
from bot.standin import StandIn
from bot.standin.faults import Buckets
from bot.standin.recorded import Recorded
from tests.postgres import Server, programs

_START_SECONDS, _JOB_SECONDS, _SETTLE_SECONDS = 120.0, 600.0, 12.0  # a server's counters are late
_KINDS = (
    ("POST", r"/interactions/", "answer"),
    ("PATCH", r"/webhooks/", "answer's edit"),
    ("POST", r"/webhooks/", "answer's message"),
    ("POST", r"/channels/\d+/messages", "message"),
    ("PATCH", r"/channels/\d+/messages/", "message's edit"),
    ("DELETE", r"/channels/\d+/messages/", "message's deletion"),
)
_COUNTERS = (
    "SELECT xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS rows, "
    "pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal_bytes "
    "FROM pg_stat_database WHERE datname = current_database()"
)


@dataclass(frozen=True)
class Costs:
    """The figures for one job; see the text of this module."""

    jobs: int
    requests: float
    requests_by_kind: dict[str, float]
    commits: float
    rows: float
    wal_bytes: int
    bot_cpu_ms: float
    edits_a_minute: float
    upload_bytes: int
    preview_bytes: int
    picture_bytes: int
    state_bytes: int
    frames_bytes: int
    row_bytes: int


class _Costing:
    """A bot, its server and a stand-in, while they are measured."""

    def __init__(self, folder: Path, server: Server, model: str) -> None:
        self.standin = StandIn()
        self._folder = folder
        self._server = server
        self._model = model
        self.database = server.new_database("costs")

    async def start(self) -> None:
        await self.standin.start()
        self.standin.rest.buckets = Buckets(limit=1_000_000)
        variables = environment(
            self.standin,
            self._folder,
            IMAGINE_DATABASE_URL=self.database,
            IMAGINE_MODEL=self._model,
            IMAGINE_MAX_ITERATIONS="5000",
        )
        self.bot = SupervisedBot(self._folder, variables)
        await self.bot.start()
        if not await eventually(
            lambda: self.standin.rest.commands and self.standin.gateway.ready.is_set(),
            _START_SECONDS,
        ):
            raise SystemExit(f"The bot did not start:\n{self.bot.log_tail()}")
        self._person = self.standin.world.add_user("ann")
        self._channel = self.standin.world.add_channel("paintings")

    async def close(self) -> None:
        await self.bot.end()
        await self.standin.stop()

    async def paint(self, **options: Any) -> float:
        """One picture; returns the seconds from the request to the result."""
        before, began = len(self.standin.results(self._channel)), time.monotonic()
        await self.standin.command(
            self._person, self._channel, "imagine", prompt="a red circle", **options
        )
        if not await eventually(
            lambda: len(self.standin.results(self._channel)) > before, _JOB_SECONDS
        ):
            raise SystemExit(f"No picture came:\n{self.bot.log_tail()}")
        return time.monotonic() - began

    async def counters(self) -> dict[str, int]:
        """The server's, once it has those of all connections."""
        import asyncpg

        await asyncio.sleep(_SETTLE_SECONDS)
        connection = await asyncpg.connect(self.database)
        try:
            return dict(await connection.fetchrow(_COUNTERS))
        finally:
            await connection.close()

    async def row_bytes(self) -> int:
        """The mean bytes of a job's row, without indexes."""
        import asyncpg

        connection = await asyncpg.connect(self.database)
        try:
            return int(
                await connection.fetchval(
                    "SELECT COALESCE(SUM(pg_column_size(jobs.*)), 0) / COUNT(*) FROM jobs"
                )
            )
        finally:
            await connection.close()

    def cpu_seconds(self) -> float:
        """The CPU time of the bot's process so far, in user and kernel mode."""
        fields = Path(f"/proc/{self.bot.pid}/stat").read_text("ascii").rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def requests(self) -> list[Recorded]:
        """Those since the last call."""
        found = list(self.standin.rest.requests)
        self.standin.rest.requests.clear()
        return found

    def bytes_in(self, folder: str, ending: str) -> int:
        """The mean size of the bot's files of that kind."""
        sizes = [path.stat().st_size for path in (self.bot.data / folder).glob(f"*{ending}")]
        return round(sum(sizes) / len(sizes)) if sizes else 0


def kind_of(request: Recorded) -> str:
    """What a request to Discord does."""
    for method, pattern, kind in _KINDS:
        if request.method == method and re.search(pattern, request.path):
            return kind
    return "other"


def _uploaded(requests: Sequence[Recorded]) -> list[int]:
    return [len(data) for request in requests for _, data in request.files.values()]


async def measure(jobs: int, folder: Path, server: Server, model: str, iterations: int) -> Costs:
    """Paint ``jobs`` pictures one after the other, and one that takes longer."""
    costing = _Costing(folder, server, model)
    await costing.start()
    try:
        short = {} if model == "natural" else {"iterations": 1}
        await costing.paint(**short)  # loads the model
        first = await costing.counters()
        idle = await costing.counters()
        costing.requests()
        began, cpu = time.monotonic(), costing.cpu_seconds()
        for _ in range(jobs):
            await costing.paint(**short)
        busy, cpu = time.monotonic() - began, costing.cpu_seconds() - cpu
        last = await costing.counters()
        made = costing.requests()
        rest = (busy + _SETTLE_SECONDS) / _SETTLE_SECONDS
        spent = {
            name: (last[name] - idle[name] - rest * (idle[name] - first[name])) / jobs
            for name in first
        }
        seconds = await costing.paint(iterations=iterations)
        longer = costing.requests()
        results = [each for each in made if kind_of(each) == "message" and each.files]
        previews = [each for each in (*made, *longer) if kind_of(each) == "message's edit"]
        sizes = _uploaded(previews)
        by_kind = Counter(map(kind_of, made))
        edits = sum(kind_of(each) == "message's edit" for each in longer)
        return Costs(
            jobs,
            round(len(made) / jobs, 2),
            {kind: round(count / jobs, 2) for kind, count in sorted(by_kind.items())},
            round(spent["commits"], 1),
            round(spent["rows"], 1),
            round(spent["wal_bytes"]),
            round(cpu / jobs * 1000, 1),
            round((edits - by_kind["message's edit"] / jobs) / seconds * 60, 1),
            round(sum(_uploaded(results)) / max(1, len(results))),
            round(sum(sizes) / max(1, len(sizes))),
            costing.bytes_in("pictures", ".png"),
            costing.bytes_in("states", ".pt"),
            costing.bytes_in("states", ".frames"),
            await costing.row_bytes(),
        )
    finally:
        await costing.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.costs", description="Count what a job costs besides painting."
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--jobs", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--model", default="tiny", help="what paints (default: tiny)")
    parser.add_argument(
        "--iterations", type=int, default=2000, help="of the longer one (default: 2000)"
    )
    options = parser.parse_args(arguments)
    found = programs()
    if found is None:
        print("PostgreSQL is not installed (Debian: apt install postgresql).", file=sys.stderr)
        return 2
    server = Server(found, autovacuum="off")
    try:
        with tempfile.TemporaryDirectory(prefix="costs-") as folder:
            costs = asyncio.run(
                measure(options.jobs, Path(folder), server, options.model, options.iterations)
            )
    finally:
        server.remove()
    print_figures(asdict(costs), options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
