"""Reads messages that are made of Discord's layout components."""

from __future__ import annotations

import re
from typing import Any

TEXT, THUMBNAIL, GALLERY, CONTAINER, BUTTON = 10, 11, 12, 17, 2


def walk(components):
    """All components as dicts, with those inside others."""
    for component in components:
        each = component if isinstance(component, dict) else component.to_dict()
        yield each
        yield from walk(each.get("components") or [])
        if each.get("accessory"):
            yield from walk([each["accessory"]])


def parts(message, kind) -> list[Any]:
    """The components of a kind in a message or an answer, in order."""
    message = getattr(message, "response", message)
    return [each for each in walk(message.components or []) if each["type"] == kind]


def texts_of(message):
    """Each text of a message or an answer."""
    return [each["content"] for each in parts(message, TEXT)]


def text_of(message):
    """All text in it."""
    return "\n".join(texts_of(message))


def listed(result):
    """The text of an answer for one person alone, below its heading."""
    assert result.ephemeral
    heading, *texts = texts_of(result)
    assert heading.startswith("### ")
    return "\n".join(texts)


def facts_of(message):
    """The facts of a card by their names, those on lines of their own and those on one line."""
    found = {}
    for text in texts_of(message):
        if (block := re.fullmatch(r"\*\*([^*\n]+)\*\*\n(.+)", text, re.DOTALL)) is not None:
            found[block[1]] = block[2]
        else:
            found |= dict(re.findall(r"\*\*([^*\n]+)\*\* (.+?)(?= · \*\*|$)", text))
    return found


def buttons(message):
    """The buttons of it."""
    return parts(message, BUTTON)


def said(result):
    """An answer's text, also of a card; "" before it is there."""
    return "" if result.response is None else result.response.content or text_of(result)
