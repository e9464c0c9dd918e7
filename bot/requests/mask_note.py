"""What to tell a person whose mask can mean more than one part of the picture."""

from __future__ import annotations

import contextlib

from bot.language import translated
from bot.language.formatting import escape
from bot.requests.asking import Asking
from engine.errors import RequestError
from engine.pictures.masks import read_mask
from engine.pictures.reading import read_picture
from engine.request.request import ImageRequest


def mask_note(asking: Asking, request: ImageRequest) -> str | None:
    """Return the sentence about which part can change; None if the mask is plain or missing.

    This decodes both pictures, which can take seconds.
    """
    if request.mask is None or asking.is_fixed:
        return None
    files = {picture.sha256: picture.data for picture in asking.pictures}
    # Pictures that are left out were told about when they came. The worker says what is wrong.
    with contextlib.suppress(KeyError, RequestError):
        picture = read_picture(files[request.init_image or ""])
        remark = read_mask(files[request.mask], picture).remark
        return None if remark is None else escape(translated(remark))
    return None
