"""Looks up jobs in the database and among the recorded requests."""

from __future__ import annotations

from pathlib import Path

from bot.standin.components import buttons
from tests.databases import read_rows


def row_of(bot, job_id):
    """The row of a job, read while the bot runs."""
    [row] = rows(bot, "SELECT * FROM jobs WHERE id = ?", job_id)
    return row


def rows(bot, sql, *values):
    return read_rows(bot.data / "imagine-bot.sqlite3", sql, *values)


def job_id_of(message):
    """The id of the job that a message's buttons belong to."""
    return buttons(message)[0]["custom_id"].rsplit(":", 1)[1]


def has_loaded(process_id, library):
    """Whether a process has loaded a shared library of that name."""
    return library in Path(f"/proc/{process_id}/maps").read_text("utf-8")


def stored_attachments(bot):
    """The attachments that the bot has stored."""
    return list((bot.data / "attachments").iterdir())


def previews(standin):
    """The edits of messages that have a preview."""
    return [
        request
        for request in standin.requests("PATCH", r"/channels/\d+/messages/\d+$")
        if any(name.startswith("preview-") for name, _ in request.files.values())
    ]
