"""/help: what the bot can do here, and what the model in use knows, with prompts that work."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.host.models import knowledge_of
from bot.language import _
from bot.language.formatting import escape
from bot.requests.channels import guild_id_of
from bot.ui.answers import defer
from bot.ui.card import Card, show


class Help(commands.Cog):
    """The command."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot

    @app_commands.command(description="Show what I can do and which words I know")
    async def help(self, interaction: discord.Interaction[Any]) -> None:
        """Answer the user alone."""
        async with Guarded(interaction, "/help"):
            await defer(interaction)
            rules = await self.bot.guild_settings.rules(guild_id_of(interaction))
            model = rules.value("model")
            parts = [*commands_help(), *await model_help(model)]
            if rules.value("private"):
                parts.insert(
                    2, _("With the option private, I send a picture to you alone, as a DM.")
                )
            card = Card()
            for part in parts:
                card.text(part)
            await show(interaction, card)


def commands_help() -> list[str]:
    """Explain the commands."""
    return [
        _(
            "/imagine paints a picture from words, /edit changes a picture with words, /blend "
            "paints one out of several, /describe finds words for one. "
            "/history shows your pictures, /queue what is running."
        ),
        _(
            'In a prompt, "fog | a red star:0.5" mixes, "--no fog" avoids, "{{red, blue}} fox" '
            'paints two pictures, and "--seed 7" or "--size 256x128" set an option.'
        )
        .replace("{{", "{")
        .replace("}}", "}"),
        _(
            "/preferences set sets your defaults, /privacy export sends you your data, and "
            "/privacy forget deletes it."
        ),
    ]


async def model_help(model: str) -> list[str]:
    """Say what the model knows, with examples; raises ModelError."""
    known = await knowledge_of(model)
    examples = "\n".join(f"- `{example}`" for example in known.examples)
    parts = [
        _("**The model here is {model}.** {note}", model=escape(model), note=escape(known.note))
    ]
    parts.append(_("Try one of these:") + "\n" + examples)
    if known.words:
        parts.append(_("It knows only these words: {words}", words=", ".join(known.words)))
    else:
        parts.append(_("It reads any English words."))
    return parts


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Help(bot))
