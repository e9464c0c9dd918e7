"""What a person typed in Discord as requests: one for each choice in the prompt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from bot.requests.asking import Asking
from bot.requests.origin import Origin
from bot.requests.picture import Picture
from engine.request.from_text import requests_from_text
from engine.request.request import ImageRequest

# Servers' own emoji reach the bot as "<:fox_face:123>".
_OWN_EMOJI = re.compile(r"<a?:(?P<name>\w+):\d+>")


def typed_requests(text: str, **values: Any) -> tuple[ImageRequest, ...]:
    """Return the requests of a prompt with flags; its flags override ``values``.

    A server's own emoji is read by its name. Raises RequestError.
    """

    def name(found: re.Match[str]) -> str:
        return f" {found['name'].replace('_', ' ')} "

    return requests_from_text(_OWN_EMOJI.sub(name, text), **values)


def askings_of(
    origin: Origin, requests: Sequence[ImageRequest], pictures: Sequence[Picture] = ()
) -> list[Asking]:
    """Return one Asking for each request; all have the same pictures."""
    return [Asking(origin, request, pictures) for request in requests]
