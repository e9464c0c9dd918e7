"""The /config settings that are lists: channels, roles and blocked words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.guild.blocked_words import FORMS, MAX_LENGTH, REGEX
from bot.guild.definitions import DEFINITIONS
from bot.guild.rules import Rules
from bot.language import _, plural
from bot.ui.channel_option import PaintingChannel
from cogs.config._parts import (
    Entry,
    change_one,
    check_listed,
    defer_for_manager,
    managed_guild,
    offer_listed,
    show_entries,
    without,
    without_key,
)

if TYPE_CHECKING:
    Channel = app_commands.AppCommandChannel | app_commands.AppCommandThread
else:
    Channel = app_commands.Transform[app_commands.AppCommandChannel, PaintingChannel]
Right = Literal["use", "edit", "big", "spoiler"]


class Channels(app_commands.Group):
    """The channels to paint in; a channel is in at most one of the two lists."""

    def __init__(self) -> None:
        super().__init__(name="channels", description="Where I paint")

    @app_commands.command(description="Allow a channel; I then paint only in allowed channels")
    @app_commands.describe(channel="A channel or thread; threads follow their channel")
    async def allow(self, interaction: discord.Interaction[Any], channel: Channel) -> None:
        """Add the channel to the allowed ones, and remove it from the denied ones."""
        await _move(interaction, channel, "channels_allowed")

    @app_commands.command(description="Deny a channel; I don't paint there")
    @app_commands.describe(channel="A channel or thread; threads follow their channel")
    async def deny(self, interaction: discord.Interaction[Any], channel: Channel) -> None:
        """Add the channel to the denied ones, and remove it from the allowed ones."""
        await _move(interaction, channel, "channels_denied")

    @app_commands.command(description="Remove a channel from both lists")
    @app_commands.describe(channel="The channel; leave it empty for all")
    async def clear(
        self, interaction: discord.Interaction[Any], channel: Channel | None = None
    ) -> None:
        """Remove a channel, or all channels, from both lists."""
        await _move(interaction, channel, None)


async def _move(
    interaction: discord.Interaction[Any], channel: Channel | None, to: str | None
) -> None:
    async with Guarded(interaction, "/config channels"):
        guild_id = managed_guild(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        both = ("channels_allowed", "channels_denied")

        def moved(rules: Rules) -> dict[str, list[str]]:
            if channel is None:
                return {name: [] for name in both}
            id = str(channel.id)
            return {
                name: without(rules.items(name), id) + ([id] if name == to else []) for name in both
            }

        bot: ImageBot = interaction.client
        await bot.guild_settings.change(guild_id, str(interaction.user.id), moved)
        rules = await bot.guild_settings.rules(guild_id)
        lines = [f"{name}: {DEFINITIONS[name].shown(rules.value(name))}" for name in both]
        await interaction.edit_original_response(content="\n".join(lines))


class Roles(app_commands.Group):
    """What roles can do, their daily limits, and their shares of the queue."""

    def __init__(self) -> None:
        super().__init__(name="roles", description="Who can do what")

    @app_commands.command(
        description="Give a role a right; members without such a role don't have it"
    )
    @app_commands.describe(
        right="Make pictures (use), edit them, exceed max_size (big), or only behind a spoiler",
        role="The role",
    )
    async def allow(
        self, interaction: discord.Interaction[Any], right: Right, role: discord.Role
    ) -> None:
        """Add the role to those that have the right."""
        id = str(role.id)
        await change_one(interaction, f"roles_{right}", lambda before: [*without(before, id), id])

    @app_commands.command(description="Remove a right from a role")
    @app_commands.describe(
        right="Make pictures (use), edit them, exceed max_size (big), or only behind a spoiler",
        role="The role",
    )
    async def remove(
        self, interaction: discord.Interaction[Any], right: Right, role: discord.Role
    ) -> None:
        """Remove the role from those that have the right."""
        await change_one(
            interaction, f"roles_{right}", lambda before: without(before, str(role.id))
        )

    @app_commands.command(description="Set how many pictures a role can make in 24 hours")
    @app_commands.describe(role="The role", jobs="How many; leave it empty for the server's limit")
    async def daily(
        self,
        interaction: discord.Interaction[Any],
        role: discord.Role,
        jobs: app_commands.Range[int, 0, 10_000] | None = None,
    ) -> None:
        """Set or remove the daily limit of one role."""
        await _set_number(interaction, "jobs_a_day_by_role", role, jobs)

    @app_commands.command(description="Set a role's share of the queue, for those who wait")
    @app_commands.describe(
        role="The role",
        percent="200 gets twice as much as others who wait; leave it empty for the usual 100",
    )
    async def share(
        self,
        interaction: discord.Interaction[Any],
        role: discord.Role,
        percent: app_commands.Range[int, 10, 1000] | None = None,
    ) -> None:
        """Set or remove the share of one role."""
        await _set_number(interaction, "share_by_role", role, percent)


async def _set_number(
    interaction: discord.Interaction[Any], name: str, role: discord.Role, number: int | None
) -> None:
    """Set or remove one role's number in the setting ``name``."""

    def changed(before: Any) -> Any:
        others = without_key(before, str(role.id))
        return others if number is None else {**others, str(role.id): number}

    await change_one(interaction, name, changed)


class Words(app_commands.Group):
    """The words that prompts must not contain."""

    def __init__(self) -> None:
        super().__init__(name="words", description="Words that aren't allowed in prompts")

    @app_commands.command(description="Block words or phrases, separated by commas")
    @app_commands.describe(
        words='Like "one, two words, *start*", or regex: followed by one RE2 expression',
        forms='Also block their forms and repeated letters: "dragon" blocks "dragons", "dragooon"',
    )
    async def add(
        self,
        interaction: discord.Interaction[Any],
        words: app_commands.Range[str, 1, 1000],
        forms: bool = False,
    ) -> None:
        """Add words to the list."""
        entries = (
            [words.strip()]
            if words.strip().startswith(REGEX)
            else [
                f"{FORMS if forms and not entry.strip().startswith(FORMS) else ''}{entry.strip()}"
                for entry in words.split(",")
                if entry.strip()
            ]
        )
        await change_one(interaction, "blocked_words", lambda before: [*(before or ()), *entries])

    @app_commands.command(description="Unblock a word")
    @app_commands.describe(word="As it appears on the list")
    async def remove(
        self, interaction: discord.Interaction[Any], word: app_commands.Range[str, 1, MAX_LENGTH]
    ) -> None:
        """Remove a word from the list."""

        def changed(before: Any) -> Any:
            check_listed(before, word.strip(), "words")
            return without(before, word.strip())

        await change_one(interaction, "blocked_words", changed)

    @remove.autocomplete("word")
    async def _blocked(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return await offer_listed(interaction, "blocked_words", typed)

    @app_commands.command(name="list", description="List all blocked words")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the list to the user alone, behind a spoiler, or as a file if it is long."""
        async with Guarded(interaction, "/config words list"):
            guild_id = await defer_for_manager(interaction)
            bot: ImageBot = interaction.client
            words = list((await bot.guild_settings.rules(guild_id)).items("blocked_words"))
            await show_entries(
                interaction,
                [Entry(word) for word in words],
                file="blocked-words.txt",
                nothing=_("No words are blocked. Use /config words add to block some."),
                count=plural("{number} word", "{number} words", len(words)),
            )
