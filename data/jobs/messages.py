"""The messages about a job: which there are, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from data.database import Transaction

MessageKind = Literal["progress", "result", "starboard"]
MESSAGE_COLUMNS = "channel_id, message_id, job_id, guild_id, kind"


@dataclass(frozen=True)
class JobMessage:
    """A message about a job, and where it is; ``guild_id`` is None in direct messages."""

    channel_id: str
    message_id: str
    job_id: str
    guild_id: str | None
    kind: MessageKind


async def add_message(
    transaction: Transaction,
    job_id: str,
    message_id: str,
    kind: MessageKind,
    direct_channel_id: str | None,
) -> None:
    """Write down a message about a job, in place of an older one of its kind.

    Jobs of one grid can share a message. It is in the job's channel, unless ``direct_channel_id``
    says in which direct messages.
    """
    await transaction.change("DELETE FROM job_messages WHERE job_id = ? AND kind = ?", job_id, kind)
    rows = await transaction.fetch("SELECT guild_id, channel_id FROM jobs WHERE id = ?", job_id)
    if not rows:
        return
    direct = direct_channel_id is not None
    await transaction.change(
        "INSERT INTO job_messages (channel_id, message_id, job_id, guild_id, kind) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel_id, message_id, job_id) DO UPDATE "
        "SET guild_id = excluded.guild_id, kind = excluded.kind",
        direct_channel_id if direct else rows[0]["channel_id"],
        message_id,
        job_id,
        None if direct else rows[0]["guild_id"],
        kind,
    )
