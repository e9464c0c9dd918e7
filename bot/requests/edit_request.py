"""The requests of an edit: a picture to start from, a prompt, and the former job's settings."""

from __future__ import annotations

from typing import Any

from bot.requests.picture import Picture
from bot.requests.typed import kept_for, typed_requests
from engine.request.request import ImageRequest

# Fields that belong to one picture or one edit, and are not inherited by the next.
OF_ONE_PICTURE = {
    "prompt",
    "seed",
    "more",
    "init_image",
    "mask",
    "where",
    "strength",
    "threshold",
    "keep",
    "away",
    "starts",
    "zoom",
    "rotate",
    "pan",
    "tilt",
    "every",
    "vary",
    "grow",
    "extend",
    "parent",
    "steering",
}
_SIZE = {"width", "height", "aspect", "pixels"}


def edit_requests(
    words: str,
    picture: Picture,
    *,
    former: ImageRequest | None = None,
    same_size: bool = False,
    style: str | None = None,
    **values: Any,
) -> tuple[ImageRequest, ...]:
    """Return the requests that edit ``picture`` with ``words``; their flags override ``values``.

    There is one for each choice in the words, each in the ``style`` whose words are given. Other
    settings come from the ``former`` request, if there is one. ``same_size`` says that the picture
    is the former job's own. Values that are None are left out. Raises RequestError.
    """
    kept: dict[str, Any] = {}
    if former is not None:
        # The former picture has its aspect already; the aspect would crop it to a rounded one.
        left_out = OF_ONE_PICTURE | ({"aspect"} if same_size else _SIZE)
        kept = kept_for(words, former.model_dump(exclude=left_out, exclude_none=True))
    given = {name: value for name, value in values.items() if value is not None}
    return typed_requests(words, style=style, kept=kept, **given, init_image=picture.sha256)
