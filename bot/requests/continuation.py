"""Continue: more iterations from the exact saved state of a picture, not from its PNG."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import GoneError, LimitError
from bot.language import _
from bot.requests.removed import check_not_removed
from data.jobs.stored import StoredJob
from engine.request.limits import whole_range
from engine.request.request import ImageRequest
from engine.request.steering import LATEST


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
        whole = None if request.iterations is None else request.iterations + more + request.longer
        left = None if whole is None else whole - made
        return Continuation(job.id, request, _work(request, left))
    own = made - more - request.longer
    if more + own > whole_range("more")[1]:
        raise LimitError(
            _(
                "This picture has {made} iterations, and I can't add more. Press Edit "
                "to start a new picture from it.",
                made=made,
            )
        )
    return Continuation(job.id, request.with_values(more=more + own), _work(request, own))


def _work(request: ImageRequest, iterations: int | None) -> ImageRequest:
    """Return what is left to paint, with all words, as rules may have changed."""
    return request.with_values(
        iterations=iterations, more=None, steering=request.steering_until(LATEST)
    )
