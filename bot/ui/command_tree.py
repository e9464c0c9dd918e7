"""The command tree: it answers errors, and syncs the commands only after a change."""

from __future__ import annotations

import hashlib
import json
import logging
from typing import Any

import discord
from discord import app_commands

from bot.errors import answer, report
from bot.language import using_language
from data.store import Store

log = logging.getLogger(__name__)

SYNCED = "synced commands"


class ImageTree(app_commands.CommandTree[Any]):
    """Answers the user when a command raises."""

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer what commands raise; discord.py calls this for autocompletion too."""
        name = interaction.command.qualified_name if interaction.command else "a command"
        with using_language(str(interaction.locale)):
            text = report(error, f"/{name}")
            if interaction.type is not discord.InteractionType.autocomplete:
                await answer(interaction, text)


async def fingerprint(tree: app_commands.CommandTree[Any]) -> str:
    """Return a hash of all that Discord is told about the commands, in all languages."""
    translator = tree.translator
    payload = [
        command.to_dict(tree)
        if translator is None
        else await command.get_translated_payload(tree, translator)
        for command in tree.get_commands()
    ]
    text = json.dumps(payload, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def sync_if_changed(tree: app_commands.CommandTree[Any], store: Store) -> bool:
    """Sync the commands if they changed since the last sync; return whether it synced.

    Discord limits syncs per day. If syncing fails, the old commands stay and the next start tries
    again.
    """
    now = await _version(tree)
    if await store.get_meta(SYNCED) == now:
        return False
    try:
        await _sync(tree, store, now)
    except discord.HTTPException as error:
        log.error("Could not sync the commands: %s", error)
        return False
    return True


async def sync(tree: app_commands.CommandTree[Any], store: Store) -> int:
    """Sync the commands, and return their number."""
    return await _sync(tree, store, await _version(tree))


async def _version(tree: app_commands.CommandTree[Any]) -> str:
    return f"{tree.client.application_id}:{await fingerprint(tree)}"


async def _sync(tree: app_commands.CommandTree[Any], store: Store, version: str) -> int:
    synced = await tree.sync()
    await store.set_meta(SYNCED, version)
    log.info("Commands synced: %d", len(synced))
    return len(synced)
