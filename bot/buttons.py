"""The buttons under a picture. They carry the job's id; the database has everything else.

So they work after a restart, and for ever. discord.py only logs what a dynamic item raises, and
swallows what its `interaction_check` raises: :class:`JobButton` does both within one guard that
answers the person.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Self

import discord

from bot.errors import GoneError, Guarded, describe
from bot.logs import about_job
from bot.permissions import check_bot_may_post, check_owner_or_moderator
from data.stored import StoredJob

if TYPE_CHECKING:
    from bot.client import ImageBot

JOB_ID = r"[0-9a-f]{32}"


class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"(?!)"):
    """The base of all buttons about one job; a subclass says what it is and what it does.

    ``guarded_verb`` is None where anyone may press, else what only the requester and
    moderators may do with the picture ("stop").
    """

    action: ClassVar[str]
    label: ClassVar[str]
    style: ClassVar[discord.ButtonStyle] = discord.ButtonStyle.secondary
    guarded_verb: ClassVar[str | None] = None

    def __init_subclass__(cls, **_: Any) -> None:
        super().__init_subclass__(template=rf"imagine:{cls.action}:(?P<job>{JOB_ID})")

    def __init__(self, job_id: str) -> None:
        super().__init__(discord.ui.Button(
            label=self.label, style=self.style, custom_id=self.custom_id_of(job_id)))
        self.job_id = job_id

    @classmethod
    def custom_id_of(cls, job_id: str) -> str:
        """What Discord sends back when the button is pressed."""
        return f"imagine:{cls.action}:{job_id}"

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction[Any],
                             item: discord.ui.Item[Any], match: re.Match[str], /) -> Self:
        """The button that was pressed, from its id alone."""
        return cls(match["job"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Find the job, check whose it is, act; whatever goes wrong is told to the person."""
        async with Guarded(interaction, f"the button {self.action}"):
            bot: ImageBot = interaction.client
            with about_job(self.job_id):
                job = await bot.store.job(self.job_id)
                if job is None:
                    raise GoneError("That picture was deleted; run /imagine for a new one.")
                if self.guarded_verb is not None:
                    check_owner_or_moderator(interaction, job.person, job.guild_id,
                                             self.guarded_verb)
                await self.act(interaction, bot, job)

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """What the button does. It may raise; it must answer the interaction."""
        raise NotImplementedError  # the base itself is no button


class StopButton(JobButton):
    """Render early: the picture so far becomes the result."""

    action, label = "stop", "Stop"
    guarded_verb = "stop"

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """Tell the worker; the delivery posts what comes."""
        if await bot.queue.stop(job.id):
            text = "Stopping; the picture so far is on its way."
        elif bot.queue.get(job.id) is not None:
            text = "That picture has not begun yet; press Cancel to call it off."
        else:
            text = "That picture is not being painted any more."
        await interaction.response.send_message(text, ephemeral=True)


class CancelButton(JobButton):
    """Call the job off: nothing is posted."""

    action, label = "cancel", "Cancel"
    style = discord.ButtonStyle.danger
    guarded_verb = "cancel"

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """Take it out of the queue, or off the easel."""
        text = ("Cancelled; nothing will be posted." if await bot.queue.cancel(job.id)
                else "That picture is not being painted any more.")
        await interaction.response.send_message(text, ephemeral=True)


class AgainButton(JobButton):
    """The same request with a new seed, as a job of whoever presses."""

    action, label = "again", "Again"

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """Ask anew, without the seed."""
        check_bot_may_post(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await bot.ask(interaction, job.request.changed(seed=None))


class RemixButton(JobButton):
    """The prompt in a modal; what comes back is a job of whoever presses."""

    action, label = "remix", "Remix"

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """Open the modal; nothing is queued until it is sent."""
        from bot.modals import RemixModal

        check_bot_may_post(interaction)
        await interaction.response.send_modal(RemixModal(job.id, job.request.prompt))


class VideoButton(JobButton):
    """The time-lapse, made on demand and posted as a message of its own."""

    action, label = "video", "Video"

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """Have it made; it is posted in the channel, however long that takes."""
        check_bot_may_post(interaction)
        begun = bot.videos.ask(job, str(interaction.user.id), interaction.channel_id,
                               interaction.guild_id)
        text = ("The time-lapse is being made; I post it here when it is done." if begun
                else "That time-lapse is being made already; it will be posted when it is done.")
        await interaction.response.send_message(text, ephemeral=True)


class DeleteButton(JobButton):
    """Forget the picture: its message, its file and its row."""

    action, label = "delete", "Delete"
    style = discord.ButtonStyle.danger
    guarded_verb = "delete"

    async def act(self, interaction: discord.Interaction[Any], bot: ImageBot,
                  job: StoredJob) -> None:
        """First the message, then what it was made from."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await bot.queue.cancel(job.id)
        text = "Deleted."
        if job.result_message_id is not None:
            channel = bot.get_partial_messageable(int(job.channel_id))
            try:
                await channel.get_partial_message(int(job.result_message_id)).delete()
            except discord.NotFound:
                pass  # somebody was quicker
            except discord.HTTPException as error:
                reason = describe(error, "deleting the message")
                text = f"Deleted, but its message is still there: {reason}"
        await bot.store.delete(job.id)
        await interaction.edit_original_response(content=text)


BUTTONS: tuple[type[JobButton], ...] = (StopButton, CancelButton, AgainButton, RemixButton,
                                        VideoButton, DeleteButton)
