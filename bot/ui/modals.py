"""The modal of Remix. Its custom id carries the job's id, as the buttons' do.

discord.py forgets open modals when the process ends, so submitting one after a restart would get no
answer. Therefore submissions are taken from the raw interaction (:func:`take_remix`), and
discord.py's own handler does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import discord

from bot.errors import GoneError, Guarded
from bot.host.logs import about_job
from bot.language import _
from bot.permissions import check_bot_may_post
from bot.requests.custom_ids import button_id, button_pattern
from bot.requests.file_request import kept_request
from bot.requests.intake import Intake
from bot.requests.origin import origin_of_interaction, shown_like
from bot.requests.rights import check_may_see
from bot.requests.styles import OwnStyles
from bot.requests.typed import askings_of, kept_for, typed_requests
from bot.ui.answers import defer
from bot.ui.style_field import chosen_style, style_field
from bot.ui.submitted import submitted, submitted_text
from data.store import Store
from engine.request.limits import max_length
from engine.request.request import ImageRequest

PROMPT = "prompt"
_REMIX = re.compile(button_pattern("(?P<file>file)?remix"))


class RemixBot(Protocol):
    """What a submitted Remix uses of the client."""

    store: Store
    intake: Intake
    styles: OwnStyles


class RemixModal(discord.ui.Modal):
    """Shows a prompt for editing; Discord keeps it open as long as the user likes.

    ``id`` is the job's or, for the ``action`` "fileremix", that of the kept request. Unless it is
    ``required``, the prompt can be left empty. ``styles`` are the names of those to choose from.
    """

    def __init__(
        self,
        id: str,
        prompt: str,
        *,
        styles: Sequence[str] = (),
        required: bool = True,
        action: str = "remix",
    ) -> None:
        super().__init__(title=_("Remix"), custom_id=button_id(action, id), timeout=900)
        self.add_item(
            discord.ui.Label(
                text=_("Prompt"),
                description=_(
                    'Join prompts with " + ", weight one with ":0.5", add flags like --seed 7'
                ),
                component=discord.ui.TextInput(
                    custom_id=PROMPT,
                    style=discord.TextStyle.paragraph,
                    default=prompt or None,
                    max_length=max_length("prompt"),
                    required=required,
                ),
            )
        )
        for field in style_field(styles):
            self.add_item(field)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Do nothing: :func:`take_remix` handles it, also after a restart."""


async def take_remix(interaction: discord.Interaction[Any], bot: RemixBot) -> None:
    """Queue what a submitted Remix asks for; ignore other interactions.

    The job's other settings are kept, except its seed; those of a chosen style override them, and
    flags in the text override both.
    """
    found = submitted(interaction, _REMIX)
    if found is None:
        return
    async with Guarded(interaction, "the modal remix"):
        await defer(interaction)
        text, style = submitted_text(interaction, PROMPT), await chosen_style(interaction, bot)
        if found["file"]:
            check_bot_may_post(interaction)
            former = await kept_request(bot.store.messages, found["job"])
            requests = _remixed(text, former, style)
            origin = origin_of_interaction(interaction, "fileremix modal")
            await bot.intake.ask_all(askings_of(origin, requests))
            return
        with about_job(found["job"]):
            job = await bot.store.job(found["job"])
            if job is None:
                raise GoneError(
                    _("That picture was deleted. Use /imagine with your prompt instead.")
                )
            check_may_see(interaction, job)
            check_bot_may_post(interaction)
            requests = _remixed(text, job.request, style)
            origin = shown_like(origin_of_interaction(interaction, "remix modal"), job)
            await bot.intake.ask_all(askings_of(origin, requests))


def _remixed(text: str, former: ImageRequest, style: str | None) -> tuple[ImageRequest, ...]:
    """The requests of the submitted text, with the settings of the former one."""
    kept = kept_for(text, former.model_dump(exclude={"prompt", "seed", "steering"}))
    return typed_requests(text, style=style, kept=kept)
