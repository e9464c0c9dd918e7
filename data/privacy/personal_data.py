"""All that is stored about a person: exported and deleted in one place.

A new table or column that names people needs a keeper in ``Privacy.keepers``; a test walks the
database and fails without one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from data.database import Database, Row
from data.errors import StoreError
from data.jobs.job_table import Jobs
from data.pictures.names import attachment_name, picture_name
from data.privacy.keeper import Exported, Keeper, RestrictionKeeper, TableKeeper
from engine.tasks import spawn

log = logging.getLogger("data.privacy.personal_data")

AGAIN_SECONDS = 5.0
_PART = 500
_PAUSE_SECONDS = 0.002  # after each job that is deleted

# How columns that name a person are called. `jobs.owner` is a process.
_PERSON_LIKE = re.compile(
    r"(^|_)(person|people|moderator|member|user|author|requester|inviter|recipient|"
    r"(changed|asked|made|set|done|banned|limited|reported|deleted|hidden)_by|who|by)(_id)?$"
)
# Named like a person, but a process: the one that asks for a shard.
_PROCESSES = frozenset({("shards", "wanted_by")})
# Columns of a job that are about the program and not about the person.
_INTERNAL = ("owner", "lease_until", "work", "painted_in")


class Privacy:
    """Exports and deletes by person; every method raises StoreError if something fails."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs
        self._scrubbing: asyncio.Task[None] | None = None
        self.keepers: list[Keeper] = [
            JobKeeper(database, jobs),
            RestrictionKeeper(database, jobs.files.folder),
            TableKeeper(database, "moderation_log", names=["moderator", "person"]),
            TableKeeper(database, "preferences", own=["person"]),
            TableKeeper(database, "favourites", own=["person"]),
            TableKeeper(database, "guild_settings_log", names=["person"]),
            TableKeeper(database, "guild_usage", own=["person"]),
            TableKeeper(database, "turns", own=["person"]),
            TableKeeper(database, "picture_checks", names=["person"]),
            TableKeeper(database, "styles", own=["person"]),
            TableKeeper(database, "used_styles", own=["person"]),
            TableKeeper(database, "server_styles", names=["moderator"]),
            TableKeeper(database, "purges", own=["person"], names=["moderator"]),
        ]

    async def export(self, person: str) -> Exported:
        """All that is stored about ``person``."""
        rows: dict[str, Sequence[Mapping[str, Any]]] = {}
        files: list[str] = []
        for keeper in self.keepers:
            found = await keeper.export(person)
            rows.update(found.rows)
            files += found.files
        return Exported(rows, files, self._jobs.pictures.read_in_thread)

    async def forget(self, person: str) -> None:
        """Delete all of it, also from the database's file and its log.

        The person's jobs must have ended before. Idempotent; a StoreError leaves part of it done.
        """
        for keeper in self.keepers:
            await keeper.forget(person)
        if not await self._database.scrub() and self._scrubbing is None:
            self._scrubbing = spawn(self._scrub_later(), "scrubbing the database")

    async def _scrub_later(self) -> None:
        """Try again until nothing else uses the log, such as a backup that is being made."""
        try:
            while True:
                await asyncio.sleep(AGAIN_SECONDS)
                if await self._database.scrub():
                    return
        except StoreError as error:  # the daily task tries again
            log.warning("The database's log could not be emptied: %s", error)
        finally:
            self._scrubbing = None

    async def close(self) -> None:
        """Stop what works in the background."""
        if self._scrubbing is not None:
            self._scrubbing.cancel()
            await asyncio.gather(self._scrubbing, return_exceptions=True)

    async def person_columns(self) -> set[tuple[str, str]]:
        """(table, column) of every column whose name says that it names a person."""
        return {
            (table, column)
            for table, column in await self._database.columns()
            if _PERSON_LIKE.search(column) and (table, column) not in _PROCESSES
        }


class JobKeeper:
    """Jobs with their pictures and states, and what the person attached to them."""

    columns = frozenset({("jobs", "person")})

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs

    async def export(self, person: str) -> Exported:
        """The rows, the pictures, and the attachments that the person was the first to use."""
        shown: list[dict[str, Any]] = []
        files: list[str] = []
        after = -1
        while True:
            rows = await self._database.fetch(
                "SELECT * FROM jobs WHERE person = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                person,
                after,
                _PART,
            )
            shown += await asyncio.to_thread(_shown, rows)
            files += [picture_name(row["id"]) for row in rows]
            if len(rows) < _PART:
                break
            after = rows[-1]["sequence"]
        files += [attachment_name(sha256) for sha256 in await self._attached(person)]
        return Exported({"jobs": shown} if shown else {}, files)

    async def forget(self, person: str) -> None:
        """Delete rows and files.

        An attachment that the person was the first to use is removed from other people's jobs
        too; they keep what was painted from it. Their time-lapses of the person's pictures go.
        """
        for sha256 in await self._attached(person):
            await self._jobs.withdraw(sha256)
        while True:
            rows = await self._database.fetch(
                "SELECT id FROM jobs WHERE person = ? LIMIT ?", person, _PART
            )
            if not rows:
                return
            for row in rows:
                for time_lapse in await self._jobs.time_lapses_of(row["id"]):
                    await self._jobs.delete(time_lapse.id)
                await self._jobs.delete(row["id"])
                # Nobody waits for this, but for what the same cores and disk do meanwhile.
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _attached(self, person: str) -> list[str]:
        """Attachments of the person's jobs that no older job of another person has."""
        rows = await self._database.fetch(
            "SELECT DISTINCT mine.sha256 FROM attachments mine JOIN jobs ON jobs.id = mine.job_id "
            "WHERE jobs.person = ? AND NOT EXISTS (SELECT 1 FROM attachments others JOIN jobs "
            "older ON older.id = others.job_id WHERE others.sha256 = mine.sha256 AND "
            "older.sequence < jobs.sequence AND older.person <> jobs.person)",
            person,
        )
        return [row["sha256"] for row in rows]


def _shown(rows: Sequence[Row]) -> list[dict[str, Any]]:
    shown = []
    for row in rows:
        job = {name: value for name, value in row.items() if name not in _INTERNAL}
        for name in ("request", "result", "losses"):
            job[name] = None if row[name] is None else json.loads(row[name])
        shown.append(job)
    return shown
