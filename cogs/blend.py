"""/blend: paint one picture out of several, with weights, and with words if there are any."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.client import ImageBot
from bot.errors import Guarded
from bot.language.translator import described, field_description
from bot.media.pulling import pictures_to_paint_like
from bot.permissions import check_bot_may_post
from bot.requests.origin import origin_of_interaction, with_options
from bot.requests.typed import NO_WORDS, askings_of, typed_requests
from bot.ui.autocomplete import offer_models, offer_styles
from bot.ui.choices import ask
from bot.ui.options import (
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
from engine.pictures.formats import FORMAT_NAMES
from engine.request.prompt.grammar import MAX_WEIGHT

Weight = app_commands.Range[float, -MAX_WEIGHT, MAX_WEIGHT]


class Blend(commands.Cog):
    """The command and its options."""

    def __init__(self, bot: ImageBot) -> None:
        self.bot = bot
        lower_maximum(self.blend, "iterations", bot.settings.limits.max_iterations)

    @app_commands.command(description="Blend up to five pictures, and words, into a new one")
    @app_commands.describe(
        image=described("The first picture ({formats})", formats=FORMAT_NAMES),
        image_2="The second picture",
        image_3="The third picture",
        image_4="The fourth picture",
        image_5="The fifth picture",
        weight="How strongly the first picture pulls: 1 if left out, negative to push away",
        weight_2="How strongly the second picture pulls",
        weight_3="How strongly the third picture pulls",
        weight_4="How strongly the fourth picture pulls",
        weight_5="How strongly the fifth picture pulls",
        prompt="Words to mix with the pictures; they pull with 1, or as in a fox:0.5",
        seed=field_description("seed"),
        count=field_description("count"),
        size="Width and height in pixels, like 256x128, or 256 for a square",
        aspect="Shape of the picture, like 16:9, with as many pixels as usual",
        iterations=field_description("iterations"),
        model=field_description("model"),
        style="Words that are added to yours, by their name; keep some with /style add",
        spoiler="Post the picture behind a spoiler",
        private="Send the picture to you alone, in a direct message, if the server allows it",
    )
    @app_commands.autocomplete(model=offer_models, style=offer_styles)
    async def blend(
        self,
        interaction: discord.Interaction[Any],
        image: discord.Attachment,
        image_2: discord.Attachment,
        image_3: discord.Attachment | None = None,
        image_4: discord.Attachment | None = None,
        image_5: discord.Attachment | None = None,
        prompt: Prompt | None = None,
        weight: Weight | None = None,
        weight_2: Weight | None = None,
        weight_3: Weight | None = None,
        weight_4: Weight | None = None,
        weight_5: Weight | None = None,
        seed: Seed | None = None,
        count: Count | None = None,
        size: Size | None = None,
        aspect: Aspect | None = None,
        iterations: Iterations | None = None,
        model: Model | None = None,
        style: Style | None = None,
        spoiler: bool = False,
        private: bool = False,
    ) -> None:
        """Answer, then download the pictures and queue the request."""
        async with Guarded(interaction, "/blend"):
            check_bot_may_post(interaction)
            values = given_values(
                seed=seed, count=count, size=size, aspect=aspect, iterations=iterations, model=model
            )
            await interaction.response.defer(ephemeral=True, thinking=True)
            like, pictures = await pictures_to_paint_like(
                (image, image_2, image_3, image_4, image_5),
                (weight, weight_2, weight_3, weight_4, weight_5),
                self.bot.attachments,
            )
            origin = with_options(
                origin_of_interaction(interaction, "/blend"), spoiler=spoiler, private=private
            )
            # A style in use is added to words, and to nothing where there are none.
            words_of = self.bot.styles.words_for if prompt else self.bot.styles.chosen_words
            added = await words_of(origin.person, origin.place.guild_id, style)
            requests = typed_requests(prompt or NO_WORDS, style=added, like=like, **values)
            await ask(
                self.bot,
                interaction,
                prompt or NO_WORDS,
                askings_of(origin, requests, pictures),
            )


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Blend(bot))
