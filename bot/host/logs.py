"""Logs for the host: plain lines or JSON, each with the id of the job that it is about."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime

_JOB: ContextVar[str] = ContextVar("job", default="")


@contextlib.contextmanager
def about_job(job_id: str) -> Iterator[None]:
    """Mark everything that is logged inside the context with this job's id."""
    token = _JOB.set(job_id)
    try:
        yield
    finally:
        _JOB.reset(token)


class _JobFilter(logging.Filter):
    """Writes the current job's id into each record that has none."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "job"):
            record.job = _JOB.get()
        return True


class PlainFormatter(logging.Formatter):
    """`2026-01-31T12:00:00Z INFO bot.delivery [job 0123abcd...] posted`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, followed by the traceback if there is one."""
        job = getattr(record, "job", "")
        about = f" [job {job}]" if job else ""
        # A line break in a message could forge another log line.
        message = record.getMessage().replace("\r", "\\r").replace("\n", "\\n")
        line = f"{_time(record)} {record.levelname} {record.name}{about} {message}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, job, message, and error if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "job": getattr(record, "job", "") or None,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def set_up_logs(form: str = "plain", level: str = "info") -> None:
    """Send all logs from ``level`` upwards to stderr, as ``form``: "plain" or "json"."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_JobFilter())
    handler.setFormatter(JsonFormatter() if form == "json" else PlainFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # At info, discord.py reports each reconnection; at debug it logs whole payloads.
    logging.getLogger("discord").setLevel(max(logging.INFO, root.level))
    logging.getLogger("aiosqlite").setLevel(max(logging.INFO, root.level))
