"""What the tests look up about jobs, in the database and among the requests."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.e2e.standin.server import buttons


def row_of(bot, job_id):
    """The row of a job, read beside the running bot."""
    [row] = rows(bot, "SELECT * FROM jobs WHERE id = ?", job_id)
    return row


def rows(bot, sql, *values):
    connection = sqlite3.connect(f"file:{bot.data / 'imagine-bot.sqlite3'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(sql, values)]
    finally:
        connection.close()


def job_id_of(message):
    """The job that a message's buttons are about."""
    return buttons(message)[0]["custom_id"].rsplit(":", 1)[1]


def is_running(process_id):
    return Path(f"/proc/{process_id}").exists()


def has_loaded(process_id, library):
    """Whether a process has a shared library of that name in its memory."""
    return library in Path(f"/proc/{process_id}/maps").read_text("utf-8")


def kept_attachments(bot):
    """The files that the bot keeps of what people attached."""
    return list((bot.data / "attachments").iterdir())


def previews(standin):
    """The edits that brought a preview."""
    return [request for request in standin.requests("PATCH", r"/channels/\d+/messages/\d+$")
            if any(name.startswith("preview-") for name, _ in request.files.values())]
