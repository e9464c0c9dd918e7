"""Continue: more iterations from the exact saved state of a picture, not from its PNG."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import GoneError, LimitError
from bot.language import _
from bot.requests.removed import check_not_removed
from data.jobs.stored import StoredJob
from engine.request.limits import whole_range
from engine.request.request import ImageRequest


@dataclass(frozen=True)
class Continuation:
    """A job that continues the job ``job_id``.

    ``request`` paints the whole picture from the start, with all iterations counted; ``work`` is
    only the part that is left, and is what limits are checked against.
    """

    job_id: str
    request: ImageRequest
    work: ImageRequest


def continuation_of(job: StoredJob) -> Continuation:
    """Continue with as many iterations as the recipe has, or with those left after a stop.

    Raises GoneError if there is no picture to continue, LimitError if it has the maximum number of
    iterations.
    """
    check_not_removed(job)
    if not job.is_painted or job.result is None:
        raise GoneError(_("There's no finished picture to continue. Press Again to paint one."))
    if job.request.changes_nothing:
        raise GoneError(
            _("That edit has strength 0, so there's nothing to continue. Press Edit instead.")
        )
    request, made = job.request, int(job.result["iterations"])
    more = request.more or 0
    if job.result.get("stopped"):
        left = None if request.iterations is None else request.iterations + more - made
        return Continuation(job.id, request, request.with_values(iterations=left, more=None))
    own = made - more
    if more + own > whole_range("more")[1]:
        raise LimitError(
            _(
                "This picture has {made} iterations, and I can't add more. Press Edit "
                "to start a new picture from it.",
                made=made,
            )
        )
    return Continuation(
        job.id, request.with_values(more=more + own), request.with_values(iterations=own, more=None)
    )
