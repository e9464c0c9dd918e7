"""The list of pictures that a prompt with choices makes, and its buttons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import discord

from bot.errors import Guarded
from bot.language import _, plural
from bot.language.formatting import escape
from bot.permissions import check_bot_may_post
from bot.requests.asking import Asking
from bot.requests.choices import Choices, Offer
from bot.requests.intake import Intake
from bot.requests.origin import origin_of_interaction, with_options
from bot.requests.typed import typed_choices
from bot.ui.answers import defer
from bot.ui.card import Card, show
from bot.ui.from_custom_id import FromCustomId

_SHOWN = 200  # characters of each prompt


class AskingBot(Protocol):
    """What asking uses of the client."""

    choices: Choices
    intake: Intake


class ChoicesButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:choices:(?P<what>yes|no):(?P<key>[0-9a-f]{16})",
):
    """Paints what was offered, or drops it."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(
            discord.ui.Button(
                label=_("Confirm") if what == "yes" else _("Cancel"),
                style=(
                    discord.ButtonStyle.primary if what == "yes" else discord.ButtonStyle.secondary
                ),
                custom_id=f"imagine:choices:{what}:{key}",
            )
        )
        self.what, self.key = what, key

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Queue them as the command would have done, and answer below the list."""
        async with Guarded(interaction, "the button choices"):
            bot: AskingBot = interaction.client
            check_bot_may_post(interaction)
            offer = bot.choices.take(self.key, str(interaction.user.id))
            if self.what == "no":
                await interaction.response.defer()
                dropped = Card()
                dropped.text(_("Cancelled. Nothing will be painted."))
                await show(interaction, dropped)
                return
            await defer(interaction)

            asked = offer.askings[0].origin
            # The user's rights can have changed since the command.
            origin = with_options(
                origin_of_interaction(interaction, "button choices"),
                spoiler=asked.place.spoiler,
                private=asked.private,
            )
            await bot.intake.ask_all(
                [replace(asking, origin=origin) for asking in offer.askings[: offer.room]]
            )


async def ask(
    bot: AskingBot,
    interaction: discord.Interaction[Any],
    text: str,
    askings: Sequence[Asking],
) -> None:
    """Queue a command's request; show those of a prompt with choices first.

    ``text`` is the prompt as typed, of which ``askings`` are made. Raises BotError, EngineError.
    """
    if len(askings) == 1:
        await bot.intake.ask_all(askings)
        return
    await defer(interaction)
    key, offer = await bot.choices.offer(askings)
    card = _preview(typed_choices(text), offer)
    card.buttons(ChoicesButton("yes", key), ChoicesButton("no", key))
    await show(interaction, card)


def _preview(texts: Sequence[str], offer: Offer) -> Card:
    card = Card()
    head = plural("This makes {number} picture:", "This makes {number} pictures:", len(texts))
    lines = [f"{number}. {escape(text, _SHOWN)}" for number, text in enumerate(texts, 1)]
    card.entries([head, *lines], letters=3500)
    count = offer.askings[0].request.count or 1
    if count > 1:
        card.text(
            plural("-# Each of them {number} time.", "-# Each of them {number} times.", count)
        )
    if offer.room < len(texts):
        card.text(
            plural(
                "-# There's room for {number} of them now: the first one is painted.",
                "-# There's room for {number} of them now: the first ones are painted.",
                offer.room,
            )
        )
    return card
