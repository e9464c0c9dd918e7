"""/admin: commands for the bot's host. Every use is checked; hiding them is not enough."""

from __future__ import annotations

import asyncio
import logging
import platform
import secrets
import time
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import GoneError, Guarded, report
from bot.language import _, plural
from bot.language.formatting import duration
from bot.ui.answers import in_time
from bot.ui.card import Card, show
from bot.ui.command_tree import sync
from bot.ui.feature import Feature
from bot.ui.from_custom_id import FromCustomId
from cogs.admin._host import check_host, defer_for_host
from cogs.admin._people import People
from cogs.admin._servers import Servers
from cogs.admin._workers import processes_text, workers_text
from data.sqlite.backup import backups
from engine.tasks import spawn
from engine.version import version

log = logging.getLogger(__name__)

RECENT_DAYS = 7
EMPTY_SECONDS = 1.0
_KEPT = 20  # pending announcements


@dataclass(frozen=True)
class Announcement:
    """A text, and the channel to post it in for each server."""

    text: str
    channels: dict[str, str]


class AnnounceButton(
    FromCustomId,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"imagine:announce:(?P<what>send|drop):(?P<key>[0-9a-f]{16})",
):
    """Sends or discards an announcement."""

    def __init__(self, what: str, key: str) -> None:
        super().__init__(
            discord.ui.Button(
                label=_("Send") if what == "send" else _("Discard"),
                style=(
                    discord.ButtonStyle.danger if what == "send" else discord.ButtonStyle.secondary
                ),
                custom_id=f"imagine:announce:{what}:{key}",
            )
        )
        self.what, self.key = what, key

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Remove the announcement from the pending ones, then send or discard it."""
        async with Guarded(interaction, "the button announce"):
            await in_time(check_host(interaction))  # it may ask Discord
            cog = interaction.client.get_cog(Admin.__cog_name__)
            assert isinstance(cog, Admin)  # it registered this button
            announcement = cog.announcements.pop(self.key, None)
            if announcement is None:
                raise GoneError(
                    _(
                        "That announcement was already sent or discarded, or I've "
                        "restarted since. Use /admin announce again."
                    )
                )
            if self.what == "drop":
                await interaction.response.edit_message(
                    content=_("Discarded. Nothing was sent."), view=None
                )
                return
            await interaction.response.edit_message(content=_("Sending..."), view=None)
            refused = await cog.announce_to(announcement)
            told = len(announcement.channels) - len(refused)
            text = plural(
                "Sent to {told} of {number} server.",
                "Sent to {told} of {number} servers.",
                len(announcement.channels),
                told=told,
            )
            if refused:
                text += "\n" + _("Not sent to: {servers}", servers=", ".join(refused))[:1800]
            await interaction.edit_original_response(content=text)


class Admin(Feature):
    """The commands. ``announcements`` are those that wait for their button, by its key."""

    bot: ImageBot

    admin = app_commands.Group(
        name="admin",
        description="Commands for the bot's host",
        default_permissions=discord.Permissions(administrator=True),
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=False, private_channel=False
        ),
    )

    admin.add_command(People())
    admin.add_command(Servers())

    buttons = (AnnounceButton,)

    def __init__(self, bot: ImageBot) -> None:
        super().__init__(bot)
        self.announcements: dict[str, Announcement] = {}
        self._watching: asyncio.Task[None] | None = None

    async def cog_unload(self) -> None:
        """Undo what :meth:`cog_load` registered."""
        await super().cog_unload()
        if self._watching is not None:
            self._watching.cancel()

    @admin.command(description="Show jobs, queue, servers and versions")
    async def stats(self, interaction: discord.Interaction[Any]) -> None:
        """Show figures about the bot."""
        async with Guarded(interaction, "/admin stats"):
            await defer_for_host(interaction)
            await show(interaction, await self._stats())

    async def _stats(self) -> Card:
        bot = self.bot
        kept = await bot.store.overview.jobs_by_state()
        copies = await asyncio.to_thread(backups, bot.store.folder)
        latency = bot.latency  # not a number before the first heartbeat
        lines = [
            _(
                "imagine-bot {version}, discord.py {discord}, Python {python}; up for {time}",
                version=version(),
                discord=discord.__version__,
                python=platform.python_version(),
                time=duration(time.time() - bot.metrics.started),
            ),
            _(
                "In {servers} on {shards}",
                servers=plural("{number} server", "{number} servers", len(bot.guilds)),
                shards=plural("{number} shard", "{number} shards", len(bot.shards)),
            )
            + (
                _(", gateway latency {ms} ms", ms=round(latency * 1000))
                if 0 <= latency < 600
                else ""
            ),
            self._queue() + (_("; not taking new jobs") if bot.queue.draining else ""),
            _(
                "Stored jobs: {jobs}",
                jobs=", ".join(f"{state} {number}" for state, number in sorted(kept.items()))
                or _("none"),
            ),
            _("No database backup yet")
            if not copies
            else _(
                "Database backups: {number}, newest {when}",
                number=len(copies),
                when=discord.utils.format_dt(copies[0].made, "R"),
            ),
        ]
        card = Card("imagine-bot")
        card.entries(lines)
        return card

    def _queue(self) -> str:
        """Count the jobs, of all processes if there are several."""
        jobs = [job for _position, job in self.bot.queue.positions()]
        running = sum(job.state == "running" for job in jobs)
        text = _(
            "Queue: {running} running, {waiting} waiting",
            running=running,
            waiting=len(jobs) - running,
        )
        if self.bot.processes is None:
            return text
        mine = self.bot.processes.mine()
        return _(
            "{queue} in all processes; {running} running, {waiting} waiting in this one",
            queue=text,
            running=mine.running,
            waiting=mine.waiting,
        )

    @admin.command(description="Show the worker processes")
    async def workers(self, interaction: discord.Interaction[Any]) -> None:
        """Show each worker's process, device, model and memory."""
        async with Guarded(interaction, "/admin workers"):
            await defer_for_host(interaction)
            processes = self.bot.processes
            text = (
                workers_text(self.bot.queue.workers())
                if processes is None
                else processes_text([processes.mine(), *await processes.others()])
            )
            card = Card(_("Workers"))
            card.text(text)
            await show(interaction, card)

    @admin.command(description="Stop taking new jobs and finish the queue before maintenance")
    @app_commands.describe(state="on: stop taking new jobs; off: take new jobs again")
    async def drain(
        self, interaction: discord.Interaction[Any], state: Literal["on", "off"]
    ) -> None:
        """Drain the queue until it is turned off or the bot restarts."""
        async with Guarded(interaction, "/admin drain"):
            await defer_for_host(interaction)
            self.bot.queue.draining = state == "on"
            if self._watching is not None:
                self._watching.cancel()
                self._watching = None
            log.info("Draining is %s", state)
            left = len(self.bot.queue.overview())
            if state == "off":
                text = _("I'm taking new jobs again.")
            elif self.empty:
                text = _("I'm not taking new jobs, and no jobs are left. You can stop me now.")
            else:
                text = plural(
                    "I'm not taking new jobs. {number} job is left; I'll DM you when it's done.",
                    "I'm not taking new jobs. {number} jobs are left; I'll DM you when they're "
                    "done.",
                    left,
                )
                self._watching = spawn(self._say_when_empty(interaction.user), "drain")
            await interaction.edit_original_response(content=text)

    @property
    def empty(self) -> bool:
        """Whether nothing is left to paint or to deliver."""
        return self.bot.queue.idle and not self.bot.delivery.busy

    async def until_empty(self) -> None:
        """Wait until :attr:`empty` is true; no event tells when a delivery has ended."""
        while True:
            if self.empty:
                return
            await asyncio.sleep(EMPTY_SECONDS)

    async def _say_when_empty(self, person: discord.User | discord.Member) -> None:
        await self.until_empty()
        log.warning("The queue is empty and takes no new jobs: the bot can be stopped")
        try:
            await person.send(
                _(
                    "All jobs are painted and delivered, and I'm not taking new ones. "
                    "You can stop me now."
                )
            )
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            report(error, "the message that the queue is empty")

    @admin.command(name="sync", description="Sync the commands with Discord")
    async def sync_commands(self, interaction: discord.Interaction[Any]) -> None:
        """Sync the commands, whether they changed or not."""
        async with Guarded(interaction, "/admin sync"):
            await defer_for_host(interaction)
            number = await sync(self.bot.tree, self.bot.store)
            await interaction.edit_original_response(
                content=plural("Synced {number} command.", "Synced {number} commands.", number)
            )

    @admin.command(
        description="Send an announcement to every server that made a picture in the last week"
    )
    @app_commands.describe(text="What to announce; you get a preview before it's sent")
    async def announce(
        self, interaction: discord.Interaction[Any], text: app_commands.Range[str, 1, 1800]
    ) -> None:
        """Show a preview; the button sends it."""
        async with Guarded(interaction, "/admin announce"):
            await defer_for_host(interaction)
            since = round((time.time() - RECENT_DAYS * 86400) * 1000)
            found = await self.bot.store.overview.last_channels(since)
            channels = {
                guild: channel
                for guild, channel in found.items()
                if self.bot.get_guild(int(guild)) is not None
            }
            if not channels:
                await interaction.edit_original_response(
                    content=_(
                        "No server made a picture in the last {days} days, so there's nobody to "
                        "send this to.",
                        days=RECENT_DAYS,
                    )
                )
                return
            while len(self.announcements) >= _KEPT:
                self.announcements.pop(next(iter(self.announcements)))
            key = secrets.token_hex(8)
            self.announcements[key] = Announcement(text, channels)
            view = discord.ui.View(timeout=None)
            view.add_item(AnnounceButton("send", key))
            view.add_item(AnnounceButton("drop", key))
            await interaction.edit_original_response(
                content=plural(
                    "This goes to {number} server, in the channel of its last picture:",
                    "This goes to {number} servers, each in the channel of its last picture:",
                    len(channels),
                )
                + f"\n>>> {text}",
                view=view,
                allowed_mentions=discord.AllowedMentions.none(),
            )
            # The registered item answers clicks, also after a restart; the view is not needed.
            view.stop()

    async def announce_to(self, announcement: Announcement) -> list[str]:
        """Send the announcement, and return the names of the servers where sending failed."""
        refused = []
        for guild_id, channel_id in announcement.channels.items():
            guild = self.bot.get_guild(int(guild_id))
            channel = self.bot.get_partial_messageable(int(channel_id), guild_id=int(guild_id))
            try:
                await channel.send(
                    announcement.text, allowed_mentions=discord.AllowedMentions.none()
                )
            except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
                report(error, f"the announcement in {channel_id}")
                refused.append(guild_id if guild is None else guild.name)
        log.info(
            "Sent the announcement; servers reached: %d, failed: %d",
            len(announcement.channels) - len(refused),
            len(refused),
        )
        return refused


async def setup(bot: ImageBot) -> None:
    """Add the cog to the host's own server; discord.py calls this when it loads the extension."""
    server = bot.tree.host_server
    if server is None:
        log.info("There is no /admin, because DISCORD_HOST_SERVER is not set")
        return
    await bot.add_cog(Admin(bot), guild=discord.Object(server))
