"""The ids of our commands, kept so that texts can link them (bot.language.commands)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from discord import app_commands

from bot.language.commands import know_commands
from data.store import Store

COMMAND_IDS, HOST_COMMAND_IDS = "command ids", "command ids of the host's server"


async def keep_command_ids(
    store: Store, synced: Iterable[app_commands.AppCommand], key: str = COMMAND_IDS
) -> None:
    """Keep the ids of synced commands; raises StoreError."""
    ids = {command.name: command.id for command in synced}
    await store.set_meta(key, json.dumps(ids))


async def link_commands(store: Store, commands: Iterable[object]) -> None:
    """Link slash commands in all texts, by the ids that were kept last; raises StoreError.

    Groups and menus have no link.
    """
    ids: dict[str, int] = {}
    for key in (COMMAND_IDS, HOST_COMMAND_IDS):
        ids |= json.loads(await store.get_meta(key) or "{}")
    know_commands(
        {
            command.qualified_name: ids[root]
            for command in commands
            if isinstance(command, app_commands.Command)
            and (root := command.qualified_name.partition(" ")[0]) in ids
        }
    )
