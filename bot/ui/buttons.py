"""The buttons under a picture. They carry the job's id; the database has everything else.

So they work after a restart, and for ever. discord.py only logs what a dynamic item raises, and
swallows what its `interaction_check` raises: :class:`JobButton` does both within one guard that
answers the person.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Protocol, Self

import discord

from bot.errors import GoneError, Guarded
from bot.host.logs import about_job
from bot.language import _, mark
from bot.permissions import Verb, check_bot_may_post, check_owner_or_moderator
from bot.requests.continuation import continuation_of
from bot.requests.custom_ids import button_id, button_pattern
from bot.requests.intake import Intake
from bot.requests.removal import Removal
from bot.requests.requester import Kind, asked_by
from bot.requests.restrictions import check_interaction_not_banned
from bot.ui.edit_modal import EditModal
from bot.ui.modals import RemixModal
from data.jobs.stored import StoredJob
from data.store import Store
from engine.jobs.queue import PaintQueue


class VideoMaker(Protocol):
    """Makes time-lapses."""

    def ask(self, job: StoredJob, person: str, channel_id: int | None,
            guild_id: int | None) -> bool:
        """Have one made; False where that is being done for this channel already."""


class ButtonBot(Protocol):
    """What the buttons use of the client that they are pressed in."""

    store: Store
    queue: PaintQueue
    intake: Intake
    removal: Removal

    @property
    def videos(self) -> VideoMaker:
        """The time-lapses that are being made."""

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Have what is pressed in any message answered by these."""


