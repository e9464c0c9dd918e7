"""A person's own pictures and favourites, searched and filtered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from data.database import Database
from data.jobs.stored import PAINTED, StoredJob, in_states, jobs_with_ids, select_jobs
from engine.clock import now_ms

Kind = Literal["all", "painted", "edited", "favourites"]
KINDS: tuple[Kind, ...] = ("all", "painted", "edited", "favourites")
_PART = 2000


@dataclass(frozen=True)
class Search:
    """What to look for.

    All ``words`` must be in the prompt, in any case. Edits are pictures that start from another
    one. ``since`` is in milliseconds since 1970, UTC. Favourites can be other people's pictures.
    """

    words: str = ""
    kind: Kind = "all"
    model: str | None = None
    since: int | None = None


class History:
    """Searches jobs and keeps favourites; every method raises StoreError if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, person: str, search: Search, *, offset: int = 0, limit: int = 10
    ) -> tuple[list[StoredJob], int]:
        """Painted jobs that match, newest first, from ``offset`` on; and how many match in all."""
        where, values = _condition(person, search)
        words = search.words.casefold().split()
        if not words:
            rows = await self._database.fetch(
                f"SELECT COUNT(*) AS n FROM jobs WHERE {where}",  # noqa: S608  constants
                *values,
            )
            page = f"{where} ORDER BY sequence DESC LIMIT ? OFFSET ?"
            found = await select_jobs(self._database, page, *values, limit, offset)
            return found, int(rows[0]["n"])
        matching = await self._matching(where, values, words)
        ids = matching[offset : offset + limit]
        return await jobs_with_ids(self._database, ids), len(matching)

    async def _matching(self, where: str, values: list[object], words: list[str]) -> list[str]:
        """The ids of jobs with all ``words``, newest first.

        They are compared here, because the databases do not agree about letters beyond ASCII.
        """
        found: list[str] = []
        before = 1 << 62
        while True:
            rows = await self._database.fetch(
                f"SELECT id, sequence, prompt FROM jobs WHERE {where} AND sequence < ? "  # noqa: S608  constants
                "ORDER BY sequence DESC LIMIT ?",
                *values,
                before,
                _PART,
            )
            for row in rows:
                prompt = row["prompt"].casefold()
                if all(word in prompt for word in words):
                    found.append(row["id"])
            if len(rows) < _PART:
                return found
            before = rows[-1]["sequence"]

    async def toggle_favourite(self, person: str, job_id: str) -> bool:
        """Make a job one of the person's favourites, or no longer; return whether it is one now."""
        async with self._database.transaction() as transaction:
            if await transaction.change(
                "DELETE FROM favourites WHERE person = ? AND job_id = ?", person, job_id
            ):
                return False
            await transaction.change(
                "INSERT INTO favourites (person, job_id, created_at) VALUES (?, ?, ?) "
                "ON CONFLICT (person, job_id) DO NOTHING",
                person,
                job_id,
                now_ms(),
            )
        return True

    async def favourites_among(self, person: str, ids: list[str]) -> set[str]:
        """Those of the jobs ``ids`` that are the person's favourites."""
        if not ids:
            return set()
        rows = await self._database.fetch(
            "SELECT job_id FROM favourites WHERE person = ? AND job_id IN "  # noqa: S608  marks
            f"({', '.join('?' * len(ids))})",
            person,
            *ids,
        )
        return {row["job_id"] for row in rows}


def _condition(person: str, search: Search) -> tuple[str, list[object]]:
    """The condition for the jobs, without the words, and its values."""
    if search.kind == "favourites":
        where = "id IN (SELECT job_id FROM favourites WHERE person = ?) AND removed_at IS NULL"
    else:
        where = "person = ?"
    where += f" AND {in_states(PAINTED)} AND time_lapse_of IS NULL"
    values: list[object] = [person]
    # What a person typed has its quotes escaped in JSON, so these match nothing within a text.
    # REPLACE finds the same letters in both databases; LIKE would not.
    if search.kind in ("painted", "edited"):
        where += f" AND REPLACE(request, ?, '') {'=' if search.kind == 'painted' else '<>'} request"
        values.append('"init_image":"')
    if search.model is not None:
        name = json.dumps(search.model, ensure_ascii=False)[:-1]
        where += " AND (REPLACE(request, ?, '') <> request OR REPLACE(request, ?, '') <> request)"
        values += [f'"model":{name}"', f'"model":{name}/']  # with another perceptor
    if search.since is not None:
        where += " AND created_at >= ?"
        values.append(search.since)
    return where, values
