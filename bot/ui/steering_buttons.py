"""The buttons that change a picture while it is painted: other words, frozen parts, and numbers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import discord

from bot.errors import GoneError, Guarded, LimitError
from bot.host.logs import about_job
from bot.language import _, mark, plural
from bot.language.formatting import change_text
from bot.requests.changes import check_is_painted, frozen_places, with_changes, words_of
from bot.requests.custom_ids import button_id, button_pattern
from bot.requests.origin import origin_of_interaction
from bot.requests.restrictions import check_not_banned
from bot.requests.rights import check_owner_or_moderator
from bot.requests.server_rules import all_iterations, most_iterations
from bot.ui.answers import defer, in_time
from bot.ui.job_button import GONE, ButtonBot, JobButton, Placed, note_act, view_of
from bot.ui.submitted import submitted, submitted_text
from data.jobs.stored import StoredJob
from engine.request.limits import max_length
from engine.request.pulls import names_of
from engine.request.request import ImageRequest
from engine.request.steering import ALL, BOLDER, Steer, parse_change

WORDS, PLACE = "words", "place"
_NUDGE, _FREEZE = (re.compile(button_pattern(action)) for action in ("nudge", "freezewords"))
_CALMER = round(1 / BOLDER, 4)
_PLACES = {
    "left": mark("Left half"),
    "right": mark("Right half"),
    "top": mark("Top half"),
    "bottom": mark("Bottom half"),
    "middle": mark("Middle"),
    "top-left": mark("Top left"),
    "top-right": mark("Top right"),
    "bottom-left": mark("Bottom left"),
    "bottom-right": mark("Bottom right"),
}
_THAW, _THAW_ALL, _LABEL = "thaw-", "thaw-all", 80
_MASKS = {"mask": mark("Mask"), "mask2": mark("Second mask")}


class SteeringButton(JobButton):
    """The base of the buttons that change a picture at once."""

    guarded_verb = "change"
    place = 1

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Change it, and say how."""
        await _check(interaction, bot, job)
        await change(interaction, bot, job, await self.wanted(bot, job))

    async def wanted(self, bot: ButtonBot, job: StoredJob) -> Mapping[str, Any]:
        """Return the field of a Steer that it sets; raises BotError."""
        raise NotImplementedError  # subclasses implement it


class NudgeButton(JobButton):
    """Opens the words in a modal; the picture goes on with what they are changed to."""

    action, label = "nudge", mark("Nudge")
    guarded_verb = "change"
    place = 1
    opens_modal = True

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Open the modal; nothing changes until it is submitted."""
        await in_time(_check(interaction, bot, job))
        await interaction.response.send_modal(NudgeModal(job.id, words_of(with_changes(job))))


class FreezeButton(JobButton):
    """Offers what can be frozen to the user alone."""

    action, label = "freeze", mark("Freeze")
    guarded_verb = "change"
    place = 1

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Answer with the parts, which work as long as the answer is shown."""
        await _check(interaction, bot, job)
        view = view_of(job.id, _offered(with_changes(job)))
        await interaction.edit_original_response(
            content=_("What should stay as it is now? What is frozen can change again, too."),
            view=view,
        )
        view.stop()


def _offered(request: ImageRequest) -> list[Placed]:
    """Return the buttons for each part: to freeze it, or to let it change again."""
    frozen = frozen_places(request)
    parts = [(name, name, _(label), i // 5) for i, (name, label) in enumerate(_PLACES.items())]
    masks = zip(_MASKS, names_of(request.regions), strict=False)
    parts += [(choice, name, f"@{name}", 2) for choice, name in masks]
    offered = [
        Placed(PartButton, row, choice=f"{_THAW}{choice}", label=_unfreeze(label))
        if f"@{name}" in frozen
        else Placed(PartButton, row, choice=choice, label=label[:_LABEL])
        for choice, name, label, row in parts
    ]
    offered.append(Placed(FreezeWordsButton, 2))
    return [*offered, Placed(PartButton, 2, choice=_THAW_ALL)] if frozen else offered


def _unfreeze(place: str) -> str:
    return _("Unfreeze: {place}", place=place)[:_LABEL]


class PartButton(SteeringButton):
    """Freezes a half, a quarter or a mask of the request, or lets it change again."""

    action = "freezepart"
    choices: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **_PLACES,
            **_MASKS,
            **{f"{_THAW}{choice}": label for choice, label in {**_PLACES, **_MASKS}.items()},
            _THAW_ALL: mark("Unfreeze all"),
        }
    )

    async def wanted(self, bot: ButtonBot, job: StoredJob) -> Mapping[str, Any]:
        """Name the part that was chosen."""
        if self.choice == _THAW_ALL:
            return {"unfreeze": ALL}
        name = self.choice.removeprefix(_THAW)
        field = "freeze" if name == self.choice else "unfreeze"
        if name in _MASKS:
            names, number = names_of(job.request.regions), list(_MASKS).index(name)
            if number >= len(names):
                raise GoneError(_("This picture has no such mask. Choose another part."))
            name = names[number]
        return {field: f"@{name}"}


