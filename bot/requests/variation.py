"""The requests that go on from a job's picture: variations, larger ones, and what is around it."""

from __future__ import annotations

from typing import Any

from bot.errors import LimitError
from bot.language import _
from bot.requests.edit_request import OF_ONE_PICTURE
from bot.requests.picture import Picture
from bot.requests.typed import kept_for
from data.jobs.stored import StoredJob
from engine.request.extent import parse_extent
from engine.request.request import ImageRequest, stored_request

GROWS = 1.5
"""How much larger each stage of a larger picture gets."""

_STRENGTH = 0.5  # of a larger picture, which is to stay the same one
_MULTIPLE = 32  # pixels, of the sides of larger pictures
_LONGEST = 2048
_WORTH_IT = 1.2  # times


def going_on(job: StoredJob, picture: Picture, **values: Any) -> ImageRequest:
    """Return the request that goes on from the job's ``picture``, with its words and settings.

    ``values`` are other fields. It has no seed. Raises RequestError.
    """
    former = job.request
    kept = former.model_dump(exclude=OF_ONE_PICTURE | {"aspect", "count"}, exclude_none=True)
    prompt, change = former.prompt, former.change()
    if change is not None and change.target != prompt:
        prompt = f"{prompt} + {change.target}" if prompt.strip() else change.target
    if former.last_words is not None:
        prompt, kept = former.last_words, {**kept_for(former.last_words, kept), "grammar": 2}
    fields = {**kept, "init_image": picture.sha256, "parent": job.id, **values}
    return stored_request(prompt=prompt, **fields)


def variation(job: StoredJob, picture: Picture, amount: float, count: int) -> ImageRequest:
    """Return the request for ``count`` pictures like the job's, disturbed by ``amount``."""
    return going_on(job, picture, vary=amount, count=count if count > 1 else None)


def larger(job: StoredJob, picture: Picture, size: tuple[int, int], pixels: int) -> ImageRequest:
    """Return the request for the job's picture with as many pixels as ``pixels`` allows.

    ``size`` is the picture's. Raises LimitError if that is hardly larger.
    """
    width, height = size
    scale = min((pixels / (width * height)) ** 0.5, _LONGEST / max(size))
    across, down = (int(side * scale) // _MULTIPLE * _MULTIPLE for side in size)
    if min(across / width, down / height) < _WORTH_IT:
        raise LimitError(
            _(
                "This picture already has {width}x{height} pixels, and it can't get much larger "
                "here.",
                width=width,
                height=height,
            )
        )
    in_regions = any(prompt.region is not None for prompt in job.request.last_prompts())
    return going_on(
        job,
        picture,
        width=across,
        height=down,
        pixels=None,
        strength=_STRENGTH,
        grow=None if in_regions else GROWS,
    )


def around(
    job: StoredJob, picture: Picture, size: tuple[int, int], extend: str, pixels: int
) -> ImageRequest:
    """Return the request that paints around the job's picture.

    It is painted with the picture's resolution, as far as ``pixels`` allow, and with no fewer than
    the picture was asked for with: what is not allowed any more is refused.
    """
    fields: dict[str, Any] = {"width": None, "height": None}
    wanted = going_on(job, picture, extend=extend, **fields)
    left, right, up, down = parse_extent(extend).of(size)
    area = (size[0] + left + right) * (size[1] + up + down)
    former = job.request
    asked = (former.width or 0) * (former.height or 0) or former.pixels or 0
    return wanted.with_values(pixels=max(asked, min(area, pixels)))
