"""What the host is told about the workers, of one process or of several."""

from __future__ import annotations

from collections.abc import Sequence

from bot.host.processes import ProcessStatus
from bot.language import _, plural
from engine.worker.status import WorkerStatus

_SHOWN_WORKERS, _SHOWN_PROCESSES, _SHOWN_RANGES = 12, 6, 4  # they fit into a message


def workers_text(workers: Sequence[WorkerStatus], shown: int = _SHOWN_WORKERS) -> str:
    """Describe each worker in a line for the host; a cluster can have none, or very many."""
    lines = [worker_line(worker) for worker in workers[:shown]]
    if len(workers) > len(lines):
        lines.append(_("and {number} more", number=len(workers) - len(lines)))
    return "\n".join(lines) or _("No worker runs at the moment.")


def processes_text(processes: Sequence[ProcessStatus]) -> str:
    """Describe the processes of the bot, the one that answers first, each with its workers."""
    parts = []
    for number, each in enumerate(processes[:_SHOWN_PROCESSES]):
        title = _("**{name}**, shards {shards}", name=each.name, shards=_ranges(each.shards))
        if number == 0:
            title += " " + _("(this process)")
        jobs = _("{running} running, {waiting} waiting", running=each.running, waiting=each.waiting)
        if each.draining:
            jobs += _("; not taking new jobs")
        shown = max(1, _SHOWN_WORKERS // len(processes))
        parts.append(f"{title}: {jobs}\n{workers_text(each.workers, shown)}")
    if len(processes) > len(parts):
        parts.append(_("and {number} more", number=len(processes) - len(parts)))
    return "\n".join(parts)


def _ranges(numbers: Sequence[int]) -> str:
    """Name sorted numbers as in 0-3, 7."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][-1] == number - 1:
            found[-1].append(number)
        else:
            found.append([number])
    text = ", ".join(
        f"{each[0]}-{each[-1]}" if len(each) > 1 else str(each[0]) for each in found[:_SHOWN_RANGES]
    )
    return (text + ("..." if len(found) > _SHOWN_RANGES else "")) or _("none")


def worker_line(worker: WorkerStatus) -> str:
    """Describe a worker in one line for the host."""
    if worker.starts == 0:
        return _("No worker has started yet.")
    if worker.pid is None:
        where = _("in the bot's own process")
    elif worker.node is None:
        where = _("process {pid}", pid=worker.pid)
    else:
        where = _("process {pid} on {machine}", pid=worker.pid, machine=worker.node)
    parts = [
        where,
        _("on {device}", device=worker.device) if worker.device is not None else _("starting"),
        _("model {model}", model=worker.model or _("none yet")),
    ]
    if worker.memory is not None:
        parts.append(_("{megabytes} MB of memory", megabytes=round(worker.memory / 1e6)))
    parts.append(plural("started {number} time", "started {number} times", worker.starts))
    if worker.resting:
        parts.append(_("rests before the next start, because it keeps ending"))
    return ("🟢 " if worker.alive else "🔴 " + _("not running") + ", ") + ", ".join(parts)