class FreezeWordsButton(JobButton):
    """Asks in a modal what to freeze, in words."""

    action, label = "freezewords", mark("In words")
    guarded_verb = "change"
    opens_modal = True

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Open the modal; nothing is frozen until it is submitted."""
        await in_time(_check(interaction, bot, job))
        await interaction.response.send_modal(FreezeModal(job.id))


class PaceButton(SteeringButton):
    """Adds iterations, or multiplies the learning rate."""

    action = "pace"
    choices: ClassVar[Mapping[str, str]] = {
        "longer": mark("Longer"),
        "bolder": mark("Bolder"),
        "calmer": mark("Calmer"),
    }

    async def wanted(self, bot: ButtonBot, job: StoredJob) -> Mapping[str, Any]:
        """Return the factor, or how many iterations more; raises LimitError if there can be none.

        Half as many as the picture had at first, as far as the limits allow.
        """
        if self.choice != "longer":
            return {"rate": BOLDER if self.choice == "bolder" else _CALMER}
        rules = await bot.guild_settings.rules(job.guild_id)
        request, most = with_changes(job), most_iterations(rules)
        number = await asyncio.to_thread(all_iterations, request)
        more = min(max(1, (number - request.longer) // 2), most - number)
        if more < 1:
            raise LimitError(
                plural(
                    "At most {number} iteration is allowed here, and this picture has them.",
                    "At most {number} iterations are allowed here, and this picture has them.",
                    most,
                )
            )
        return {"longer": more}


STEERING: tuple[type[JobButton] | Placed, ...] = (
    NudgeButton,
    FreezeButton,
    *(Placed(PaceButton, 1, choice=choice) for choice in PaceButton.choices),
)
"""Those under a picture that is painted."""
STEERING_BUTTONS: tuple[type[JobButton], ...] = (
    NudgeButton,
    FreezeButton,
    PartButton,
    FreezeWordsButton,
    PaceButton,
)


class NudgeModal(discord.ui.Modal):
    """Shows the words that are painted, for editing."""

    def __init__(self, job_id: str, words: str) -> None:
        super().__init__(title=_("Nudge"), custom_id=button_id("nudge", job_id), timeout=900)
        self.add_item(
            discord.ui.Label(
                text=_("Prompt"),
                description=_("What to paint from now on; change words, or weights like :0.5"),
                component=discord.ui.TextInput(
                    custom_id=WORDS,
                    style=discord.TextStyle.paragraph,
                    default=words or None,
                    max_length=max_length("prompt"),
                ),
            )
        )

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Do nothing: :func:`take_steering` handles it, also after a restart."""


class FreezeModal(discord.ui.Modal):
    """Asks what to freeze."""

    def __init__(self, job_id: str) -> None:
        super().__init__(title=_("Freeze"), custom_id=button_id("freezewords", job_id), timeout=900)
        self.add_item(
            discord.ui.Label(
                text=_("What should stay as it is now"),
                description=_("Words for a thing in the picture, or a place: @left, @0-50%,0-100%"),
                component=discord.ui.TextInput(custom_id=PLACE, max_length=max_length("where")),
            )
        )

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Do nothing: :func:`take_steering` handles it, also after a restart."""


async def take_steering(interaction: discord.Interaction[Any], bot: ButtonBot) -> None:
    """Do what a submitted Nudge or Freeze asks for; ignore other interactions."""
    nudge = submitted(interaction, _NUDGE)
    found = nudge or submitted(interaction, _FREEZE)
    if found is None:
        return
    async with Guarded(interaction, "the modal of steering"):
        await defer(interaction)
        with about_job(found["job"]):
            job = await bot.store.job(found["job"])
            if job is None:
                raise GoneError(_(GONE))
            await check_owner_or_moderator(interaction, job, "change")
            await _check(interaction, bot, job)
            kind, field = ("paint", WORDS) if nudge is not None else ("freeze", PLACE)
            text = f"{kind}: {submitted_text(interaction, field)}"
            masks = names_of(job.request.regions)
            await change(interaction, bot, job, parse_change(text, masks))


async def _check(interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob) -> None:
    """Raise BannedError for a banned user, GoneError unless the job is being painted."""
    await check_not_banned(bot.store.people, job.guild_id, str(interaction.user.id))
    check_is_painted(job)


async def change(
    interaction: discord.Interaction[Any],
    bot: ButtonBot,
    job: StoredJob,
    wanted: Mapping[str, Any],
) -> None:
    """Change the picture, or all of its grid, and tell the user; raises BotError, EngineError."""
    origin = origin_of_interaction(interaction, "steering")
    whole = await bot.store.with_grid(job)
    painted = [each.id for each in whole if each.state == "running"]
    if not painted or not await bot.intake.change(origin, job.guild_id, painted, wanted):
        raise GoneError(_("That picture is no longer being painted."))
    await note_act(interaction, bot, job, "change")
    what = change_text(Steer(at=0, **wanted))
    await interaction.edit_original_response(
        content=_("From the next iteration on: {change}", change=what), view=None
    )
