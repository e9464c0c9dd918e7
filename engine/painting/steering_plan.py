"""From a request's steering to what it changes in its painting."""

from __future__ import annotations

from collections.abc import Mapping

from engine.painting.composing import Frame
from engine.painting.regions import fewest_cutouts, regions_of
from engine.painting.steering import Changes, Freeze, Nudge
from engine.painting.synthesis import Synthesis
from engine.request.recipe import TUNED
from engine.request.request import ImageRequest
from engine.request.steered import Steered
from engine.request.steering import ALL
from engine.translatable import Translatable


def steer(painting: Synthesis, request: ImageRequest, pictures: Mapping[str, bytes]) -> None:
    """Have the steering of ``request``, which painted ``painting`` so far, from now on.

    ``pictures`` has the bytes of the request's pictures by SHA-256. Raises RequestError, with
    nothing changed, if it names a region that the painting does not have.
    """
    if request.steering is None and painting.changes == Changes():
        return
    size = (painting.recipe.width, painting.recipe.height)
    painting.steer(changes_of(request, pictures, size, painting.frame))


def changes_of(
    request: ImageRequest,
    pictures: Mapping[str, bytes],
    size: tuple[int, int],
    frame: Frame | None,
) -> Changes:
    """What the request's steering changes in a painting of ``size``; raises RequestError."""
    steers = request.steering or ()
    regions = regions_of(request, pictures, size, frame)
    nudges = tuple(Nudge(at, prompts, regions) for at, prompts in request.nudges())
    freezes = [
        Freeze(
            each.at,
            None
            if each.unfreeze == ALL
            else regions[each.place[1:]]
            if each.place.startswith("@")
            else each.place,
            thaws=each.unfreeze is not None,
        )
        for each in steers
        if each.place is not None
    ]
    return Changes(
        nudges,
        tuple(freezes),
        Steered(
            tuple((each.at, each.longer) for each in steers if each.longer is not None),
            tuple((each.at, each.rate) for each in steers if each.rate is not None),
            tuple((each.at, fewest_cutouts(request, each.prompts)) for each in nudges),
            tuple(each.at for each in nudges) if request.preset in TUNED else (),
        ),
    )


def too_late(painting: Synthesis, request: ImageRequest) -> list[str]:
    """A remark for each iteration of the request's steering that the painting does not reach."""
    last = painting.recipe.iterations
    late = dict.fromkeys(each.at for each in request.steering or () if each.at >= last)
    return [
        Translatable(
            "The steering at iteration {at} does nothing, as there are only {iterations}.",
            at=at,
            iterations=last,
        )
        for at in late
    ]
