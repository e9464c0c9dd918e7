"""The buttons under a picture. Each carries a job's id; the state is in the database.

So they keep working after a restart. discord.py only logs what a dynamic item raises, and swallows
what its `interaction_check` raises: :class:`JobButton` runs both inside one guard that answers the
user.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import discord

from bot.errors import GoneError, Guarded
from bot.host.logs import about_job
from bot.language import _, mark
from bot.language.formatting import link_to
from bot.moderation.log import ModerationLog
from bot.permissions import Verb, check_bot_may_post
from bot.requests.asking import Asking
from bot.requests.continuation import continuation_of
from bot.requests.custom_ids import button_id, button_pattern
from bot.requests.deletions import Deletions
from bot.requests.intake import Intake
from bot.requests.origin import Origin, origin_of_interaction, shown_like
from bot.requests.removal import Removal
from bot.requests.removed import check_not_removed
from bot.requests.restrictions import check_may_ask, check_not_banned
from bot.requests.rights import check_may_see, check_owner_or_moderator
from bot.requests.time_lapse import time_lapse_of
from bot.ui.answers import defer, in_time
from bot.ui.edit_modal import EditModal
from bot.ui.from_custom_id import FromCustomId
from bot.ui.modals import RemixModal
from data.jobs.stored import UNFINISHED, StoredJob
from data.people import Act, LoggedAct
from data.store import Store
from engine.jobs.queue import PaintQueue

GONE = mark("That picture was deleted. Use /imagine to paint a new one.")


class ButtonBot(Protocol):
    """What the buttons use of the client."""

    store: Store
    queue: PaintQueue
    intake: Intake
    removal: Removal
    moderation_log: ModerationLog
    deletions: Deletions

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Handle clicks on these buttons in any message."""


class JobButton(FromCustomId, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"(?!)"):
    """The base of all buttons about one job; a subclass defines its look and its action.

    ``guarded_verb`` is None if anyone may press the button; otherwise it names an action that only
    the requester and moderators may take. ``place`` is the row under the message; a row has five
    buttons at most.
    """

    action: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    guarded_verb: ClassVar[Verb | None] = None
    opens_modal: ClassVar[bool] = False
    place: ClassVar[int] = 0

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(template=button_pattern(cls.action))

    def __init__(self, job_id: str) -> None:
        super().__init__(
            discord.ui.Button(
                label=_(self.label), style=self.style, custom_id=self.custom_id_of(job_id)
            )
        )
        self.job_id = job_id

    @classmethod
    def custom_id_of(cls, job_id: str) -> str:
        """Return the custom id that Discord sends when the button is pressed."""
        return button_id(cls.action, job_id)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Find the job, check whose it is, and act; errors are answered."""
        async with Guarded(interaction, f"the button {self.action}"):
            bot: ButtonBot = interaction.client
            with about_job(self.job_id):
                if self.opens_modal:
                    job = await in_time(bot.store.job(self.job_id))
                else:
                    await defer(interaction)
                    job = await bot.store.job(self.job_id)
                if job is None:
                    raise GoneError(_(GONE))
                if self.guarded_verb is None:
                    check_may_see(interaction, job)
                else:
                    await check_owner_or_moderator(interaction, job, self.guarded_verb)
                await self.act(interaction, bot, job)

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Do what the button does. It may raise.

        It must edit the deferred answer, or open the modal.
        """
        raise NotImplementedError  # subclasses implement it


class StopButton(JobButton):
    """Ends painting early: the picture so far becomes the result."""

    action, label = "stop", mark("Stop")
    guarded_verb = "stop"

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Tell the worker; the delivery posts the result."""
        if await bot.queue.stop(job.id):
            await _note(interaction, bot, job, "finish")
            text = _("Stopping. I'll post the picture so far.")
        elif job.state in UNFINISHED:
            text = _("That picture hasn't started yet. Press Cancel to remove it from the queue.")
        else:
            text = _("That picture is no longer in the queue.")
        await interaction.edit_original_response(content=text)


class CancelButton(JobButton):
    """Cancels the job: nothing is posted."""

    action, label = "cancel", mark("Cancel")
    style = discord.ButtonStyle.danger
    guarded_verb = "cancel"

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Cancel the job, whether it is queued or running."""
        if await bot.queue.cancel(job.id):
            await _note(interaction, bot, job, "stop")
            text = _("Cancelled. Nothing will be posted.")
        else:
            text = _("That picture is no longer in the queue.")
        await interaction.edit_original_response(content=text)


class AgainButton(JobButton):
    """Queues the same request with a new seed, as a job of the user who presses.

    For a time-lapse, it queues the time-lapse again.
    """

    action, label = "again", mark("Again")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Queue the request without its seed."""
        check_bot_may_post(interaction)
        origin = shown_like(origin_of_interaction(interaction, "button again"), job)
        if job.time_lapse_of is None:
            asking = Asking(origin, job.request.with_values(seed=None))
        else:
            shown = await bot.store.job(job.time_lapse_of)
            if shown is None:
                raise GoneError(_(GONE))
            asking = await _asking_for_time_lapse(interaction, bot, origin, shown)
        await bot.intake.ask(asking)


class RemixButton(JobButton):
    """Opens the prompt in a modal; the result is a job of the user who presses."""

    action, label = "remix", mark("Remix")
    opens_modal = True

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Open the modal; nothing is queued until it is submitted."""
        await in_time(check_may_ask(bot.store.people, interaction))
        request = job.request
        modal = RemixModal(job.id, request.prompt, required=not (request.like or request.noise))
        await interaction.response.send_modal(modal)


