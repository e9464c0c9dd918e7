"""Buttons that paint a prompt, which is in their custom id, so they work after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.errors import Guarded
from bot.permissions import check_bot_may_post
from bot.requests.origin import origin_of_interaction
from bot.requests.typed import askings_of, typed_requests
from bot.ui.answers import defer
from bot.ui.from_custom_id import FromCustomId
from bot.ui.job_button import ButtonBot

_ID = "imagine:paint:"
LONGEST_PROMPT = 100 - len(_ID)  # Discord allows 100 characters


class PaintButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"{_ID}(?P<prompt>.+)",
):
    """Paints its prompt, flags included, as a job of the user who presses."""

    def __init__(self, prompt: str, label: str = "") -> None:
        super().__init__(
            discord.ui.Button(
                label=label or None,
                style=discord.ButtonStyle.primary,
                custom_id=_ID + prompt,
            )
        )
        self.prompt = prompt

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Ask for it as if the user had typed it; errors are answered."""
        async with Guarded(interaction, "the button paint"):
            bot: ButtonBot = interaction.client
            check_bot_may_post(interaction)
            await defer(interaction)
            requests = typed_requests(self.prompt)
            origin = origin_of_interaction(interaction, "button paint")
            await bot.intake.ask_all(askings_of(origin, requests))


def prompt_buttons(prompts: Sequence[str]) -> list[PaintButton]:
    """Return numbered buttons that paint ``prompts`` of at most LONGEST_PROMPT letters."""
    return [PaintButton(prompt, str(number)) for number, prompt in enumerate(prompts, 1)]
