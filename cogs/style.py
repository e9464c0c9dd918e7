"""/style: words that members and servers add to prompts by a name."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.language import _
from bot.language.formatting import escape, one_line
from bot.requests.channels import guild_id_of
from bot.requests.origin import origin_of_interaction
from bot.requests.rights import check_moderates_server
from bot.requests.styles import (
    WORDS_LENGTH,
    check_style,
    style_name,
)
from bot.ui.answers import defer
from bot.ui.autocomplete import choices_in_time, offer_styles
from bot.ui.card import Card, show
from bot.ui.options import Style as Name
from data.people import Act, LoggedAct
from data.styles import Style

_SHOWN = 80  # characters of each style's words in the list
_LONGEST = 1900  # of each list, so that both fit
_LOGGED: dict[str, Act] = {"added": "style", "changed": "restyle"}


class StyleCommands(commands.Cog):
    """The commands; answers are for the user alone."""

    style = app_commands.Group(name="style", description="Words that you add to prompts by a name")

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @style.command(description="Keep words under a name, or change them")
    @app_commands.describe(
        name="A short name, like woodcut",
        words='What is added to prompts, like "woodcut, black and white"',
    )
    async def add(
        self,
        interaction: discord.Interaction[Any],
        name: Name,
        words: app_commands.Range[str, 1, WORDS_LENGTH],
    ) -> None:
        """Check the words by the server's rules, and keep them for the user."""
        async with Guarded(interaction, "/style add"):
            await defer(interaction)
            named, words = style_name(name), one_line(words)
            await self._check(interaction, words)
            await self.bot.styles.add(str(interaction.user.id), named, words)
            await interaction.edit_original_response(
                content=_(
                    "Kept: **{name}**. Choose it as style of /imagine, /blend, /edit or Remix, or "
                    "add it to all prompts with /style use.",
                    name=escape(named),
                )
            )

    @style.command(name="list", description="Show your styles and this server's")
    async def list_(self, interaction: discord.Interaction[Any]) -> None:
        """Show names and words."""
        async with Guarded(interaction, "/style list"):
            await defer(interaction)
            person, guild_id = str(interaction.user.id), guild_id_of(interaction)
            store = self.bot.store.styles
            own = await store.of_person(person)
            shared = [] if guild_id is None else await store.of_server(guild_id)
            used = await store.used_by(person)
            if not own and not shared:
                text = _("There are no styles yet. Keep one with /style add.")
                await interaction.edit_original_response(content=text)
                return
            card = Card(_("Styles"))
            for head, styles in (
                (_("**Your styles**"), own),
                (_("**This server's styles**"), shared),
            ):
                if styles:
                    lines = [_line(style, used) for style in styles]
                    card.entries([head, *lines], letters=_LONGEST)
            await show(interaction, card)

    @style.command(description="Add a style to all your prompts from now on")
    @app_commands.describe(name="The style; leave it empty to stop")
    @app_commands.autocomplete(name=offer_styles)
    async def use(self, interaction: discord.Interaction[Any], name: Name | None = None) -> None:
        """Remember the name."""
        async with Guarded(interaction, "/style use"):
            await defer(interaction)
            person, guild_id = str(interaction.user.id), guild_id_of(interaction)
            used = await self.bot.styles.use(person, guild_id, name)
            if used is None:
                text = _("No style is added to your prompts.")
            else:
                text = _(
                    "**{name}** is added to what you paint with /imagine and to the words of "
                    "/blend. Stop it with /style use and no name.",
                    name=escape(used.name),
                )
            await interaction.edit_original_response(content=text)

    @style.command(description="Remove one of your styles; moderators can remove the server's")
    @app_commands.describe(name="The style", server="Whether to remove the server's style")
    @app_commands.autocomplete(name=offer_styles)
    async def remove(
        self, interaction: discord.Interaction[Any], name: Name, server: bool = False
    ) -> None:
        """Delete it."""
        async with Guarded(interaction, "/style remove"):
            guild_id = check_moderates_server(interaction) if server else None
            await defer(interaction)
            person = str(interaction.user.id)
            if guild_id is None:
                removed = await self.bot.styles.remove(person, name)
            else:
                removed = await self.bot.styles.unshare(guild_id, name)
                act = LoggedAct(guild_id, person, "unstyle", reason=removed)
                await self.bot.moderation_log.note(act)
            await interaction.edit_original_response(
                content=_("Removed: **{name}**.", name=escape(removed))
            )

    @style.command(description="Give one of your styles to this server, for moderators")
    @app_commands.describe(name="One of your styles")
    async def share(self, interaction: discord.Interaction[Any], name: Name) -> None:
        """Keep the words as the server's, too."""
        async with Guarded(interaction, "/style share"):
            guild_id = check_moderates_server(interaction)
            await defer(interaction)
            person = str(interaction.user.id)
            found = await self.bot.styles.find(person, None, name)
            await self._check(interaction, found.words)
            done = await self.bot.styles.share(guild_id, person, found)
            act = LoggedAct(guild_id, person, _LOGGED[done], reason=f"{found.name}: {found.words}")
            await self.bot.moderation_log.note(act)
            await interaction.edit_original_response(
                content=_("Everyone here can use **{name}** now.", name=escape(found.name))
            )

    async def _check(self, interaction: discord.Interaction[Any], words: str) -> None:
        """Raise BotError or EngineError if the place's rules do not allow the words."""
        rules = await self.bot.guild_settings.rules(guild_id_of(interaction))
        adults = origin_of_interaction(interaction, "/style").age_restricted
        check_style(words, rules, age_restricted=adults)

    @share.autocomplete("name")
    async def _own(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer the user's own."""
        return await choices_in_time(self.bot.styles.names(str(interaction.user.id), None), typed)


def _line(style: Style, used: str | None) -> str:
    words = escape(style.words, _SHOWN)
    line = f"- **{escape(style.name)}**: {words}"
    return f"{line} · {_('in use')}" if style.name == used else line


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(StyleCommands(bot))
