"""Commands as links that open them in Discord: ``</imagine:123>``, by the ids that Discord gave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from discord import app_commands

from data.store import Store

COMMAND_IDS = "command ids"


@dataclass(frozen=True)
class CommandMentions:
    """Mentions commands; ``ids`` are Discord's, by the name of the command or of its group."""

    ids: Mapping[str, int]

    def of(self, name: str) -> str:
        """Return the mention of a command like "imagine" or "mod log"; "/imagine" without an id."""
        id = self.ids.get(name.split(" ", maxsplit=1)[0])
        return f"`/{name}`" if id is None else f"</{name}:{id}>"


async def command_mentions(store: Store) -> CommandMentions:
    """Return the mentions of the commands as they were synced last; raises StoreError."""
    kept = await store.get_meta(COMMAND_IDS)
    return CommandMentions({} if kept is None else json.loads(kept))


async def keep_command_ids(store: Store, synced: Iterable[app_commands.AppCommand]) -> None:
    """Keep the ids of synced commands; raises StoreError."""
    ids = {command.name: command.id for command in synced}
    await store.set_meta(COMMAND_IDS, json.dumps(ids))
