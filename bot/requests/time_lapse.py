"""Asking for the time-lapse of a finished picture."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import GoneError
from bot.language import _
from bot.requests.removed import check_not_removed
from data.jobs.stored import StoredJob
from engine.request.request import ImageRequest
from engine.request.steering import LATEST


@dataclass(frozen=True)
class TimeLapse:
    """The time-lapse of the job ``job_id``.

    ``request`` is that job's. ``work`` is the same with the iterations that the picture has, and is
    what limits are checked against.
    """

    job_id: str
    request: ImageRequest
    work: ImageRequest


def time_lapse_of(job: StoredJob) -> TimeLapse:
    """Return the time-lapse of a finished picture; raises GoneError without a picture."""
    check_not_removed(job)
    if not job.is_painted or job.result is None:
        raise GoneError(_("There's no finished picture to show. Press Again to paint one."))
    if job.request.changes_nothing:
        raise GoneError(_("Strength 0 changes nothing, so there is no time-lapse."))
    request = job.request
    work = request.with_values(
        iterations=int(job.result["iterations"]),
        more=None,
        steering=request.steering_until(LATEST),
    )
    return TimeLapse(job.id, job.request, work)
