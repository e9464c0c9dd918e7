"""Pictures whose message somebody deleted in Discord, as moderators do."""

from __future__ import annotations

from bot.errors import GoneError
from bot.language import _, mark
from data.jobs.stored import StoredJob

REMOVED = mark("That picture's message was deleted, so I don't use the picture again.")


def check_not_removed(job: StoredJob) -> None:
    """Raise GoneError if the message with the picture was deleted: nothing may show it again."""
    if job.removed_at is not None:
        raise GoneError(_(REMOVED))
