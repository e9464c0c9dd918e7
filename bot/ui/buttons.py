"""The buttons under a picture, and under the message about a job."""

from __future__ import annotations

from typing import Any

import discord

from bot.errors import GoneError
from bot.language import _, mark
from bot.language.formatting import link_to
from bot.permissions import check_bot_may_post
from bot.requests.asking import Asking
from bot.requests.changes import words_of
from bot.requests.continuation import continuation_of
from bot.requests.origin import Origin, origin_of_interaction, shown_like
from bot.requests.removed import check_not_removed
from bot.requests.restrictions import check_not_banned
from bot.requests.rights import check_may_moderate
from bot.requests.time_lapse import time_lapse_of
from bot.ui.answers import in_time
from bot.ui.edit_modal import EditModal
from bot.ui.job_button import GONE, ButtonBot, JobButton, note_act
from bot.ui.modals import RemixModal
from bot.ui.style_field import styles_to_ask_with
from data.jobs.stored import UNFINISHED, StoredJob
from data.people import LoggedAct
from engine.request.limits import max_length


class StopButton(JobButton):
    """Ends painting early: the picture so far becomes the result."""

    action, label = "stop", mark("Stop")
    guarded_verb = "stop"

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Tell the worker; the delivery posts the result."""
        whole = await bot.store.with_grid(job)
        stopped = [await bot.queue.stop(each.id) for each in whole]
        if any(stopped):
            for each, was_running in zip(whole, stopped, strict=True):
                if not was_running and each.state in UNFINISHED:  # of a grid, not begun yet
                    await bot.queue.cancel(each.id)
            await note_act(interaction, bot, job, "finish")
            text = _("Stopping. I'll post the picture so far.")
        elif any(each.state in UNFINISHED for each in whole):
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
        if any([await bot.queue.cancel(each.id) for each in await bot.store.with_grid(job)]):
            await note_act(interaction, bot, job, "stop")
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


class GridAgainButton(JobButton):
    """Queues as many pictures again with new seeds, as jobs of the user who presses."""

    action, label = "gridagain", mark("Again")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Queue the request of the grid without its seeds."""
        check_bot_may_post(interaction)
        origin = shown_like(origin_of_interaction(interaction, "button again"), job)
        count = len(await bot.store.with_grid(job))
        await bot.intake.ask(Asking(origin, job.request.with_values(seed=None, count=count)))


class RemixButton(JobButton):
    """Opens the prompt in a modal; the result is a job of the user who presses."""

    action, label = "remix", mark("Remix")
    opens_modal = True

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Open the modal; nothing is queued until it is submitted."""
        request, styles = job.request, await styles_to_ask_with(interaction, bot)
        modal = RemixModal(
            job.id,
            await self.text(bot, job),
            styles=styles,
            required=not (request.like or request.noise),
        )
        await interaction.response.send_modal(modal)

    async def text(self, bot: ButtonBot, job: StoredJob) -> str:
        """Return what stands in the modal at first."""
        return words_of(job.request)


class GridRemixButton(RemixButton):
    """Opens the prompt of a grid in a modal, for as many pictures."""

    action, label = "gridremix", mark("Remix")

    async def text(self, bot: ButtonBot, job: StoredJob) -> str:
        """Return the prompt, with the number of pictures."""
        flag = f" --count {len(await in_time(bot.store.with_grid(job)))}"
        return words_of(job.request)[: max_length("prompt") - len(flag)] + flag


class ContinueButton(JobButton):
    """Paints more iterations from the saved state, as a job of the user who presses."""

    action, label = "continue", mark("Continue")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Queue the iterations that were left or, for a finished picture, as many again."""
        check_bot_may_post(interaction)
        await bot.deletions.check(job, interaction.message)
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
        styles = await styles_to_ask_with(interaction, bot)
        check_not_removed(job)
        if not job.is_painted:
            raise GoneError(_("There's no finished picture to edit. Press Again to paint one."))
        await interaction.response.send_modal(EditModal("job", job.id, styles))


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


async def _asking_for_time_lapse(
    interaction: discord.Interaction[Any], bot: ButtonBot, origin: Origin, job: StoredJob
) -> Asking:
    """Raises GoneError if the job has no finished picture."""
    await bot.deletions.check(job, interaction.message)
    shows = time_lapse_of(job)
    return Asking(origin, shows.request, shows=shows)


class FavouriteButton(JobButton):
    """Makes the picture one of the favourites of the user who presses, or no longer."""

    action, label = "favourite", mark("Favourite")
    place = 1

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Toggle the mark, and tell the user alone."""
        check_not_removed(job)
        if await bot.store.history.toggle_favourite(str(interaction.user.id), job.id):
            text = _("Added to your favourites. Find them with /history, as a kind.")
        else:
            text = _("No longer one of your favourites.")
        await interaction.edit_original_response(content=text)


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
        """Delete it, and tell the user."""
        text = await self.remove(bot, job)
        await note_act(interaction, bot, job, "delete")
        await interaction.edit_original_response(content=text)

    async def remove(self, bot: ButtonBot, job: StoredJob) -> str:
        """Delete the message first, then the rest; return what to tell."""
        return await bot.removal.remove(job)


class GridDeleteButton(DeleteButton):
    """Deletes all pictures of a grid, and their message."""

    action, label = "griddelete", mark("Delete")

    async def remove(self, bot: ButtonBot, job: StoredJob) -> str:
        """Delete them one after the other; the message goes with the first."""
        answers = [await bot.removal.remove(each) for each in await bot.store.with_grid(job)]
        return answers[0]


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
            view.add_item((DeleteButton if job.grid is None else GridDeleteButton)(job.id))
            view.add_item(ShowAgainButton(job.id))
            await bot.moderation_log.report(act, link_to(result), view)
            view.stop()
            await bot.starboard.hide(job)
        await interaction.edit_original_response(
            content=_("Reported. The moderators of this server can see it.")
        )


class ShowAgainButton(JobButton):
    """Lets a reported picture back into the gallery and the starboard, for moderators."""

    action, label = "showagain", mark("Show again")

    async def act(
        self, interaction: discord.Interaction[Any], bot: ButtonBot, job: StoredJob
    ) -> None:
        """Let it in; the next star posts it in the starboard again."""
        await check_may_moderate(interaction, job)
        await bot.starboard.hide(job, hidden=False)
        await interaction.edit_original_response(
            content=_("The gallery shows it again, and so does the starboard after the next star.")
        )


BUTTONS: tuple[type[JobButton], ...] = (
    StopButton,
    CancelButton,
    AgainButton,
    GridAgainButton,
    RemixButton,
    GridRemixButton,
    ContinueButton,
    EditButton,
    VideoButton,
    FavouriteButton,
    KeepButton,
    DeleteButton,
    GridDeleteButton,
    ReportButton,
    ShowAgainButton,
)


def add_buttons(bot: ButtonBot) -> None:
    """Handle clicks on the buttons under all pictures, also those posted before a restart."""
    bot.add_dynamic_items(*BUTTONS)
