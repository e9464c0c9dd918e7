"""How a picture was made from another one, in a word."""

from __future__ import annotations

from bot.language import _
from engine.request.request import ImageRequest


def relation(request: ImageRequest, parent: ImageRequest) -> str:
    """Return what was done with the ``parent``'s picture or words for this ``request``."""
    if request.vary is not None:
        return _("variation")
    if request.extend is not None:
        return _("extended")
    if request.grow is not None:
        return _("larger")
    if (request.more or 0) > (parent.more or 0):
        return _("continued")
    if request.init_image is not None and request.init_image != parent.init_image:
        return _("edit")
    if _without_seed(request) == _without_seed(parent):
        return _("again")
    return _("remix")


def _without_seed(request: ImageRequest) -> ImageRequest:
    return request.with_values(seed=None, parent=None, count=None)
