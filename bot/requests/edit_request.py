"""What an edit asks for: a picture to start from, words, and what stays of the job before it."""

from __future__ import annotations

from typing import Any

from bot.requests.picture import Picture
from engine.request.request import ImageRequest, request_from_text

# What belongs to one picture, or to one edit of it, and does not carry over to the next.
_OF_ONE_PICTURE = {"prompt", "seed", "more", "init_image", "mask", "where", "strength",
                   "threshold", "keep", "away"}
_SIZE = {"width", "height", "aspect"}


def edit_request(words: str, picture: Picture, *, former: ImageRequest | None = None,
                 same_size: bool = False, **values: Any) -> ImageRequest:
    """The request that edits ``picture`` by ``words``, whose flags win over ``values``.

    The other settings are those of the ``former`` request; where there is none they are left
    open. ``same_size`` says that the picture is the former one's own. Values that are None are
    left out. Raises RequestError.
    """
    kept: dict[str, Any] = {}
    if former is not None:
        left_out = _OF_ONE_PICTURE if same_size else _OF_ONE_PICTURE | _SIZE
        kept = former.model_dump(exclude=left_out, exclude_none=True)
    given = {name: value for name, value in values.items() if value is not None}
    return request_from_text(words, **{**kept, **given, "init_image": picture.sha256})
