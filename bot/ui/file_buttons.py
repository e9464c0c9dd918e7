"""The buttons under what Info tells about a picture's file; the request is kept for a day."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import discord

from bot.errors import Guarded
from bot.language import _, mark
from bot.permissions import check_bot_may_post
from bot.requests.asking import Asking
from bot.requests.custom_ids import JOB_ID, button_id
from bot.requests.file_request import kept_request
from bot.requests.intake import Intake
from bot.requests.origin import origin_of_interaction
from bot.requests.styles import OwnStyles
from bot.ui.answers import defer, in_time
from bot.ui.from_custom_id import FromCustomId
from bot.ui.modals import RemixModal
from bot.ui.style_field import styles_to_ask_with
from data.store import Store


class FileBot(Protocol):
    """What the buttons use of the client."""

    store: Store
    intake: Intake
    styles: OwnStyles


class FileButton(FromCustomId, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"(?!)"):
    """The base of both; ``id`` is that of the kept request."""

    action: ClassVar[str]
    label: ClassVar[str]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(template=rf"imagine:{cls.action}:(?P<id>{JOB_ID})")

    def __init__(self, id: str) -> None:
        self.id_of_request = id
        super().__init__(discord.ui.Button(label=_(self.label), custom_id=self.custom_id_of(id)))

    @classmethod
    def custom_id_of(cls, id: str) -> str:
        """Return the custom id that Discord sends when the button is pressed."""
        return button_id(cls.action, id)


class FileAgainButton(FileButton):
    """Paints what the file says with a new seed."""

    action, label = "fileagain", mark("Again")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Queue it, as a job of the user who presses."""
        async with Guarded(interaction, "the button fileagain"):
            check_bot_may_post(interaction)
            await defer(interaction)
            bot: FileBot = interaction.client
            request = await kept_request(bot.store.messages, self.id_of_request)
            origin = origin_of_interaction(interaction, "button fileagain")
            await bot.intake.ask(Asking(origin, request))


class FileRemixButton(FileButton):
    """Opens the file's prompt in a modal."""

    action, label = "fileremix", mark("Remix")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Open it; nothing is queued until it is submitted."""
        async with Guarded(interaction, "the button fileremix"):
            bot: FileBot = interaction.client
            styles = await styles_to_ask_with(interaction, bot)
            request = await in_time(kept_request(bot.store.messages, self.id_of_request))
            modal = RemixModal(
                self.id_of_request,
                request.prompt,
                styles=styles,
                required=not request.noise,
                action=self.action,
            )
            await interaction.response.send_modal(modal)


FILE_BUTTONS: tuple[type[FileButton], ...] = (FileAgainButton, FileRemixButton)
