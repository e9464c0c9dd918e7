"""The field of a modal in which a style is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import discord

from bot.language import _
from bot.requests.channels import guild_id_of
from bot.requests.restrictions import check_may_ask
from bot.requests.styles import NAME_LENGTH, OwnStyles
from bot.ui.answers import in_time
from bot.ui.submitted import submitted_text
from data.store import Store

STYLE = "style"
MAX_OPTIONS = 25  # Discord's limit for a select


class StylesBot(Protocol):
    """What choosing a style uses of the client."""

    store: Store
    styles: OwnStyles


async def styles_to_ask_with(interaction: discord.Interaction[Any], bot: StylesBot) -> list[str]:
    """Return the names of the styles that the user can choose here, before a modal opens.

    Raises BotError if they cannot ask for a picture here, StoreError, or SlowError.
    """

    async def read() -> list[str]:
        await check_may_ask(bot.store.people, interaction)
        return await bot.styles.names(str(interaction.user.id), guild_id_of(interaction))

    return await in_time(read())


def style_field(names: Sequence[str]) -> list[discord.ui.Label[Any]]:
    """Return the field, or nothing without styles.

    It lists the ``names`` or, if they are too many for a list, asks for one of them.
    """
    if not names:
        return []
    component: discord.ui.Item[Any]
    if len(names) <= MAX_OPTIONS:
        component = discord.ui.Select(
            custom_id=STYLE,
            placeholder=_("No style"),
            options=[discord.SelectOption(label=name, value=name) for name in names],
            required=False,
        )
    else:
        component = discord.ui.TextInput(custom_id=STYLE, max_length=NAME_LENGTH, required=False)
    return [
        discord.ui.Label(
            text=_("Style"),
            description=_("Words that are added to yours"),
            component=component,
        )
    ]


async def chosen_style(interaction: discord.Interaction[Any], bot: StylesBot) -> str | None:
    """Return the words of the style that was chosen in a submitted modal, or None.

    Raises GoneError if there is no such style now, or StoreError.
    """
    name = submitted_text(interaction, STYLE).strip() or None
    return await bot.styles.chosen_words(str(interaction.user.id), guild_id_of(interaction), name)
