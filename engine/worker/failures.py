"""The endings of jobs that failed for reasons other than their request, and of workers."""

from __future__ import annotations

import uuid

from engine.events import Failed
from engine.translatable import Translatable

# Exit codes of a worker that a new one should replace: 75 is EX_TEMPFAIL of sysexits.h.
OUT_OF_MEMORY, DEVICE_LOST = 75, 76


def too_many_hangs() -> Failed:
    """Worker after worker got stuck on the job."""
    return Failed(
        Translatable(
            "The painting process got stuck on this several times, so it was stopped; try a "
            "smaller size or another model, and tell the bot's host."
        )
    )


def died_twice(*, lost_device: bool) -> Failed:
    """The job ended two workers and made no progress in between.

    ``lost_device`` is whether the last one said that its device was lost.
    """
    if lost_device:
        return Failed(
            Translatable(
                "The painting device failed on this twice; try again later, and tell the bot's "
                "host."
            )
        )
    return Failed(
        Translatable(
            "The painting process crashed on this twice, probably because memory ran out; try a "
            "smaller size, fewer cutouts or another model."
        )
    )


def unexpected_error() -> tuple[str, Failed]:
    """Any other error, and a new reference under which the log has to have it."""
    reference = uuid.uuid4().hex[:8]
    return reference, Failed(
        Translatable(
            "Something went wrong, and the error was logged; tell the bot's host the reference "
            "{reference}.",
            reference=reference,
        )
    )
