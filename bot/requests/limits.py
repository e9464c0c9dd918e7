"""The host's limits for one user, checked before a job is queued."""

from __future__ import annotations

from bot.errors import LimitError
from bot.guild.rules import Rules
from bot.host.settings import LimitSettings
from bot.language import _, plural
from engine.request.ensemble import parse_perceptors
from engine.request.recipe import PRESETS
from engine.request.request import ImageRequest


def check_room(most: int, waiting: int, count: int) -> None:
    """Raise LimitError if ``count`` more pictures are too many for a queue with ``most`` of a user.

    ``waiting`` is how many of theirs are in it now.
    """
    if waiting >= most:
        raise LimitError(
            plural(
                "You already have {number} picture in the queue, the maximum here. Wait for it or "
                "cancel it.",
                "You already have {number} pictures in the queue, the maximum here. Wait for "
                "one or cancel one.",
                waiting,
            )
        )
    if waiting + count > most:
        raise LimitError(
            plural(
                "You asked for {count} pictures, and there's room for {number} more of yours in "
                "the queue. Ask for fewer.",
                "You asked for {count} pictures, and there's room for {number} more of yours in "
                "the queue. Ask for fewer.",
                most - waiting,
                count=count,
            )
        )


def check_number(count: int, rules: Rules) -> None:
    """Raise LimitError if a prompt's choices make more pictures than the server allows."""
    most = int(rules.value("max_choices"))
    if count > most:
        raise LimitError(
            plural(
                "The choices in your prompt make {count} pictures, and this server allows "
                "{number}. Use fewer of them.",
                "The choices in your prompt make {count} pictures, and this server allows "
                "{number}. Use fewer of them.",
                most,
                count=count,
            )
        )


def check_limits(request: ImageRequest, limits: LimitSettings, jobs_now: int) -> None:
    """Raise LimitError if ``request`` exceeds the host's limits.

    ``jobs_now`` is the number of the user's jobs in the queue.
    """
    check_room(limits.max_jobs_per_person, jobs_now, request.count or 1)
    iterations = (request.iterations or 0) + (request.more or 0) + request.longer
    if iterations > limits.max_iterations:
        raise LimitError(
            plural(
                "At most {number} iteration is allowed here, not {iterations}.",
                "At most {number} iterations are allowed here, not {iterations}.",
                limits.max_iterations,
                iterations=iterations,
            )
        )
    named = parse_perceptors(request.perceptor) if request.perceptor else ()
    if len(named) > limits.max_perceptors:
        raise LimitError(
            plural(
                "At most {number} perceptor can be named here, not {perceptors}.",
                "At most {number} perceptors can be named here, not {perceptors}.",
                limits.max_perceptors,
                perceptors=len(named),
            )
        )
    width, height = requested_size(request)
    if width * height > limits.max_pixels:
        side = int(limits.max_pixels**0.5)
        raise LimitError(
            _(
                "{width}x{height} is too big: at most {most} pixels are allowed here. "
                "Try {side}x{side}.",
                width=width,
                height=height,
                most=limits.max_pixels,
                side=side,
            )
        )


def requested_size(request: ImageRequest) -> tuple[int, int]:
    """Return the width and height that a request asks for; one alone determines the other.

    (0, 0) stands for the model's own size, which is used if neither is given, nor an area.
    """
    width, height, aspect = request.width, request.height, request.aspect
    if width is None and height is None:
        area, shape = request.pixels or 0, aspect or 1.0
        return int((area * shape) ** 0.5), int((area / shape) ** 0.5)
    if width is not None and height is not None:
        return width, height
    if aspect is not None:
        across = width if width is not None else round((height or 0) * aspect)
        down = height if height is not None else round((width or 0) / aspect)
        return across, down
    recipe = PRESETS[request.preset]
    return width or recipe.width, height or recipe.height
