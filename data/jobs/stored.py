"""Stored jobs as plain values, and the sets of states that belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.database import Database, Row
from engine.errors import RequestError
from engine.jobs.job import Interrupt, Place, State
from engine.request.request import ImageRequest, request_from_json, stored_request

UNFINISHED: tuple[State, ...] = ("queued", "running")
PAINTED: tuple[State, ...] = ("rendered", "delivered")


@dataclass(frozen=True)
class StoredJob:
    """A job as it is stored. Times are milliseconds since 1970, UTC.

    ``result``, once rendered, has ``seed``, ``seconds``, ``iterations``, ``width``, ``height``,
    ``notices`` and ``stopped`` (see engine.events.Done). ``has_picture`` is whether there is a
    picture; a cancelled job may have a partial one. ``result_sha256`` is of that picture, or of
    the time-lapse; None if an older version wrote it. ``time_lapse_of`` is the job whose time-lapse
    this job makes or made. ``grid`` is the id of the first job of its grid (see
    engine.jobs.job.JobRecord). ``removed_at`` is when its result was deleted in Discord;
    ``spoiler`` is 1 if the picture is posted behind one. ``private_channel_id`` is set if only the
    requester may see the job (see engine.jobs.job.Place). ``parent`` is the job from which the
    requester went on (see engine.jobs.job.JobRecord); that row may be deleted. ``steering`` has the
    changes that were asked for and did not take effect yet: JSON by their keys.
    """

    id: str
    person: str
    guild_id: str | None
    channel_id: str
    locale: str
    request: ImageRequest
    seed: int
    state: State
    wish: Interrupt | None
    created_at: int
    started_at: int | None
    ended_at: int | None
    delivered_at: int | None
    progress_message_id: str | None
    result_message_id: str | None
    result: dict[str, Any] | None
    error: str | None
    has_picture: bool
    time_lapse_of: str | None = None
    removed_at: int | None = None
    spoiler: int = 0
    private_channel_id: str | None = None
    result_sha256: str | None = None
    grid: str | None = None
    steering: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None

    @property
    def place(self) -> Place:
        """Where it was asked for."""
        return Place(
            self.guild_id,
            self.channel_id,
            self.locale,
            bool(self.spoiler),
            self.private_channel_id,
        )

    @property
    def is_painted(self) -> bool:
        """Whether it has a finished picture; a cancelled job's partial one is not finished."""
        return self.state in PAINTED and self.time_lapse_of is None

    @property
    def can_be_shown(self) -> bool:
        """Whether it has a finished picture whose message nobody deleted in Discord."""
        return self.is_painted and self.removed_at is None

    @property
    def notices(self) -> Sequence[str]:
        """What was told about its result; empty before there is one."""
        return () if self.result is None else self.result.get("notices", ())


COLUMNS = (
    "id, person, guild_id, channel_id, locale, request, prompt, seed, state, wish, "
    "created_at, started_at, ended_at, delivered_at, progress_message_id, "
    "result_message_id, result, error, picture, time_lapse_of, removed_at, spoiler, "
    "private_channel_id, result_sha256, grid, parent, work, share, steering"
)


def in_states(states: Sequence[State]) -> str:
    """The SQL condition that a job is in one of ``states``."""
    names = ", ".join(f"'{state}'" for state in states)
    return f"state IN ({names})"


async def select_jobs(database: Database, condition: str, *values: object) -> list[StoredJob]:
    """The jobs of ``condition``: SQL from WHERE on, made of the program's constants."""
    rows = await database.fetch(f"SELECT {COLUMNS} FROM jobs WHERE {condition}", *values)  # noqa: S608  constants
    return [stored_job(row) for row in rows]


async def jobs_with_ids(database: Database, ids: Sequence[str]) -> list[StoredJob]:
    """The jobs with these ids, newest first; at most some hundred."""
    if not ids:
        return []
    marks = ", ".join("?" * len(ids))
    return await select_jobs(database, f"id IN ({marks}) ORDER BY sequence DESC", *ids)


def stored_job(row: Row) -> StoredJob:
    """The job in a row that has COLUMNS."""
    values = {name: row[name] for name in StoredJob.__dataclass_fields__ if name in row}
    values["request"] = request_of(row)
    values["result"] = None if row["result"] is None else json.loads(row["result"])
    values["steering"] = steering_of(row)
    values["has_picture"] = row["picture"] is not None
    return StoredJob(**values)


def place_of(row: Row) -> Place:
    """Where the job in a row that has COLUMNS was asked for."""
    return Place(
        row["guild_id"],
        row["channel_id"],
        row["locale"],
        bool(row["spoiler"]),
        row["private_channel_id"],
    )


def request_of(row: Row) -> ImageRequest:
    """The row's request; only prompt and seed if this version cannot read it any more."""
    try:
        return request_from_json(row["request"])
    except RequestError:
        return stored_request(prompt=row["prompt"], seed=row["seed"])


def steering_of(row: Row) -> dict[str, str]:
    """The changes that the row's job has not made yet, by their keys."""
    return {} if row["steering"] is None else json.loads(row["steering"])
