"""A job's row as a plain value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.database import Row
from data.files import Files
from engine.errors import RequestError
from engine.jobs.job import Place, State, Wish
from engine.request.request import ImageRequest, make_request, request_from_json


@dataclass(frozen=True)
class StoredJob:
    """Everything that is known of a job. Times are milliseconds since 1970, UTC.

    ``result`` has, once rendered, ``seed``, ``seconds``, ``iterations``, ``width``, ``height``,
    ``notices`` and ``stopped`` (see engine.events.Done); ``picture_path`` is set where there is
    a picture, a cancelled job's partial one included.
    """

    id: str
    person: str
    guild_id: str | None
    channel_id: str
    locale: str
    request: ImageRequest
    seed: int
    state: State
    wish: Wish | None
    created_at: int
    started_at: int | None
    ended_at: int | None
    delivered_at: int | None
    progress_message_id: str | None
    result_message_id: str | None
    result: dict[str, Any] | None
    error: str | None
    picture_path: Path | None

    @property
    def place(self) -> Place:
        """Where it was asked for."""
        return Place(self.guild_id, self.channel_id, self.locale)


COLUMNS = ("id, person, guild_id, channel_id, locale, request, prompt, seed, state, wish, "
           "created_at, started_at, ended_at, delivered_at, progress_message_id, "
           "result_message_id, result, error, picture")


def stored_job(row: Row, files: Files) -> StoredJob:
    """The job of a row with COLUMNS."""
    values = {name: row[name] for name in StoredJob.__dataclass_fields__ if name in row}
    values["request"] = request_of(row)
    values["result"] = None if row["result"] is None else json.loads(row["result"])
    values["picture_path"] = None if row["picture"] is None else files.picture(row["id"])
    return StoredJob(**values)


def request_of(row: Row) -> ImageRequest:
    """The row's request; of one that this version cannot read any more, the prompt and seed."""
    try:
        return request_from_json(row["request"])
    except RequestError:
        return make_request(row["prompt"], seed=row["seed"])
