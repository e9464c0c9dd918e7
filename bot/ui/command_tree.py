"""The command tree: it answers errors, and syncs the commands only after a change."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from bot.errors import answer, report
from bot.language import using_language
from bot.ui.command_mentions import (
    COMMAND_IDS,
    HOST_COMMAND_IDS,
    keep_command_ids,
    link_commands,
)
from data.store import Store

log = logging.getLogger(__name__)

SYNCED, SYNCED_FOR_HOST = "synced commands", "synced commands of the host's server"

Command = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | app_commands.Group


class ImageTree(app_commands.CommandTree[Any]):
    """Answers the user when a command raises.

    ``host_server`` is the id of the only server that is shown the host's commands; None for none.
    """

    host_server: int | None = None

    async def on_error(
        self, interaction: discord.Interaction[Any], error: app_commands.AppCommandError, /
    ) -> None:
        """Answer what commands raise; discord.py calls this for autocompletion too."""
        name = interaction.command.qualified_name if interaction.command else "a command"
        with using_language(str(interaction.locale)):
            text = report(error, f"/{name}")
            if interaction.type is not discord.InteractionType.autocomplete:
                await answer(interaction, text)


def host_commands(tree: ImageTree) -> list[Command]:
    """Return the commands that only the host's own server is shown."""
    server = tree.host_server
    return [] if server is None else list(tree.get_commands(guild=discord.Object(server)))


async def fingerprint(tree: ImageTree, commands: Sequence[Command] | None = None) -> str:
    """Return a hash of all that Discord is told about the commands, in all languages."""
    translator = tree.translator
    payload = [
        command.to_dict(tree)
        if translator is None
        else await command.get_translated_payload(tree, translator)
        for command in (tree.get_commands() if commands is None else commands)
    ]
    text = json.dumps(payload, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def link_own_commands(tree: ImageTree, store: Store) -> None:
    """Link our commands in all texts; raises StoreError."""
    slash = discord.AppCommandType.chat_input
    commands = list(tree.walk_commands(type=slash))
    if tree.host_server is not None:
        commands += tree.walk_commands(guild=discord.Object(tree.host_server), type=slash)
    await link_commands(store, commands)


async def sync_if_changed(tree: ImageTree, store: Store) -> bool:
    """Sync the commands if they changed since the last sync; return whether it synced.

    Discord limits syncs per day. If syncing fails, the old commands stay and the next start tries
    again.
    """
    synced = False
    known = await store.get_meta(COMMAND_IDS) is not None  # earlier versions did not keep them
    if not known or await store.get_meta(SYNCED) != await _version(tree):
        try:
            await _sync(tree, store)
            synced = True
        except discord.HTTPException as error:
            log.error("Could not sync the commands: %s", error)
    await link_own_commands(tree, store)
    return await sync_host_commands_if_changed(tree, store) or synced


async def sync_host_commands_if_changed(tree: ImageTree, store: Store) -> bool:
    """Do the same for the commands of the host's own server, and remove them from a former one."""
    if (await store.get_meta(SYNCED_FOR_HOST) or "") == await _host_version(tree):
        return False
    try:
        await _sync_for_host(tree, store)
    except discord.HTTPException as error:
        log.warning(
            "Could not register /admin in the server %s: %s. Add the bot to that server, or "
            "correct DISCORD_HOST_SERVER",
            tree.host_server,
            error,
        )
        return False
    return True


async def sync(tree: ImageTree, store: Store) -> int:
    """Sync all commands, and return their number."""
    return await _sync(tree, store) + await _sync_for_host(tree, store)


async def _version(tree: ImageTree) -> str:
    return f"{tree.client.application_id}:{await fingerprint(tree)}"


async def _host_version(tree: ImageTree) -> str:
    if tree.host_server is None:
        return ""
    return f"{tree.host_server}:{await fingerprint(tree, host_commands(tree))}"


async def _sync(tree: ImageTree, store: Store) -> int:
    synced = await tree.sync()
    await keep_command_ids(store, synced)
    await link_own_commands(tree, store)
    await store.set_meta(SYNCED, await _version(tree))
    log.info("Commands synced: %d", len(synced))
    return len(synced)


async def _sync_for_host(tree: ImageTree, store: Store) -> int:
    former = (await store.get_meta(SYNCED_FOR_HOST) or "").partition(":")[0]
    if former and former != str(tree.host_server):
        with contextlib.suppress(discord.Forbidden, discord.NotFound):  # the bot has left it
            await tree.sync(guild=discord.Object(int(former)))
    number = 0
    if tree.host_server is not None:
        synced = await tree.sync(guild=discord.Object(tree.host_server))
        await keep_command_ids(store, synced, HOST_COMMAND_IDS)
        number = len(synced)
    await store.set_meta(SYNCED_FOR_HOST, await _host_version(tree))
    await link_own_commands(tree, store)
    return number
