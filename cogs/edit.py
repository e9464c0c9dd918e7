"""/edit, and the message menu "Edit this image": edit a picture with words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import AttachmentError, Guarded
from bot.language import _
from bot.language.translator import described, field_description
from bot.media.source_picture import check_one_picture, job_of, picture_address
from bot.permissions import check_bot_may_post
from bot.requests.edit_request import edit_requests
from bot.requests.origin import origin_of_interaction, with_options
from bot.requests.typed import askings_of
from bot.ui.answers import in_time
from bot.ui.autocomplete import offer_models, offer_styles
from bot.ui.choices import ask
from bot.ui.edit_modal import EditModal
from bot.ui.feature import Feature
from bot.ui.options import (
    Iterations,
    Model,
    Prompt,
    Seed,
    Size,
    Style,
    given_values,
    lower_maximum,
)
from bot.ui.style_field import styles_to_ask_with
from engine.pictures.formats import FORMAT_NAMES
from engine.request.limits import max_length, range_of

WHERE_LENGTH = max_length("where")
STRENGTH, KEEP, THRESHOLD = range_of("strength"), range_of("keep"), range_of("threshold")
MENU = "Edit this image"


class Edit(Feature):
    """The command and the menu; the menu works on messages that the bot cannot read itself."""

    bot: ImageBot

    def __init__(self, bot: ImageBot) -> None:
        super().__init__(bot)
        lower_maximum(self.edit, "iterations", bot.settings.limits.max_iterations)
        self.menu = app_commands.ContextMenu(name=MENU, callback=self.edit_this_image)

    @app_commands.command(description="Edit a picture with words")
    @app_commands.describe(
        image=described("The picture to edit ({formats})", formats=FORMAT_NAMES),
        prompt='What to turn it into, or "foggy sky -> clear sky"',
        where='What to change in it: "jacket", or "windmills -> mushrooms"',
        mask="Mask: white or transparent areas can change, or what is drawn on a transparent layer",
        strength="How much to change it: 0 keeps the original, 1 ignores it",
        keep=field_description("keep"),
        style="Words that are added to yours, by their name; keep some with /style add",
        spoiler="Post the picture behind a spoiler",
        private="Send the picture to you alone, in a direct message, if the server allows it",
        seed=field_description("seed"),
        size="Width and height in pixels, like 256x128; otherwise the picture's own",
        iterations=field_description("iterations"),
        model=field_description("model"),
        threshold='How well an area must match "where"; lower values select more of the picture',
    )
    @app_commands.autocomplete(model=offer_models, style=offer_styles)
    async def edit(
        self,
        interaction: discord.Interaction[Any],
        image: discord.Attachment,
        prompt: Prompt,
        where: app_commands.Range[str, 1, WHERE_LENGTH] | None = None,
        mask: discord.Attachment | None = None,
        strength: app_commands.Range[float, STRENGTH.low, STRENGTH.high] | None = None,
        keep: app_commands.Range[float, KEEP.low, KEEP.high] | None = None,
        threshold: app_commands.Range[float, THRESHOLD.low, THRESHOLD.high] | None = None,
        seed: Seed | None = None,
        size: Size | None = None,
        iterations: Iterations | None = None,
        model: Model | None = None,
        style: Style | None = None,
        spoiler: bool = False,
        private: bool = False,
    ) -> None:
        """Answer, then download the pictures and queue the request."""
        async with Guarded(interaction, "/edit"):
            check_bot_may_post(interaction)
            await interaction.response.defer(ephemeral=True, thinking=True)
            pictures = [await self.bot.attachments.picture(image.url, image.filename)]
            if mask is not None:
                pictures.append(await self.bot.attachments.picture(mask.url, mask.filename))
            origin = with_options(
                origin_of_interaction(interaction, "/edit"), spoiler=spoiler, private=private
            )
            requests = edit_requests(
                prompt,
                pictures[0],
                style=await self.bot.styles.chosen_words(
                    origin.person, origin.place.guild_id, style
                ),
                where=where,
                strength=strength,
                keep=keep,
                threshold=threshold,
                mask=None if mask is None else pictures[1].sha256,
                **given_values(seed=seed, size=size, iterations=iterations, model=model),
            )
            await ask(self.bot, interaction, prompt, askings_of(origin, requests, pictures))

    async def edit_this_image(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> None:
        """Open the modal for the message's picture; the download waits for its answer."""
        async with Guarded(interaction, MENU):
            styles = await styles_to_ask_with(interaction, self.bot)
            modal = await in_time(self._modal(message, styles))
            await interaction.response.send_modal(modal)

    async def _modal(self, message: discord.Message, styles: Sequence[str]) -> EditModal:
        check_one_picture(message)
        job = await job_of(self.bot, message)
        if job is not None and job.is_painted:
            return EditModal("job", job.id, styles)
        address = picture_address(message)
        if address is None:
            raise AttachmentError(
                _(
                    "That message has no picture. Choose one that does, or "
                    "attach a picture to /edit."
                )
            )
        self.bot.attachments.check(address)
        return EditModal("address", await self.bot.store.messages.keep(address), styles)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Edit(bot))
