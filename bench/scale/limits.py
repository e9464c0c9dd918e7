"""Where the next limit is: what so many GPUs need of Discord, the database, storage and a process.

The costs of a job are those that ``python -m bench.costs`` measured (2026-11-29); the limits are
Discord's, and round figures for one machine each. ``table`` is in docs/scale.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True)
class JobCosts:
    """What one job costs besides painting, as bench.costs prints it.

    ``calls`` are requests to Discord that count against the bot's global limit: answers to
    interactions do not. ``transactions`` include those that only read. CPU seconds are of the bot's
    process: for each job, and for each edit with a preview.
    """

    calls: float = 3.0
    edits_a_minute: float = 15.0
    transactions: float = 21.0
    rows: float = 11.0
    wal_bytes: int = 7_700
    picture_bytes: int = 110_000
    cpu_seconds: float = 0.037
    edit_cpu_seconds: float = 0.011


@dataclass(frozen=True)
class Limits:
    """What one of each carries: a bot's requests a second, a server's transactions, a process."""

    calls: float = 50.0
    transactions: float = 10_000.0
    # Of one core, so that answers still come within 3 s.
    process_cpu: float = 0.5


@dataclass(frozen=True)
class Need:
    """What a number of GPUs needs at ``jobs`` a second.

    ``calls`` and ``transactions`` are a second's, ``bytes_a_day`` those of new pictures, and
    ``bots``, ``databases`` and ``processes`` how many of each carry that.
    """

    gpus: int
    jobs: float
    calls: float
    transactions: float
    bytes_a_day: float
    bots: int
    databases: int
    processes: int

    @property
    def jobs_a_day(self) -> float:
        """Pictures in 24 hours."""
        return self.jobs * DAY


def need(
    gpus: int,
    seconds: float,
    load: float = 0.8,
    *,
    previews: bool = True,
    costs: JobCosts | None = None,
    limits: Limits | None = None,
) -> Need:
    """What ``gpus`` need that paint a picture in ``seconds``, for the share ``load`` of their time.

    ``previews`` are edits of the progress message every few seconds.
    """
    costs, limits = costs or JobCosts(), limits or Limits()
    jobs = load * gpus / seconds
    edits = costs.edits_a_minute * seconds / 60 if previews else 0.0
    calls, transactions = jobs * (costs.calls + edits), jobs * costs.transactions
    cpu = jobs * (costs.cpu_seconds + edits * costs.edit_cpu_seconds)
    return Need(
        gpus,
        jobs,
        calls,
        transactions,
        jobs * costs.picture_bytes * DAY,
        math.ceil(calls / limits.calls),
        math.ceil(transactions / limits.transactions),
        math.ceil(cpu / limits.process_cpu),
    )


def table(numbers: Sequence[int], seconds: float, load: float = 0.8) -> str:
    """The needs of each number of GPUs as a table in Markdown; without previews, with them."""
    lines = [
        "| GPUs | pictures a day | requests/s | bots | processes | transactions/s | new pictures "
        "a day |",
        "|---|---|---|---|---|---|---|",
    ]
    for number in numbers:
        plain, shown = need(number, seconds, load, previews=False), need(number, seconds, load)
        lines.append(
            f"| {number:,} | {short(shown.jobs_a_day)} | {short(plain.calls)}, "
            f"{short(shown.calls)} | {plain.bots}, {shown.bots} | {plain.processes}, "
            f"{shown.processes} | {short(shown.transactions)} | "
            f"{short(shown.bytes_a_day / 1e9)} GB |"
        )
    return "\n".join(lines)


def short(value: float) -> str:
    """A positive number with two digits that count, as in a plan."""
    place = 1 - math.floor(math.log10(value))
    return f"{round(value, place):,.{max(0, place)}f}"
