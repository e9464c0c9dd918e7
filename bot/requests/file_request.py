"""Requests from what a picture's file says: from outside, as if a person had typed them."""

from __future__ import annotations

from bot.errors import GoneError
from bot.language import _
from data.messages import Messages
from engine.errors import RequestError
from engine.request.from_text import check_addresses
from engine.request.request import ImageRequest, request_from_json


async def kept_request(messages: Messages, id: str) -> ImageRequest:
    """Return the request that was kept under ``id`` for a button, for a new picture.

    What belongs to another bot's job is left out. Raises GoneError if it has expired or needs
    pictures, which only the job that they were attached to can use; RequestError if it has an
    address in it.
    """
    text = await messages.kept(id)
    try:
        request = None if text is None else request_from_json(text)
    except RequestError:  # something else was kept under that id
        request = None
    if request is None or request.pictures_needed():
        raise GoneError(_("You opened that too long ago. Open the picture's menu again."))
    check_addresses(request.prompt)
    return request.with_values(seed=None, parent=None, count=None, more=None)
