"""Buttons, selects and layouts, as Discord stores and returns them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

BUTTON, STRING_SELECT, SECTION, TEXT = 2, 3, 9, 10
SELECTS = {3: "string", 5: "user", 6: "role", 7: "mentionable", 8: "channel"}
_CONTAINER = 17
_DEFAULTS: dict[int, dict[str, object]] = {
    **{kind: {"min_values": 1, "max_values": 1} for kind in SELECTS},
    14: {"divider": True, "spacing": 1},
    _CONTAINER: {"accent_color": None, "spoiler": False},
    11: {"description": None, "spoiler": False},
    13: {"spoiler": False},
}


def walk(components: list[dict]) -> Iterator[dict]:
    """All components, with those inside others."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for inner in ("accessory", "component"):
            if component.get(inner):
                yield from walk([component[inner]])


def buttons(message: dict) -> list[dict]:
    """The buttons of a message, in order."""
    return [part for part in walk(message["components"]) if part["type"] == BUTTON]


def texts(message: dict) -> list[str]:
    """The texts of a message that is laid out by components, in order."""
    return [part["content"] for part in walk(message["components"]) if part["type"] == TEXT]


def shown_files(components: list[dict]) -> set[str]:
    """The ids of the attached files that components show."""
    media = [
        shown.get("media") or shown.get("file") or {}
        for part in walk(components)
        for shown in (part, *part.get("items", ()))
    ]
    return {each["attachment_id"] for each in media if "attachment_id" in each}


def by_custom_id(message: dict, custom_id: str) -> dict:
    """The component of a message with that custom_id."""
    return next(part for part in walk(message["components"]) if part.get("custom_id") == custom_id)


def stored_components(components: list[dict], message: dict) -> list[dict]:
    """With an id each, the defaults, and the addresses of attached files."""
    numbers = itertools.count(1)
    urls = {item["filename"]: item for item in message["attachments"]}

    def stored(component: dict) -> dict:
        kept = {key: value for key, value in component.items() if value is not None}
        kept = {**_DEFAULTS.get(component["type"], {}), **kept}
        if not kept.get("id"):
            kept["id"] = next(numbers)
        if "components" in kept:
            kept["components"] = [stored(inner) for inner in kept["components"]]
        if "accessory" in kept:
            kept["accessory"] = stored(kept["accessory"])
        if "items" in kept:
            kept["items"] = [
                {"description": None, "spoiler": False, **item, "media": media(item["media"])}
                for item in kept["items"]
            ]
        for name in ("media", "file"):
            if name in kept:
                kept[name] = media(kept[name])
        return kept

    def media(given: dict) -> dict:
        attachment = urls.get(given["url"].removeprefix("attachment://"))
        if attachment is None:
            return {"id": "1", "proxy_url": given["url"], **given}
        return {
            "id": attachment["id"],
            "url": attachment["url"],
            "proxy_url": attachment["proxy_url"],
            "attachment_id": attachment["id"],
        }

    return [stored(component) for component in components]
