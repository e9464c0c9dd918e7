"""What a person typed in Discord as requests: one for each choice in the prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.requests.asking import Asking
from bot.requests.origin import Origin
from bot.requests.picture import Picture
from engine.request.from_text import requests_from_text
from engine.request.prompt import expand
from engine.request.prompt.second import split_at_carets
from engine.request.request import ImageRequest

NO_WORDS = "-"
"""A prompt without words, next to pictures to paint like."""
# Servers' own emoji reach the bot as "<:fox_face:123>".
_OWN_EMOJI = re.compile(r"<a?:(?P<name>\w+):\d+>")


def typed_requests(text: str, **values: Any) -> tuple[ImageRequest, ...]:
    """Return the requests of a prompt with flags; its flags override ``values``.

    Those can have the words of a ``style``, and what is ``kept`` of a former request
    (engine.request.from_text.requests_from_text). A server's own emoji is read by its name. Raises
    RequestError.
    """
    return requests_from_text(_with_emoji_named(text), **values)


def typed_choices(text: str) -> tuple[str, ...]:
    """Return what each of :func:`typed_requests` was typed as; raises RequestError."""
    return expand(_with_emoji_named(text))


def _with_emoji_named(text: str) -> str:
    return _OWN_EMOJI.sub(lambda found: f" {found['name'].replace('_', ' ')} ", text)


def kept_for(text: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a former request that fit the prompt ``text``.

    Those that only a story has are left out for other prompts, and masks that it does not name.
    """
    values = dict(kept)
    if len(split_at_carets(text)) == 1:
        for name in ("change_every", "fade", "loudness"):
            values.pop(name, None)
    values["regions"] = [
        each for each in values.get("regions") or () if f"@{each['name']}" in text.lower()
    ]
    return values


def askings_of(
    origin: Origin, requests: Sequence[ImageRequest], pictures: Sequence[Picture] = ()
) -> list[Asking]:
    """Return one Asking for each request; all have the same pictures."""
    return [Asking(origin, request, pictures) for request in requests]
