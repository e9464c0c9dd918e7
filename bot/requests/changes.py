"""What becomes of a picture's request when it is changed while it is painted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.errors import GoneError
from bot.language import _
from data.jobs.stored import UNFINISHED, StoredJob
from engine.request.request import ImageRequest
from engine.request.steering import ALL


def with_changes(job: StoredJob) -> ImageRequest:
    """Return the job's request with the changes that were asked for and did not take effect yet.

    The worker decides at which iterations; here they come last.
    """
    request = job.request
    for change in job.steering.values():
        request = request.steered(_last(request), json.loads(change))
    return request


def changed_request(job: StoredJob, change: Mapping[str, Any]) -> ImageRequest:
    """Return the same with one more change; raises RequestError."""
    request = with_changes(job)
    return request.steered(_last(request), change)


def _last(request: ImageRequest) -> int:
    return max((each.at for each in request.steering or ()), default=0)


def words_of(request: ImageRequest) -> str:
    """Return the prompt that the request paints in the end."""
    return request.last_words or request.prompt


def frozen_places(request: ImageRequest) -> list[str]:
    """Return what is frozen in the end, each as it was asked for."""
    places: list[str] = []
    for each in request.steering or ():
        if each.freeze is not None and each.freeze not in places:
            places.append(each.freeze)
        elif each.unfreeze == ALL:
            places.clear()
        elif each.unfreeze in places:
            places.remove(each.unfreeze)
    return places


def check_is_painted(job: StoredJob) -> None:
    """Raise GoneError unless the job is being painted."""
    if job.state == "running":
        return
    if job.state in UNFINISHED:
        raise GoneError(_("That picture hasn't started yet. Try again when you see a preview."))
    raise GoneError(_("That picture is finished. Press Continue or Remix under it instead."))
