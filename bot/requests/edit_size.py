"""What to tell a person whose edit has another size or shape than the picture."""

from __future__ import annotations

from bot.language import _
from bot.requests.asking import Asking
from engine.errors import RequestError
from engine.pictures.decoding import upright_size
from engine.pictures.sizes import MOST_EDITED, at_most, middle, with_sides
from engine.request.request import ImageRequest

_SAME_SHAPE = 1.02  # the largest ratio of two aspects that count as the same


def size_note(asking: Asking, request: ImageRequest) -> str | None:
    """Return the sentence about ``request``, as the gate returned it; None without one.

    This reads the header of a picture, which takes milliseconds.
    """
    data = next((p.data for p in asking.pictures if p.sha256 == request.init_image), None)
    if data is None or asking.is_fixed:
        return None
    try:
        before = upright_size(data)
    except RequestError:
        return None  # the worker says what is wrong with it
    after = edited_size(request, before)
    if after == before:
        return None
    sizes = {"width": after[0], "height": after[1], "across": before[0], "down": before[1]}
    ratio = after[0] / after[1] / (before[0] / before[1])
    if 1 / _SAME_SHAPE < ratio < _SAME_SHAPE:
        return _("The edit will have {width}x{height} pixels instead of {across}x{down}.", **sizes)
    return _(
        "The edit will show the middle of the picture, with {width}x{height} pixels instead of "
        "{across}x{down}.",
        **sizes,
    )


def edited_size(request: ImageRequest, size: tuple[int, int]) -> tuple[int, int]:
    """Return the size of an edit of a picture of ``size``, before the model rounds it."""
    if request.width or request.height:
        aspect = request.aspect or size[0] / size[1]
        return with_sides(aspect, request.width, request.height)
    if request.aspect is not None:
        left, top, right, bottom = middle(size, request.aspect)
        size = right - left, bottom - top
    return size if request.changes_nothing else at_most(size, MOST_EDITED)
