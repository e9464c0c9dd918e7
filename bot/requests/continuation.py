"""Continue: more iterations from the very state in which a picture was left, not from the PNG."""

from __future__ import annotations

from dataclasses import dataclass

from bot.errors import GoneError, LimitError
from bot.language import _
from data.jobs.stored import StoredJob
from engine.request.limits import whole_range
from engine.request.request import ImageRequest


@dataclass(frozen=True)
class Continuation:
    """A job that goes on where the job ``job_id`` ended.

    ``request`` paints the same picture from nothing, all iterations counted; ``work`` is what
    is still to be done of it, as one would ask for that alone: the limits look at it.
    """

    job_id: str
    request: ImageRequest
    work: ImageRequest


def continuation_of(job: StoredJob) -> Continuation:
    """As many iterations more as the recipe has; of one stopped early, those that were left.

    Raises GoneError where there is no picture to go on with, LimitError where it has as many
    iterations as there can be.
    """
    if not job.is_painted or job.result is None:
        raise GoneError(_("There's no finished picture to continue. Press Again to paint one."))
    request, made = job.request, int(job.result["iterations"])
    more = request.more or 0
    if job.result.get("stopped"):
        left = None if request.iterations is None else request.iterations + more - made
        return Continuation(job.id, request, request.with_values(iterations=left, more=None))
    own = made - more
    if more + own > whole_range("more")[1]:
        raise LimitError(_("This picture has {made} iterations, and I can't add more. Press Edit "
                           "to start a new picture from it.", made=made))
    return Continuation(job.id, request.with_values(more=more + own),
                        request.with_values(iterations=own, more=None))