class ContinueButton(JobButton):
    """Paints more iterations from the saved state, as a job of the user who presses."""

    action, label = "continue", mark("Continue")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Queue the iterations that were left or, for a finished picture, as many again."""
        check_bot_may_post(interaction)
        await _check_picture(interaction, bot, job)
        continuation = continuation_of(job)
        await bot.intake.ask(
            Asking(
                shown_like(origin_of_interaction(interaction, "button continue"), job),
                continuation.request,
                continues=continuation,
            )
        )


class EditButton(JobButton):
    """Starts an edit from the picture, as a job of the user who presses."""

    action, label = "edit", mark("Edit")
    opens_modal = True

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Open the modal; nothing is queued until it is submitted."""
        await in_time(check_may_ask(bot.store.people, interaction))
        check_not_removed(job)
        if not job.is_painted:
            raise GoneError(_("There's no finished picture to edit. Press Again to paint one."))
        await interaction.response.send_modal(EditModal("job", job.id))


class VideoButton(JobButton):
    """Queues the time-lapse, as a job of the user who presses."""

    action, label = "video", mark("Video")
    place = 1

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Queue it; it is posted in the channel as a message of its own."""
        check_bot_may_post(interaction)
        origin = shown_like(origin_of_interaction(interaction, "button video"), job)
        await bot.intake.ask(await _asking_for_time_lapse(interaction, bot, origin, job))


async def _check_picture(
    interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
) -> None:
    """Raise GoneError if the message with the job's picture was deleted."""
    message = interaction.message
    await bot.deletions.check(job, None if message is None else message.id)


async def _asking_for_time_lapse(
    interaction: discord.Interaction[Any], bot: ButtonBot, origin: Origin, job: StoredJob
) -> Asking:
    """Raises GoneError if the job has no finished picture."""
    await _check_picture(interaction, bot, job)
    shows = time_lapse_of(job)
    return Asking(origin, shows.request, shows=shows)


class KeepButton(JobButton):
    """Protects the picture from deletion when disk space runs out, or no longer."""

    action, label = "keep", mark("Keep")
    place = 1
    guarded_verb = "keep"

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Toggle the mark, and tell the user."""
        kept = not await bot.store.quota.is_kept(job.id)
        await bot.store.quota.keep(job.id, kept)
        text = (
            _(
                "Kept. This picture stays when old ones are deleted to free up space. Press Keep "
                "again to undo."
            )
            if kept
            else _("No longer kept. This picture can be deleted to free up space.")
        )
        await interaction.edit_original_response(content=text)


class DeleteButton(JobButton):
    """Deletes the picture: its message, file and row."""

    action, label = "delete", mark("Delete")
    place = 1
    style = discord.ButtonStyle.danger
    guarded_verb = "delete"

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Delete the message first, then the rest."""
        text = await bot.removal.remove(job)
        await _note(interaction, bot, job, "delete")
        await interaction.edit_original_response(content=text)


class ReportButton(JobButton):
    """Reports the picture to the server's moderators, once for each member."""

    action, label = "report", mark("Report")
    place = 1

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Log it, and post it to the log channel with a link and a Delete button."""
        person = str(interaction.user.id)
        if job.guild_id is None:
            raise GoneError(_("There are no moderators here. Press Delete instead."))
        await check_not_banned(bot.store.people, job.guild_id, person)
        if not await bot.store.people.has_reported(person, job.id):
            act = LoggedAct(job.guild_id, person, "report", job.person, job.id)
            result = (await bot.store.messages.results_of([job.id])).get(job.id)
            view = discord.ui.View(timeout=None)
            view.add_item(DeleteButton(job.id))
            await bot.moderation_log.report(act, link_to(result), view)
            view.stop()
        await interaction.edit_original_response(
            content=_("Reported. The moderators of this server can see it.")
        )


async def _note(
    interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob, act: Act
) -> None:
    """Log what a moderator does to another person's picture."""
    person = str(interaction.user.id)
    if job.person != person and job.guild_id is not None:
        await bot.moderation_log.note(LoggedAct(job.guild_id, person, act, job.person, job.id))


BUTTONS: tuple[type[JobButton], ...] = (
    StopButton,
    CancelButton,
    AgainButton,
    RemixButton,
    ContinueButton,
    EditButton,
    VideoButton,
    KeepButton,
    DeleteButton,
    ReportButton,
)


def add_buttons(bot: ButtonBot) -> None:
    """Handle clicks on the buttons under all pictures, also those posted before a restart."""
    bot.add_dynamic_items(*BUTTONS)
