"""The jobs of one server, for its moderators."""

from __future__ import annotations

import re
from collections.abc import Collection

from data.database import Database
from data.jobs.files import Files
from data.jobs.stored import COLUMNS, StoredJob, stored_job

_ID = re.compile(r"[0-9a-f]{6,32}")
_MESSAGE = re.compile(r"(?:https?://\S+/)?(\d{15,20})")


class ServerJobs:
    """Finds jobs; every method raises StoreError if the database cannot be used."""

    def __init__(self, database: Database, job_files: Files) -> None:
        self._database = database
        self._files = job_files

    async def recent(
        self,
        guild_id: str,
        *,
        person: str | None = None,
        channels: Collection[str] | None = None,
        words: str = "",
        limit: int = 10,
    ) -> list[StoredJob]:
        """The newest jobs of that server in any state, newest first.

        Only those in ``channels``, unless it is None. ``words``, if given, must be in the prompt
        or start the id.
        """
        where, values = "guild_id = ?", [guild_id]
        if person is not None:
            where += " AND person = ?"
            values.append(person)
        if channels is not None:
            where += f" AND channel_id IN ({', '.join('?' * len(channels))})"
            values += channels
        if words:
            where += " AND (LOWER(prompt) LIKE ? ESCAPE '!' OR id LIKE ? ESCAPE '!')"
            plain = re.sub(r"([!%_])", r"!\1", words.lower())
            values += [f"%{plain}%", f"{plain}%"]
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE {where} "  # noqa: S608  constants
            "ORDER BY sequence DESC LIMIT ?",
            *values,
            limit,
        )
        return [stored_job(row, self._files) for row in rows]

    async def find(self, guild_id: str, text: str) -> StoredJob | None:
        """The job of that server that ``text`` names; None unless there is exactly one.

        ``text`` is its id, at least the first six digits of it, or the id of or the link to its
        message.
        """
        text = text.strip()
        message = _MESSAGE.fullmatch(text)
        if message is not None:
            where = "(result_message_id = ? OR progress_message_id = ?)"
            values = [message[1], message[1]]
        elif _ID.fullmatch(text.lower()):
            where, values = "id LIKE ?", [f"{text.lower()}%"]
        else:
            return None
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE guild_id = ? AND {where} LIMIT 2",  # noqa: S608  constants
            guild_id,
            *values,
        )
        return stored_job(rows[0], self._files) if len(rows) == 1 else None

    async def asked_since(self, guild_id: str, person: str, since: int) -> list[int]:
        """When the person asked in that server after ``since`` (ms since 1970), oldest first.

        Jobs that were deleted meanwhile count too: they were painted all the same.
        """
        rows = await self._database.fetch(
            "SELECT MIN(asked_at) AS asked_at FROM ("
            "SELECT id, created_at AS asked_at FROM jobs "
            "WHERE person = ? AND guild_id = ? AND created_at > ? UNION ALL "
            "SELECT job_id AS id, asked_at FROM guild_usage "
            "WHERE person = ? AND guild_id = ? AND asked_at > ?) AS asked "
            "GROUP BY id ORDER BY 1",
            person,
            guild_id,
            since,
            person,
            guild_id,
            since,
        )
        return [int(row["asked_at"]) for row in rows]
