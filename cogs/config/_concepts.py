"""/config concepts: what a server's pictures must not show; see bot.guild.concepts."""

from __future__ import annotations

from typing import Any, Literal

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.guild.concepts import MAX_LENGTH, THRESHOLD, concept_name
from bot.language import _, plural
from cogs.config._parts import (
    Entry,
    change_one,
    check_listed,
    defer_for_manager,
    managed_guild,
    offer_listed,
    show_entries,
    without_key,
)


class ConceptList(app_commands.Group):
    """The list of concepts; adding a concept again changes it."""

    def __init__(self) -> None:
        super().__init__(name="concepts", description="What pictures aren't allowed to show")

    @app_commands.command(description="Check finished pictures for a concept")
    @app_commands.describe(
        concept='What pictures aren\'t allowed to show, in a few words: "blood", "a snake"',
        action="Post with a warning, post behind a spoiler, or don't post; off keeps it on the "
        "list",
        threshold="The score that counts as a match, 0 to 1; lower finds more, including false "
        "alarms",
    )
    async def add(
        self,
        interaction: discord.Interaction[Any],
        concept: app_commands.Range[str, 1, MAX_LENGTH],
        action: Literal["warn", "spoiler", "withhold", "off"],
        threshold: app_commands.Range[float, 0.0, 1.0] = THRESHOLD,
    ) -> None:
        """Add a concept, or change it."""
        async with Guarded(interaction, "/config concepts add"):
            managed_guild(interaction)
            name = concept_name(concept)
            entry = {"threshold": threshold, "action": action}
            await change_one(
                interaction, "concepts", lambda before: {**(before or {}), name: entry}
            )

    @app_commands.command(description="Stop checking for a concept")
    @app_commands.describe(concept="As it appears on the list")
    async def remove(
        self, interaction: discord.Interaction[Any], concept: app_commands.Range[str, 1, MAX_LENGTH]
    ) -> None:
        """Remove a concept from the list."""

        def changed(before: Any) -> Any:
            name = concept_name(concept)
            check_listed(before, name, "concepts")
            return without_key(before, name)

        await change_one(interaction, "concepts", changed)

    @remove.autocomplete("concept")
    async def _listed(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return await offer_listed(interaction, "concepts", typed)

    @app_commands.command(
        name="list", description="List all concepts with their thresholds and actions"
    )
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the list to the user alone."""
        async with Guarded(interaction, "/config concepts list"):
            guild_id = await defer_for_manager(interaction)
            bot: ImageBot = interaction.client
            concepts = dict((await bot.guild_settings.rules(guild_id)).items("concepts"))
            entries = [
                Entry(
                    concept,
                    f" · {set_to['action']} · "
                    + _("threshold {threshold:g}", threshold=set_to["threshold"]),
                )
                for concept, set_to in concepts.items()
            ]
            await show_entries(
                interaction,
                entries,
                file="concepts.txt",
                nothing=_("Pictures aren't checked. Use /config concepts add to start."),
                count=plural("{number} concept", "{number} concepts", len(entries)),
            )
