"""What is kept of a person, all of it in one place, and how it is forgotten.

Whoever adds a table or a column that names people adds its keeper to :func:`keepers`; a test
walks the database and fails where none answers.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data.database import Database
from data.keeper import Exported, Keeper, TableKeeper
from data.people import RestrictionKeeper
from data.store import Store
from data.stored import COLUMNS, StoredJob, stored_job

log = logging.getLogger("data.privacy")

# How a column is called that names a person. `jobs.owner` is a process.
_PERSON_LIKE = re.compile(
    r"(^|_)(person|people|moderator|member|user|author|requester|inviter|recipient|"
    r"(changed|asked|made|set|done|banned|limited|reported|deleted|hidden)_by|who|by)(_id)?$")
# What of a job's row is about the program and not about the person.
_INTERNAL = ("owner", "lease_until")


def keepers(store: Store) -> list[Keeper]:
    """All who keep something about people."""
    database = store.database
    return [
        JobKeeper(store),
        RestrictionKeeper(database, store.folder),
        TableKeeper(database, "moderation_log", names=["moderator", "person"]),
        TableKeeper(database, "preferences", own=["person"]),
        TableKeeper(database, "guild_settings_log", names=["person"]),
        TableKeeper(database, "guild_usage", own=["person"]),
        TableKeeper(database, "picture_checks", names=["person"]),
    ]


async def export(store: Store, person: str) -> Exported:
    """All that is kept of ``person``, by every keeper; raises StoreError."""
    rows: dict[str, Sequence[Mapping[str, Any]]] = {}
    files: dict[str, Path] = {}
    for keeper in keepers(store):
        found = await keeper.export(person)
        rows.update(found.rows)
        files.update(found.files)
    return Exported(rows, files)


async def forget(store: Store, person: str) -> None:
    """Remove all of it, so that neither the database's file nor its log has it any more.

    The person's jobs are over before. Idempotent; raises StoreError, with part of it done.
    """
    for keeper in keepers(store):
        await keeper.forget(person)
    if not await store.database.scrub(rebuild=True):
        # Another process reads the database just now; the daily task tries again.
        log.warning("the database's log could not be emptied yet")


async def jobs_of(store: Store, person: str) -> list[StoredJob]:
    """All jobs of ``person``, whatever became of them, oldest first."""
    rows = await store.database.fetch(
        f"SELECT {COLUMNS} FROM jobs WHERE person = ? ORDER BY sequence", person)  # noqa: S608  constant
    return [stored_job(row, store.files) for row in rows]


async def person_columns(database: Database) -> set[tuple[str, str]]:
    """(table, column) of every column of the database that is called as if it named a person."""
    tables = await database.fetch(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    found = set()
    for table in tables:
        columns = await database.fetch("SELECT name FROM pragma_table_info(?)", table["name"])
        found |= {(table["name"], column["name"]) for column in columns
                  if _PERSON_LIKE.search(column["name"])}
    return found


class JobKeeper:
    """Jobs with their pictures, what the person attached to them, and half-painted states."""

    columns = frozenset({("jobs", "person")})

    def __init__(self, store: Store) -> None:
        self._store = store

    async def export(self, person: str) -> Exported:
        """The rows, the pictures, and what the person was the first to attach."""
        rows = await self._store.database.fetch(
            "SELECT * FROM jobs WHERE person = ? ORDER BY sequence", person)
        shown: list[dict[str, Any]] = []
        files: dict[str, Path] = {}
        for row in rows:
            job = {name: value for name, value in row.items() if name not in _INTERNAL}
            for name in ("request", "result"):
                job[name] = None if row[name] is None else json.loads(row[name])
            shown.append(job)
            files.update(_named("pictures", self._store.files.picture(row["id"])))
        for sha256 in await self._attached(person):
            files.update(_named("attachments", self._store.files.attachment(sha256)))
        return Exported({"jobs": shown} if shown else {}, files)

    async def forget(self, person: str) -> None:
        """Remove rows and files.

        What the person was the first to attach is taken away from other people's jobs too: they
        keep what was painted from it.
        """
        for sha256 in await self._attached(person):
            await self._store.withdraw(sha256)
        rows = await self._store.database.fetch("SELECT id FROM jobs WHERE person = ?", person)
        for row in rows:
            await self._store.delete(row["id"])

    async def _attached(self, person: str) -> list[str]:
        """The pictures from outside that nobody else's job had before one of theirs."""
        rows = await self._store.database.fetch(
            "SELECT DISTINCT mine.sha256 FROM attachments mine JOIN jobs ON jobs.id = mine.job_id "
            "WHERE jobs.person = ? AND NOT EXISTS (SELECT 1 FROM attachments others JOIN jobs "
            "older ON older.id = others.job_id WHERE others.sha256 = mine.sha256 AND "
            "older.sequence < jobs.sequence AND older.person <> jobs.person)", person)
        return [row["sha256"] for row in rows]


def _named(folder: str, path: Path) -> dict[str, Path]:
    return {f"{folder}/{path.name}": path}
