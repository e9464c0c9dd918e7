"""The jobs of one server, for its moderators."""

from __future__ import annotations

import re
from collections.abc import Collection

from data.database import Database, Row
from data.jobs.stored import COLUMNS, UNFINISHED, StoredJob, in_states, jobs_with_ids, stored_job
from data.jobs.words import LAST, words_of

_ID = re.compile(r"[0-9a-f]{6,32}")
_MESSAGE = re.compile(r"(?:https?://\S+/)?(\d{15,20})")
# How many jobs are looked through for what a moderator types, at each letter: the newest ones
# whatever their words, and those with a word that starts like the typed one.
_NEWEST, _CANDIDATES = 200, 500
_SHORTEST = 2
_SHORT = "id, sequence, prompt, guild_id, channel_id, person, private_channel_id"
_TOGETHER = 50  # channels in one statement


class ServerJobs:
    """Finds jobs; every method raises StoreError if the database cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        or start the id; a private job is found by its id alone. Among older jobs those are found
        whose prompt has a word that starts like the longest one of ``words``.
        """
        wanted = words.casefold()
        candidates = await self._newest(guild_id, person, channels, _NEWEST if words else limit)
        if words:
            candidates += await self._with_words(guild_id, wanted)
        found = {
            row["sequence"]: row["id"]
            for row in candidates
            if row["guild_id"] == guild_id
            and person in (None, row["person"])
            and (channels is None or row["channel_id"] in channels)
            and (
                (row["private_channel_id"] is None and wanted in row["prompt"].casefold())
                or row["id"].startswith(wanted)
            )
        }
        ids = [found[sequence] for sequence in sorted(found, reverse=True)[:limit]]
        return await jobs_with_ids(self._database, ids)

    async def _newest(
        self, guild_id: str, person: str | None, channels: Collection[str] | None, limit: int
    ) -> list[Row]:
        """The newest jobs of the server, of a person (not only in ``channels``) or of channels."""
        if person is not None:
            return await self._database.fetch(
                f"SELECT {_SHORT} FROM jobs WHERE person = ? AND guild_id = ? "  # noqa: S608  constants
                "ORDER BY sequence DESC LIMIT ?",
                person,
                guild_id,
                limit if channels is None else _CANDIDATES,
            )
        if channels is None:
            return await self._database.fetch(
                f"SELECT {_SHORT} FROM jobs WHERE guild_id = ? ORDER BY sequence DESC LIMIT ?",  # noqa: S608  constants
                guild_id,
                limit,
            )
        # Channel by channel, so that few jobs are read even if the server's newest are elsewhere.
        one = (
            f"SELECT * FROM (SELECT {_SHORT} FROM jobs WHERE channel_id = ? "  # noqa: S608  constants
            "ORDER BY sequence DESC LIMIT ?) AS newest"
        )
        found: list[Row] = []
        places = list(channels)
        for start in range(0, len(places), _TOGETHER):
            some = places[start : start + _TOGETHER]
            found += await self._database.fetch(
                " UNION ALL ".join([one] * len(some)),
                *(value for channel in some for value in (channel, limit)),
            )
        return found

    async def _with_words(self, guild_id: str, wanted: str) -> list[Row]:
        """Jobs, at most some hundred, of which each one with ``wanted`` in it is likely one."""
        found: list[Row] = []
        key = max(words_of(wanted), key=len, default="")
        if len(key) >= _SHORTEST:
            found += await self._database.fetch(
                f"SELECT {_SHORT} FROM jobs WHERE guild_id = ? AND sequence IN (SELECT sequence "  # noqa: S608  constants
                "FROM job_words WHERE guild_id = ? AND word >= ? AND word < ? LIMIT ?)",
                guild_id,
                guild_id,
                key,
                key + LAST,
                _CANDIDATES,
            )
        if _ID.fullmatch(wanted):
            found += await self._database.fetch(
                f"SELECT {_SHORT} FROM jobs WHERE id >= ? AND id < ? LIMIT ?",  # noqa: S608  constants
                wanted,
                wanted + LAST,
                _NEWEST,
            )
        return found

    async def find(self, guild_id: str, text: str) -> StoredJob | None:
        """The job of that server that ``text`` names; None unless there is exactly one.

        ``text`` is its id, at least the first six digits of it, or the id of or the link to its
        message.
        """
        text = text.strip()
        message = _MESSAGE.fullmatch(text)
        if message is not None:
            where = "id IN (SELECT job_id FROM job_messages WHERE message_id = ?)"
            values = [message[1]]
        elif _ID.fullmatch(text.lower()):
            where, values = "id >= ? AND id < ?", [text.lower(), text.lower() + LAST]
        else:
            return None
        # The server is compared here, so that the database does not walk through all its jobs.
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE {where} LIMIT ?",  # noqa: S608  constants
            *values,
            _NEWEST,
        )
        found = [row for row in rows if row["guild_id"] == guild_id]
        return stored_job(found[0]) if len(found) == 1 else None

    async def unfinished(
        self, guild_id: str, channels: Collection[str] | None = None
    ) -> list[StoredJob]:
        """The server's jobs that are being painted, then those that wait, in whichever process.

        Only those in ``channels``, unless it is None.
        """
        # Of all servers, because they are few and have an index.
        rows = await self._database.fetch(
            f"SELECT {COLUMNS} FROM jobs WHERE delivered_at IS NULL AND {in_states(UNFINISHED)} "  # noqa: S608  constants
            "ORDER BY sequence"
        )
        found = [
            stored_job(row)
            for row in rows
            if row["guild_id"] == guild_id and (channels is None or row["channel_id"] in channels)
        ]
        return sorted(found, key=lambda job: job.state != "running")

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
