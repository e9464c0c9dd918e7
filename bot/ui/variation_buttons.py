"""The buttons that go on from a picture: variations, larger, zoomed out, and moved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import discord

from bot.language import _, mark
from bot.media.resize import size_of
from bot.media.source_picture import own_picture
from bot.permissions import check_bot_may_post
from bot.requests.asking import Asking
from bot.requests.origin import Origin, Way, origin_of_interaction, shown_like
from bot.requests.picture import Picture
from bot.requests.server_rules import pixels_allowed
from bot.requests.variation import around, larger, variation
from bot.ui.job_button import ButtonBot, JobButton, Placed, view_of
from data.jobs.stored import StoredJob
from engine.request.request import ImageRequest
from engine.request.variation import STRONG, SUBTLE

_SIDE = 0.5  # of the picture, that is added on one side


class GoOnButton(JobButton):
    """The base of buttons that paint on from the picture, as a job of the user who presses."""

    way: ClassVar[Way]

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Queue it."""
        check_bot_may_post(interaction)
        await bot.deletions.check(job, interaction.message)
        picture = await own_picture(bot.store, job)
        origin = shown_like(origin_of_interaction(interaction, self.way), job)
        request = await self.request(bot, job, picture, origin)
        await bot.intake.ask(Asking(origin, request, [picture]))

    async def request(
        self, bot: ButtonBot, job: StoredJob, picture: Picture, origin: Origin
    ) -> ImageRequest:
        """Return what to paint; raises BotError or EngineError."""
        raise NotImplementedError  # subclasses implement it


class VaryButton(GoOnButton):
    """Paints other pictures like this one: as many as its grid has, or one."""

    action = "vary"
    choices: ClassVar[Mapping[str, str]] = {
        "strong": mark("Vary (strong)"),
        "subtle": mark("Vary (subtle)"),
    }
    way = "button vary"

    async def request(
        self, bot: ButtonBot, job: StoredJob, picture: Picture, origin: Origin
    ) -> ImageRequest:
        """Disturb the picture by the amount that was chosen."""
        count = len(await bot.store.with_grid(job))
        return variation(job, picture, SUBTLE if self.choice == "subtle" else STRONG, count)


class UpscaleButton(GoOnButton):
    """Paints the picture again, at the largest size allowed."""

    action, label = "upscale", mark("Upscale")
    way = "button upscale"

    async def request(
        self, bot: ButtonBot, job: StoredJob, picture: Picture, origin: Origin
    ) -> ImageRequest:
        """Grow to the largest size that this user may paint here."""
        size = await asyncio.to_thread(size_of, picture.data)
        return larger(job, picture, size, await _pixels(bot, origin))


class AroundButton(GoOnButton):
    """Paints around the picture, which itself stays."""

    action = "around"
    choices: ClassVar[Mapping[str, str]] = {
        "out": mark("Zoom out 1.5x"),
        "far": mark("Zoom out 2x"),
        "left": mark("Left"),
        "up": mark("Up"),
        "down": mark("Down"),
        "right": mark("Right"),
    }
    way = "button around"

    async def request(
        self, bot: ButtonBot, job: StoredJob, picture: Picture, origin: Origin
    ) -> ImageRequest:
        """Extend the picture on all sides, or on the one that was chosen."""
        extend = {"out": "1.5", "far": "2"}.get(self.choice, f"{self.choice}:{_SIDE}")
        size = await asyncio.to_thread(size_of, picture.data)
        return around(job, picture, size, extend, await _pixels(bot, origin))


MORE = (
    Placed(VaryButton, 0, choice="subtle"),
    Placed(VaryButton, 0, choice="strong"),
    Placed(UpscaleButton, 0),
    Placed(AroundButton, 1, choice="out"),
    Placed(AroundButton, 1, choice="far"),
    *(Placed(AroundButton, 2, choice=side) for side in ("left", "up", "down", "right")),
)
"""What the button More offers."""


class MoreButton(JobButton):
    """Offers the buttons above to the user alone."""

    action, label = "more", mark("More")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Answer with them; they work as long as the answer is shown, also after a restart."""
        await own_picture(bot.store, job)  # raises if it is missing
        view = view_of(job.id, MORE)
        await interaction.edit_original_response(
            content=_("Go on from this picture, with the same words:"), view=view
        )
        view.stop()


VARIATION_BUTTONS: tuple[type[JobButton], ...] = (
    VaryButton,
    UpscaleButton,
    AroundButton,
    MoreButton,
)


async def _pixels(bot: ButtonBot, origin: Origin) -> int:
    rules = await bot.guild_settings.rules(origin.place.guild_id)
    return pixels_allowed(origin, rules)
