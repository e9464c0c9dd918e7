"""Discord's limits for messages, modals and commands, as far as our bot could break them."""

from __future__ import annotations

import re
from typing import Any

from bot.standin.components import SELECTS
from bot.standin.errors import invalid

COMPONENTS_V2 = 1 << 15


def check_message(payload: dict, files: dict, edited: dict | None = None) -> None:
    """Raise ApiError for a message that Discord would refuse; ``edited`` is it before an edit."""
    before = edited or {}
    content, embeds, components = (
        payload.get(name, before.get(name)) or [] for name in ("content", "embeds", "components")
    )
    # Once a message has the flag, an edit cannot take it away.
    v2 = bool(((payload.get("flags") or 0) | before.get("flags", 0)) & COMPONENTS_V2)
    if not v2 and any(component["type"] != 1 for component in components):
        raise invalid("layout components need the flag of components v2")
    if len(content) > 2000:
        raise invalid("content is longer than 2000 characters")
    if v2 and (content or embeds):
        raise invalid("content and embeds do not go with components v2")
    if v2 and not components:
        raise invalid("a message of components v2 without components")
    if edited is None and not (content or embeds or components or files):
        raise invalid("an empty message")
    if len(str(payload.get("nonce") or "")) > 25:
        raise invalid("nonce is longer than 25 characters")
    for attachment in payload.get("attachments") or []:
        if "filename" in attachment and f"files[{attachment['id']}]" not in files:
            raise invalid(f"attachment {attachment['id']} has no file")
    names = {name for name, _ in files.values()}
    for embed in payload.get("embeds") or []:
        _check_embed(embed, names)
    _check_components(payload.get("components") or [], names, v2)


def _check_embed(embed: dict, names: set[str]) -> None:
    total = 0
    for part, limit in (("title", 256), ("description", 4096)):
        total += len(embed.get(part) or "")
        if len(embed.get(part) or "") > limit:
            raise invalid(f"embed {part} is longer than {limit}")
    footer = (embed.get("footer") or {}).get("text") or ""
    total += len(footer)
    if len(footer) > 2048 or total > 6000 or len(embed.get("fields") or []) > 25:
        raise invalid("embed too large")
    for field in embed.get("fields") or []:
        if not 0 < len(field["name"]) <= 256 or not 0 < len(field["value"]) <= 1024:
            raise invalid("embed field out of bounds")
    _check_media((embed.get("image") or {}).get("url"), names)


def _check_media(url: str | None, names: set[str]) -> None:
    if url is None:
        return
    if not re.match(r"(https?|attachment)://", url):
        raise invalid(f"not a well formed URL: {url}")
    if url.startswith("attachment://") and url.removeprefix("attachment://") not in names:
        raise invalid(f"{url} is not attached")


def _check_components(components: list[dict], names: set[str], v2: bool) -> None:
    seen: set[str] = set()
    count = text = 0
    if not v2 and len(components) > 5:
        raise invalid("more than 5 rows")

    def walk(component: dict) -> None:
        nonlocal count, text
        count += 1
        kind = component["type"]
        text += len(component.get("content") or "") if kind == 10 else 0
        if kind == 1 and not 1 <= len(component.get("components") or []) <= 5:
            raise invalid("a row has 1 to 5 buttons")
        if (kind == 2 and component.get("style") not in (5, 6)) or kind in SELECTS:
            custom_id = component.get("custom_id")
            if not custom_id or len(custom_id) > 100 or custom_id in seen:
                raise invalid(f"custom_id {custom_id!r} is missing, too long or used twice")
            seen.add(custom_id)
        if kind == 2:
            label = component.get("label") or ""
            if len(label) > 80 or not (label or component.get("emoji")):
                raise invalid("a button's label is out of bounds")
        if kind == 10 and not component.get("content"):
            raise invalid("an empty text")
        if kind == 12 and not 1 <= len(component["items"]) <= 10:
            raise invalid("a gallery has 1 to 10 pictures")
        for shown in (component, *component.get("items", ())):
            _check_media((shown.get("media") or {}).get("url"), names)
            if len(shown.get("description") or "") > 1024:
                raise invalid("a description is longer than 1024")
        for inner in component.get("components") or []:
            walk(inner)
        if component.get("accessory"):
            walk(component["accessory"])

    for component in components:
        walk(component)
    if v2 and count > 40:
        raise invalid(f"{count} components; at most 40")
    if text > 4000:
        raise invalid("more than 4000 characters in components")


def check_modal(data: dict) -> None:
    """Raise ApiError for a modal that Discord would refuse."""
    if not 0 < len(data["title"]) <= 45 or not 0 < len(data["custom_id"]) <= 100:
        raise invalid("a modal's title or custom_id is out of bounds")
    if not 1 <= len(data["components"]) <= 5:
        raise invalid("a modal has 1 to 5 components")
    for label in data["components"]:
        if label["type"] == 10:  # a text to read
            continue
        if label["type"] != 18:
            raise invalid("modals hold labels and texts")
        if len(label["label"]) > 45 or len(label.get("description") or "") > 100:
            raise invalid("a label's text is out of bounds")
        field = label["component"]
        if len(field.get("value") or "") > 4000 or (field.get("max_length") or 4000) > 4000:
            raise invalid("a text field is out of bounds")


def check_choices(data: dict) -> None:
    """Raise ApiError for choices of an autocompletion that Discord would refuse."""
    choices = data.get("choices") or []
    if len(choices) > 25 or not all(0 < len(choice["name"]) <= 100 for choice in choices):
        raise invalid("at most 25 choices with names of 1 to 100 characters")


def check_commands(commands: list[dict]) -> None:
    """Raise ApiError for commands that Discord would refuse."""
    names = [(command["name"], command.get("type", 1)) for command in commands]
    if len(set(names)) < len(names):
        raise invalid("two commands have the same name")
    for command in commands:
        if command.get("type", 1) != 1:  # a context menu's
            if not 1 <= len(command["name"]) <= 32 or command.get("description"):
                raise invalid(f"context menu {command['name']!r}")
            continue
        length = _check_command(command, depth=0)
        if length > 8000:
            raise invalid(f"/{command['name']} has {length} characters; at most 8000")


def _check_command(command: dict[str, Any], depth: int) -> int:
    """Check a command or subcommand; returns how many characters its texts have."""
    name = command["name"]
    if not re.fullmatch(r"[-_a-z0-9]{1,32}", name):
        raise invalid(f"command name {name!r}")
    if not 1 <= len(command["description"]) <= 100:
        raise invalid(f"description of {name}")
    options = command.get("options", [])
    inner = [option for option in options if option["type"] in (1, 2)]
    if inner and (len(inner) < len(options) or depth > 1):
        raise invalid(f"{name}: subcommands do not go with options, nor deeper than in a group")
    required = [bool(option.get("required")) for option in options]
    if len(required) > 25 or required != sorted(required, reverse=True):
        raise invalid("at most 25 options, required ones first")
    length = len(name) + len(command["description"])
    for option in options:
        if option in inner:
            length += _check_command(option, depth + 1)
            continue
        choices = option.get("choices", [])
        if not 1 <= len(option["description"]) <= 100 or len(choices) > 25:
            raise invalid(f"option {option['name']} of {name}")
        if choices and option.get("autocomplete"):
            raise invalid(f"option {option['name']} of {name} has choices and autocompletion")
        length += len(option["name"]) + len(option["description"])
        length += sum(len(choice["name"]) + len(str(choice["value"])) for choice in choices)
    return length
