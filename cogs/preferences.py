"""/preferences: a user's own defaults and notifications."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.host.models import check_model
from bot.language import _
from bot.language.formatting import escape
from bot.language.translator import field_description
from bot.requests.limits import check_limits
from bot.ui.answers import defer
from bot.ui.autocomplete import offer_models
from bot.ui.card import Card, show
from bot.ui.options import Iterations, Model, Size
from data.people import Preferences
from engine.request.flag_values import parse_size
from engine.request.request import make_request


class PreferencesCog(commands.Cog, name="Preferences"):
    """The commands; the gate fills in what a request leaves open."""

    preferences = app_commands.Group(
        name="preferences", description="Your own defaults and notifications"
    )

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @preferences.command(description="Show your preferences")
    async def show(self, interaction: discord.Interaction[Any]) -> None:
        """Show the preferences to the user alone."""
        async with Guarded(interaction, "/preferences show"):
            await defer(interaction)
            mine = await self.bot.people.preferences(str(interaction.user.id))
            await show(interaction, _card(mine))

    @preferences.command(
        name="set", description="Change your preferences; options that you leave out stay the same"
    )
    @app_commands.describe(
        size="Width and height in pixels, like 256x128, or 256 for a square",
        iterations=field_description("iterations"),
        model=field_description("model"),
        direct_message="DM you when a picture is ready",
        previews="Show previews while a picture is being painted",
        relax="Paint your pictures only when nobody else is waiting",
    )
    @app_commands.autocomplete(model=offer_models)
    async def set_(
        self,
        interaction: discord.Interaction[Any],
        size: Size | None = None,
        iterations: Iterations | None = None,
        model: Model | None = None,
        direct_message: bool | None = None,
        previews: bool | None = None,
        relax: bool | None = None,
    ) -> None:
        """Change preferences; accepts only what could be painted here."""
        async with Guarded(interaction, "/preferences set"):
            given: dict[str, Any] = {
                "iterations": iterations,
                "model": model,
                "direct_message": direct_message,
                "previews": previews,
                "relax": relax,
                **({} if size is None else parse_size(size)),
            }
            given = {name: value for name, value in given.items() if value is not None}
            wanted = {
                name: given[name]
                for name in ("width", "height", "iterations", "model")
                if name in given
            }
            check_limits(make_request("a picture", **wanted), self.bot.settings.limits, 0)
            await defer(interaction)
            if model is not None:
                await check_model(model)
            person = str(interaction.user.id)
            mine = await self.bot.people.change_preferences(
                person, lambda before: replace(before, **given)
            )
            await show(interaction, _card(mine))

    @preferences.command(description="Reset your preferences")
    async def reset(self, interaction: discord.Interaction[Any]) -> None:
        """Delete all preferences of the user."""
        async with Guarded(interaction, "/preferences reset"):
            await defer(interaction)
            await self.bot.people.prefer(str(interaction.user.id), Preferences())
            await show(interaction, _card(Preferences()))


def _card(mine: Preferences) -> Card:
    usual = _("default")
    size = usual if mine.width is None else f"{mine.width}×{mine.height}"
    card = Card(_("Preferences"))
    card.entries(
        (
            _("- Size: {value}", value=size),
            _("- Iterations: {value}", value=mine.iterations or usual),
            _("- Model: {value}", value=usual if mine.model is None else escape(mine.model, 100)),
            _(
                "- DM when a picture is ready: {value}",
                value=_("on") if mine.direct_message else _("off"),
            ),
            _("- Previews: {value}", value=_("on") if mine.previews else _("off")),
            _(
                "- Relaxed, painted when nobody else is waiting: {value}",
                value=_("on") if mine.relax else _("off"),
            ),
        )
    )
    return card


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(PreferencesCog(bot))
