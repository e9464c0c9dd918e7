"""/imagine: paint a picture from a prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.language import _
from bot.language.translator import described, field_description
from bot.media.addressed import picture_in
from bot.media.pulling import (
    masks_of_regions,
    palette_of_picture,
    pictures_to_paint_like,
)
from bot.permissions import check_bot_may_post
from bot.requests.origin import origin_of_interaction, with_options
from bot.requests.picture import Picture
from bot.requests.typed import askings_of, typed_requests
from bot.ui.autocomplete import choices_in_time, offer_models, offer_styles
from bot.ui.choices import ask
from bot.ui.options import (
    PRESET_CHOICES,
    Aspect,
    Count,
    Iterations,
    Model,
    Prompt,
    Seed,
    Size,
    Style,
    given_values,
    lower_maximum,
)
from engine.errors import RequestError
from engine.pictures.formats import FORMAT_NAMES
from engine.request.limits import range_of
from engine.request.loudness import MAX_SOUND_BYTES, read_loudness
from engine.request.prompt.grammar import MAX_WEIGHT

STRENGTH = range_of("strength")
ZOOM = range_of("zoom")


class Imagine(commands.Cog):
    """The command, its options and their autocompletion."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
        lower_maximum(self.imagine, "iterations", bot.settings.limits.max_iterations)

    @app_commands.command(description="Paint a picture from a prompt")
    @app_commands.describe(
        prompt=field_description("prompt"),
        seed=field_description("seed"),
        count=field_description("count"),
        iterations=field_description("iterations"),
        model=field_description("model"),
        size="Width and height in pixels, like 256x128, or 256 for a square",
        aspect="Shape of the picture, like 16:9, with as many pixels as usual",
        preset=field_description("preset"),
        strength="How much of the starting picture to change: 0 keeps it, 1 ignores it",
        sound='A WAV file; a story like "a calm sea ^ a storm" follows its loudness',
        region="A mask, white inside, for the first region that you name: a castle @hill",
        region_2="A mask for the second region that you name",
        palette="A picture whose main colours pull the painting's colours",
        zoom="For a video: how much larger everything gets, again and again, as in 1.02",
        loop=field_description("loop"),
        tile=field_description("tile"),
        style="Words that are added to yours, by their name; keep some with /style add",
        spoiler="Post the picture behind a spoiler",
        private="Send the picture to you alone, in a direct message, if the server allows it",
        init_image=described("A picture to start from ({formats})", formats=FORMAT_NAMES),
        like='A picture to paint like, mixed with the words; write "-" as the prompt for no words',
        like_2="A second picture to paint like",
        like_3="A third picture to paint like",
        like_weight="How strongly the pictures to paint like pull; words pull with 1",
    )
    @app_commands.autocomplete(model=offer_models, style=offer_styles)
    @app_commands.choices(preset=PRESET_CHOICES)
    async def imagine(
        self,
        interaction: discord.Interaction[Any],
        prompt: Prompt,
        seed: Seed | None = None,
        size: Size | None = None,
        aspect: Aspect | None = None,
        iterations: Iterations | None = None,
        model: Model | None = None,
        preset: str | None = None,
        count: Count | None = None,
        init_image: discord.Attachment | None = None,
        strength: app_commands.Range[float, STRENGTH.low, STRENGTH.high] | None = None,
        like: discord.Attachment | None = None,
        like_2: discord.Attachment | None = None,
        like_3: discord.Attachment | None = None,
        like_weight: app_commands.Range[float, -MAX_WEIGHT, MAX_WEIGHT] | None = None,
        region: discord.Attachment | None = None,
        region_2: discord.Attachment | None = None,
        palette: discord.Attachment | None = None,
        sound: discord.Attachment | None = None,
        zoom: app_commands.Range[float, float(ZOOM.low), float(ZOOM.high)] | None = None,
        loop: bool | None = None,
        tile: bool | None = None,
        style: Style | None = None,
        spoiler: bool = False,
        private: bool = False,
    ) -> None:
        """Answer, then download and queue."""
        async with Guarded(interaction, "/imagine"):
            check_bot_may_post(interaction)
            values = given_values(
                seed=seed,
                count=count,
                size=size,
                aspect=aspect,
                iterations=iterations,
                model=model,
                preset=preset,
                strength=strength,
                zoom=zoom,
                loop=loop,
                tile=tile,
            )
            await interaction.response.defer(ephemeral=True, thinking=True)
            # The text is read last, because some of its flags need a picture to start from.
            if init_image is None:
                text, pictures = await picture_in(prompt, self.bot.attachments)
            else:
                text, pictures = prompt, [await self.bot.attachments.picture(init_image.url)]
            if pictures:
                values["init_image"] = pictures[0].sha256
            pulling, likes = await self._likes((like, like_2, like_3), like_weight)
            if likes:
                values["like"] = pulling
                pictures += likes
            named, masks = await masks_of_regions(text, (region, region_2), self.bot.attachments)
            values |= named
            pictures += masks
            if palette is not None:
                values["palette"] = await palette_of_picture(palette, self.bot.attachments)
            if sound is not None:
                data = await self.bot.attachments.file(sound.url, MAX_SOUND_BYTES)
                values["loudness"] = await asyncio.to_thread(read_loudness, data)
            origin = with_options(
                origin_of_interaction(interaction, "/imagine"), spoiler=spoiler, private=private
            )
            added = await self.bot.styles.words_for(origin.person, origin.place.guild_id, style)
            requests = typed_requests(text, style=added, **values)
            await ask(self.bot, interaction, text, askings_of(origin, requests, pictures))

    async def _likes(
        self, attached: Sequence[discord.Attachment | None], weight: float | None
    ) -> tuple[list[dict[str, Any]], list[Picture]]:
        """Download the pictures to paint like, all of one weight."""
        given = [each for each in attached if each is not None]
        if weight is not None and not given:
            raise RequestError(
                _("like_weight needs a picture to paint like; add one, or leave it out.")
            )
        return await pictures_to_paint_like(given, [weight] * len(given), self.bot.attachments)

    @imagine.autocomplete("prompt")
    async def _prompts(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Offer the user's own recent prompts."""
        recent = self.bot.store.recent_prompts(str(interaction.user.id), 100)
        return await choices_in_time(recent, typed)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Imagine(bot))