class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"(?!)"):
    """The base of all buttons about one job; a subclass says what it is and what it does.

    ``guarded_verb`` is None where anyone may press, else what only the requester and
    moderators may do with the picture ("stop"). ``place`` is the row under a message, each of
    which takes five.
    """

    action: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    guarded_verb: ClassVar[Verb | None] = None
    place: ClassVar[int] = 0

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(template=button_pattern(cls.action))

    def __init__(self, job_id: str) -> None:
        super().__init__(discord.ui.Button(
            label=_(self.label), style=self.style, custom_id=self.custom_id_of(job_id)))
        self.job_id = job_id

    @classmethod
    def custom_id_of(cls, job_id: str) -> str:
        """What Discord sends back when the button is pressed."""
        return button_id(cls.action, job_id)

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction[Any],
                             item: discord.ui.Item[Any], match: re.Match[str], /) -> Self:
        """The button that was pressed, from its id alone."""
        return cls(match["job"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Find the job, check whose it is, act; whatever goes wrong is told to the person."""
        async with Guarded(interaction, f"the button {self.action}"):
            bot: ButtonBot = interaction.client
            with about_job(self.job_id):
                job = await bot.store.job(self.job_id)
                if job is None:
                    raise GoneError(_("That picture was deleted. Use /imagine to paint a new one."))
                if self.guarded_verb is not None:
                    check_owner_or_moderator(interaction, job.person, job.guild_id,
                                             self.guarded_verb)
                await self.act(interaction, bot, job)

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """What the button does. It may raise; it must answer the interaction."""
        raise NotImplementedError  # the base itself is no button


class StopButton(JobButton):
    """Render early: the picture so far becomes the result."""

    action, label = "stop", mark("Stop")
    guarded_verb = "stop"

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Tell the worker; the delivery posts what comes."""
        if await bot.queue.stop(job.id):
            text = _("Stopping. I'll post the picture so far.")
        elif bot.queue.get(job.id) is not None:
            text = _("That picture hasn't started yet. Press Cancel to remove it from the queue.")
        else:
            text = _("That picture is no longer in the queue.")
        await interaction.response.send_message(text, ephemeral=True)


class CancelButton(JobButton):
    """Call the job off: nothing is posted."""

    action, label = "cancel", mark("Cancel")
    style = discord.ButtonStyle.danger
    guarded_verb = "cancel"

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Take it out of the queue, or off the easel."""
        text = (_("Cancelled. Nothing will be posted.") if await bot.queue.cancel(job.id)
                else _("That picture is no longer in the queue."))
        await interaction.response.send_message(text, ephemeral=True)


class AgainButton(JobButton):
    """The same request with a new seed, as a job of whoever presses."""

    action, label = "again", mark("Again")

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Ask anew, without the seed."""
        check_bot_may_post(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await bot.intake.ask(asked_by(interaction), job.request.with_values(seed=None))


class RemixButton(JobButton):
    """The prompt in a modal; what comes back is a job of whoever presses."""

    action, label = "remix", mark("Remix")

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Open the modal; nothing is queued until it is sent."""
        check_bot_may_post(interaction)
        await check_interaction_not_banned(bot.store.people, interaction)
        await interaction.response.send_modal(RemixModal(job.id, job.request.prompt))


class ContinueButton(JobButton):
    """More iterations from the very state it ended in, as a job of whoever presses."""

    action, label = "continue", mark("Continue")

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Ask for what is left or, of a finished one, for as much again."""
        check_bot_may_post(interaction)
        continuation = continuation_of(job)
        await interaction.response.defer(ephemeral=True, thinking=True)
        kind: Kind = "imagine" if job.request.init_image is None else "edit"
        await bot.intake.ask(asked_by(interaction, kind), continuation.request,
                      continues=continuation)


class EditButton(JobButton):
    """The picture as a start; what the modal says is a job of whoever presses."""

    action, label = "edit", mark("Edit")

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Open the modal; nothing is queued until it is sent."""
        check_bot_may_post(interaction)
        await check_interaction_not_banned(bot.store.people, interaction)
        if not job.is_painted:
            raise GoneError(_("There's no finished picture to edit. Press Again to paint one."))
        await interaction.response.send_modal(EditModal("job", job.id))


class VideoButton(JobButton):
    """The time-lapse, made on demand and posted as a message of its own."""

    action, label = "video", mark("Video")
    place = 1

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Have it made; it is posted in the channel, however long that takes."""
        check_bot_may_post(interaction)
        # It is no job that the gates would see.
        await check_interaction_not_banned(bot.store.people, interaction)
        begun = bot.videos.ask(job, str(interaction.user.id), interaction.channel_id,
                               interaction.guild_id)
        text = (_("I'm making the time-lapse. I'll post it here when it's done.") if begun else
                _("I'm already making that time-lapse. I'll post it when it's done."))
        await interaction.response.send_message(text, ephemeral=True)


class KeepButton(JobButton):
    """Spare the picture when the disk is full, or no longer."""

    action, label = "keep", mark("Keep")
    place = 1
    guarded_verb = "keep"

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """Turn the mark over, and say how it is now."""
        kept = not await bot.store.quota.is_kept(job.id)
        await bot.store.quota.keep(job.id, kept)
        text = (_("Kept. This picture stays when old ones are deleted to free up space. Press Keep "
                  "again to undo.") if kept else
                _("No longer kept. This picture can be deleted to free up space."))
        await interaction.response.send_message(text, ephemeral=True)


class DeleteButton(JobButton):
    """Forget the picture: its message, its file and its row."""

    action, label = "delete", mark("Delete")
    place = 1
    style = discord.ButtonStyle.danger
    guarded_verb = "delete"

    async def act(self, interaction: discord.Interaction[Any], bot: ButtonBot,
                  job: StoredJob) -> None:
        """First the message, then what it was made from."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(content=await bot.removal.remove(job))


BUTTONS: tuple[type[JobButton], ...] = (StopButton, CancelButton, AgainButton, RemixButton,
                                        ContinueButton, EditButton, VideoButton, KeepButton,
                                        DeleteButton)


def add_buttons(bot: ButtonBot) -> None:
    """Have the buttons under all pictures answered, also those of before a restart."""
    bot.add_dynamic_items(*BUTTONS)
