"""A server's settings as a JSON file, and back: for a backup, or for another server.

The whole file is checked before anything is imported. Another server's channels and roles are
skipped, and this server's own stay unchanged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingError
from bot.guild.definitions import DEFINITIONS, definition_of
from bot.language import _

MAX_BYTES = 256 * 1024
FORMAT, VERSION = "imagine-bot settings", 1


@dataclass(frozen=True)
class Import:
    """A file's values, None for each reset, and the names that belong to another server."""

    values: dict[str, Any]
    left_out: list[str]


def export_text(guild_id: str, settings: dict[str, Any]) -> str:
    """Return the text of the file."""
    content = {"format": FORMAT, "version": VERSION, "server": guild_id, "settings": settings}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_file(data: bytes) -> tuple[str, dict[str, Any]]:
    """Return the server's id and the unchecked settings of a file; raises SettingError."""
    wrong = SettingError(_("That file isn't from /config export. Attach one that is."))
    try:
        content = json.loads(data.decode("utf-8-sig"))
        json.dumps(content, ensure_ascii=False).encode()  # rejects lone surrogates
    except (ValueError, RecursionError):
        raise wrong from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise wrong
    if content.get("version") != VERSION:
        raise SettingError(
            _(
                "That file has format version {theirs}, but I need version {mine}. "
                "Export it again.",
                theirs=str(content.get("version"))[:20],
                mine=VERSION,
            )
        )
    settings = content.get("settings")
    if not isinstance(settings, dict) or not isinstance(content.get("server"), str):
        raise wrong
    return content["server"], settings


def wanted_values(guild_id: str, server: str, settings: dict[str, Any]) -> Import:
    """Return the values to set; settings that the file omits are reset.

    Raises SettingError for an unknown setting.
    """
    given = {definition_of(name).name: value for name, value in settings.items()}
    foreign = (
        []
        if server == guild_id
        else [name for name, definition in DEFINITIONS.items() if definition.kind.of_one_server]
    )
    return Import(
        {name: given.get(name) for name in DEFINITIONS if name not in foreign},
        [name for name in foreign if given.get(name)],
    )
