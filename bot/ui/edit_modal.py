"""The modal of Edit: the prompt, the strength, and where to edit.

Its custom id names a job, or a picture's address that is stored for a day (see data.messages). As
with Remix, submissions are taken from the raw interaction, so that a modal opened before a restart
can be submitted after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

import discord

from bot.errors import GoneError, Guarded
from bot.host.logs import about_job
from bot.language import _
from bot.media.attachments import Attachments
from bot.media.source_picture import own_picture
from bot.permissions import check_bot_may_post
from bot.requests.custom_ids import JOB_ID
from bot.requests.deletions import Deletions
from bot.requests.edit_request import edit_requests
from bot.requests.intake import Intake
from bot.requests.origin import origin_of_interaction, shown_like
from bot.requests.picture import Picture
from bot.requests.rights import check_may_see
from bot.requests.styles import OwnStyles
from bot.requests.typed import askings_of
from bot.ui.style_field import chosen_style, style_field
from bot.ui.submitted import submitted, submitted_text
from data.store import Store
from engine.request.flag_values import read_flag
from engine.request.limits import max_length
from engine.request.request import ImageRequest

WORDS, STRENGTH, WHERE = "words", "strength", "where"
_ABOUT = re.compile(rf"imagine:edit-(?P<kind>job|address):(?P<id>{JOB_ID})")
_LABEL, _NOTE = 45, 100  # Discord's limits for a label's text and description


class EditBot(Protocol):
    """What a submitted Edit uses of the client."""

    store: Store
    attachments: Attachments
    intake: Intake
    deletions: Deletions
    styles: OwnStyles


class EditModal(discord.ui.Modal):
    """Asks how to edit a picture. ``kind`` is "job" or "address", ``id`` the one to edit.

    ``styles`` are the names of those to choose from.
    """

    def __init__(self, kind: str, id: str, styles: Sequence[str] = ()) -> None:
        super().__init__(
            title=_("Edit this image")[:_LABEL], custom_id=f"imagine:edit-{kind}:{id}", timeout=900
        )
        for name, text, note, style, length in (
            (
                WORDS,
                _("What to turn it into"),
                _('A prompt, or "foggy sky -> clear sky"; flags like --seed 7 work too'),
                discord.TextStyle.paragraph,
                max_length("prompt"),
            ),
            (
                STRENGTH,
                _("How much to change it (strength)"),
                _("0 keeps the original, 1 ignores it"),
                discord.TextStyle.short,
                10,
            ),
            (
                WHERE,
                _("Where to change it (where)"),
                _(
                    'Leave it empty for everywhere, or name something: "jacket", "windmills -> '
                    'mushrooms"'
                ),
                discord.TextStyle.short,
                max_length("where"),
            ),
        ):
            self.add_item(
                discord.ui.Label(
                    text=text[:_LABEL],
                    description=note[:_NOTE],
                    component=discord.ui.TextInput(
                        custom_id=name, style=style, max_length=length, required=False
                    ),
                )
            )
        for field in style_field(styles):
            self.add_item(field)

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Do nothing: :func:`take_edit` handles it, also after a restart."""


async def take_edit(interaction: discord.Interaction[Any], bot: EditBot) -> None:
    """Queue what a submitted Edit asks for; ignore other interactions."""
    found = submitted(interaction, _ABOUT)
    if found is None:
        return
    async with Guarded(interaction, "the modal edit"):
        check_bot_may_post(interaction)
        fields = {
            name: submitted_text(interaction, name).strip() for name in (WORDS, STRENGTH, WHERE)
        }
        values = _values(fields)
        await interaction.response.defer(ephemeral=True, thinking=True)
        if found["kind"] == "job":
            with about_job(found["id"]):
                former, picture = await _of_job(interaction, bot, found["id"])
        else:
            former, picture = None, await _of_address(bot, found["id"])
        requests = edit_requests(
            fields[WORDS],
            picture,
            former=former,
            same_size=former is not None,
            style=await chosen_style(interaction, bot),
            **values,
        )
        job = await bot.store.job(found["id"]) if found["kind"] == "job" else None
        origin = shown_like(origin_of_interaction(interaction, "edit modal"), job)
        await bot.intake.ask_all(askings_of(origin, requests, [picture]))


def _values(fields: dict[str, str]) -> dict[str, Any]:
    """Return the values of the small fields; raises RequestError for an invalid number."""
    values: dict[str, Any] = {}
    if fields[STRENGTH]:  # many users type a decimal comma
        values.update(read_flag(STRENGTH, fields[STRENGTH].replace(",", ".")))
    if fields[WHERE]:
        values[WHERE] = fields[WHERE]
    return values


async def _of_job(
    interaction: discord.Interaction[Any], bot: EditBot, id: str
) -> tuple[ImageRequest, Picture]:
    job = await bot.store.job(id)
    if job is None:
        raise GoneError(_("That picture was deleted. Attach it to /edit instead."))
    check_may_see(interaction, job)
    await bot.deletions.check(job, interaction.message)
    return job.request, await own_picture(bot.store, job)


async def _of_address(bot: EditBot, id: str) -> Picture:
    address = await bot.store.messages.kept(id)
    if address is None:
        raise GoneError(
            _(
                "You chose that picture too long ago. Open its menu and choose Edit this "
                "image again."
            )
        )
    return await bot.attachments.picture(address)
