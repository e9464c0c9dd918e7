"""/mod: a server's moderators manage the pictures and members of their own server."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.client import ImageBot
from bot.errors import GoneError, Guarded, MissingRightError, SlowError, TermsError
from bot.host.logs import about_job
from bot.language import _, using_language
from bot.moderation.log_lines import REASON_LENGTH, terms_of
from bot.requests.restrictions import parse_duration, timestamp
from bot.requests.rights import (
    check_may_act_on,
    check_may_moderate,
    check_moderates_server,
    moderated_channels,
)
from bot.ui.answers import defer, in_time
from bot.ui.autocomplete import MAX_CHOICES
from bot.ui.feature import Feature
from cogs.moderation._lists import (
    choice_name,
    is_called,
    job_line,
    restriction_line,
    say,
    show_list,
)
from cogs.moderation._purge import PurgeButton, show_preview
from data.jobs.stored import UNFINISHED, StoredJob
from data.people import Act, Kind, LoggedAct, Restriction
from engine.clock import now_ms

SHOWN, LOGGED = 10, 10  # a line with a long reason has about 350 characters
MOST, LAST_PAGE = 1000, 500
Reason = app_commands.Range[str, 1, REASON_LENGTH]


class Moderation(Feature):
    """The commands."""

    bot: ImageBot

    buttons = (PurgeButton,)

    mod = app_commands.Group(
        name="mod",
        description="Moderate this server's pictures and members",
        default_permissions=discord.Permissions(manage_messages=True),
        guild_only=True,
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=False, private_channel=False
        ),
    )

    # Pictures.

    @mod.command(description="Cancel a queued or running picture")
    @app_commands.describe(
        job="Its prompt, its ID, or a link to its message", reason="Why; it is kept in /mod log"
    )
    async def stop(
        self,
        interaction: discord.Interaction[Any],
        job: app_commands.Range[str, 1, 200],
        reason: Reason | None = None,
    ) -> None:
        """Cancel the job; nothing is posted, and its row stays as cancelled."""
        async with Guarded(interaction, "/mod stop"):
            found = await self._find(interaction, job)
            with about_job(found.id):
                if found.state not in UNFINISHED:
                    raise GoneError(
                        _("That picture is no longer in the queue. Use /mod delete to delete it.")
                    )
                await self.bot.removal.end(found.id, unfinished=found.state in UNFINISHED)
                await self._note(interaction, "stop", found, reason)
            await interaction.edit_original_response(
                content=_("Cancelled. Nothing will be posted.")
            )

    @mod.command(description="Delete a picture, its message and its data")
    @app_commands.describe(
        job="Its prompt, its ID, or a link to its message", reason="Why; it is kept in /mod log"
    )
    async def delete(
        self,
        interaction: discord.Interaction[Any],
        job: app_commands.Range[str, 1, 200],
        reason: Reason | None = None,
    ) -> None:
        """Delete a job in any state."""
        async with Guarded(interaction, "/mod delete"):
            found = await self._find(interaction, job)
            with about_job(found.id):
                text = await self.bot.removal.remove(found)
                await self._note(interaction, "delete", found, reason)
            await interaction.edit_original_response(content=text)

    @mod.command(description="Show this server's newest pictures and who made them")
    @app_commands.describe(person="Only this member's pictures")
    async def jobs(
        self, interaction: discord.Interaction[Any], person: discord.User | None = None
    ) -> None:
        """Show a list to the moderator alone."""
        async with Guarded(interaction, "/mod jobs"):
            channels = moderated_channels(interaction)
            await defer(interaction)
            found = await self.bot.store.server_jobs.recent(
                str(interaction.guild_id),
                person=None if person is None else str(person.id),
                channels=channels,
                limit=SHOWN,
            )
            results = await self.bot.store.messages.results_of([job.id for job in found])
            await show_list(
                interaction,
                _("Newest pictures"),
                [job_line(job, results.get(job.id)) for job in found],
                _("Nobody has made a picture here yet."),
            )

    @stop.autocomplete("job")
    async def _unfinished(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return await self._choices(interaction, typed, unfinished=True)

    @delete.autocomplete("job")
    async def _any(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        return await self._choices(interaction, typed, unfinished=False)

    async def _choices(
        self, interaction: discord.Interaction[Any], typed: str, *, unfinished: bool
    ) -> list[app_commands.Choice[str]]:
        try:
            channels = moderated_channels(interaction)
        except MissingRightError:
            return []  # the list has prompts from channels that the user may not see
        guild_id, jobs = str(interaction.guild_id), self.bot.store.server_jobs
        try:
            if unfinished:
                wanted = typed.casefold().strip()
                found = [
                    job
                    for job in await in_time(jobs.unfinished(guild_id, channels))
                    if is_called(job, wanted)
                ]
            else:
                found = await in_time(
                    jobs.recent(guild_id, channels=channels, words=typed.strip(), limit=MAX_CHOICES)
                )
        except SlowError:
            return []
        with using_language(str(interaction.locale)):
            return [
                app_commands.Choice(name=choice_name(job), value=job.id)
                for job in found[:MAX_CHOICES]
            ]

    async def _find(self, interaction: discord.Interaction[Any], text: str) -> StoredJob:
        """Find the job, and check that the user moderates its channel, after acknowledging."""
        moderated_channels(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self.bot.store.server_jobs.find(str(interaction.guild_id), text)
        if found is None:
            raise GoneError(
                _(
                    "I can't find that picture in this server. Choose one from the list, "
                    "or enter its ID or a link to its message."
                )
            )
        await check_may_moderate(interaction, found)
        return found

    async def _note(
        self, interaction: discord.Interaction[Any], act: Act, job: StoredJob, reason: str | None
    ) -> None:
        await self.bot.moderation_log.note(
            LoggedAct(
                str(interaction.guild_id),
                str(interaction.user.id),
                act,
                job.person,
                job.id,
                reason=reason,
            )
        )

    # Members.

    @mod.command(description="Ban a member from making pictures here")
    @app_commands.describe(
        person="The member",
        duration="How long, like 12h, 7d or 2w; leave it empty for permanent",
        reason="Why; it is kept in /mod log",
    )
    async def ban(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        duration: app_commands.Range[str, 1, 40] | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Ban a user; jobs they queued earlier continue."""
        async with Guarded(interaction, "/mod ban"):
            guild_id = check_moderates_server(interaction)
            new = await self._restrict(interaction, guild_id, person, "ban", duration, reason)
            text = (
                _(
                    "{person} is banned from making pictures here. Use /mod unban to lift the ban.",
                    person=person.mention,
                )
                if new.expires_at is None
                else _(
                    "{person} is banned from making pictures here until {when}.",
                    person=person.mention,
                    when=timestamp(new.expires_at),
                )
            )
            await say(interaction, text)

    @mod.command(description="Lift a member's ban")
    @app_commands.describe(person="The member", reason="Why; it is kept in /mod log")
    async def unban(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        reason: Reason | None = None,
    ) -> None:
        """Lift a ban; a limit stays."""
        async with Guarded(interaction, "/mod unban"):
            await self._lift(interaction, person, "ban", reason)

    @mod.command(description="Limit how many pictures a member can make here")
    @app_commands.describe(
        person="The member",
        a_day="Pictures in 24 hours",
        waiting="Pictures in the queue at a time",
        duration="How long, like 12h, 7d or 2w; leave it empty for permanent",
        reason="Why; it is kept in /mod log",
    )
    async def limit(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        a_day: app_commands.Range[int, 1, MOST] | None = None,
        waiting: app_commands.Range[int, 1, MOST] | None = None,
        duration: app_commands.Range[str, 1, 40] | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Set a limit in place of an earlier one; the server's own limits still apply."""
        async with Guarded(interaction, "/mod limit"):
            guild_id = check_moderates_server(interaction)
            if a_day is None and waiting is None:
                raise TermsError(_("Set a_day, waiting or both."))
            new = await self._restrict(
                interaction, guild_id, person, "limit", duration, reason, a_day, waiting
            )
            await say(
                interaction,
                _(
                    "{person} now has a limit here: {limit}.",
                    person=person.mention,
                    limit=terms_of(new),
                ),
            )

    @mod.command(description="Remove a member's limit")
    @app_commands.describe(person="The member", reason="Why; it is kept in /mod log")
    async def unlimit(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        reason: Reason | None = None,
    ) -> None:
        """Lift a limit; a ban stays."""
        async with Guarded(interaction, "/mod unlimit"):
            await self._lift(interaction, person, "limit", reason)

    async def _restrict(
        self,
        interaction: discord.Interaction[Any],
        guild_id: str,
        person: discord.User,
        kind: Kind,
        duration: str | None,
        reason: str | None,
        a_day: int | None = None,
        waiting: int | None = None,
    ) -> Restriction:
        """Ban or limit ``person`` for ``duration``, or without end.

        Raises MissingRightError, TermsError.
        """
        check_may_act_on(interaction, person)
        expires_at = None if duration is None else now_ms() + parse_duration(duration) * 1000
        new = Restriction(
            guild_id,
            str(person.id),
            kind,
            a_day,
            waiting,
            str(interaction.user.id),
            expires_at=expires_at,
        )
        await defer(interaction)
        self.bot.moderation_log.post_act(await self.bot.people.restrict(new, reason))
        return new

    async def _lift(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        kind: Kind,
        reason: str | None,
    ) -> None:
        guild_id = check_moderates_server(interaction)
        check_may_act_on(interaction, person)
        await defer(interaction)
        lifted = await self.bot.people.lift(
            guild_id, str(person.id), kind, str(interaction.user.id), reason
        )
        if lifted is not None:
            self.bot.moderation_log.post_act(lifted)
        texts = {
            ("ban", True): _("{person} can make pictures here again.", person=person.mention),
            ("ban", False): _("{person} isn't banned here.", person=person.mention),
            ("limit", True): _("{person} no longer has a limit here.", person=person.mention),
            ("limit", False): _("{person} has no limit here.", person=person.mention),
        }
        await say(interaction, texts[kind, lifted is not None])

    @mod.command(description="Remove all pictures of a member in this server")
    @app_commands.describe(
        person="The member",
        since="How far back, like 12h, 7d or 2w; leave it empty for all",
        reason="Why; it is kept in /mod log",
    )
    async def purge(
        self,
        interaction: discord.Interaction[Any],
        person: discord.User,
        since: app_commands.Range[str, 1, 40] | None = None,
        reason: Reason | None = None,
    ) -> None:
        """Show how many there are, with a button that removes them."""
        async with Guarded(interaction, "/mod purge"):
            check_moderates_server(interaction)
            check_may_act_on(interaction, person)
            start = None if since is None else now_ms() - parse_duration(since) * 1000
            await defer(interaction)
            await show_preview(interaction, person, start, reason)

    @mod.command(description="Show who is banned or limited here")
    async def bans(self, interaction: discord.Interaction[Any]) -> None:
        """Show the active bans and limits, newest first."""
        async with Guarded(interaction, "/mod bans"):
            guild_id = check_moderates_server(interaction)
            await defer(interaction)
            found = await self.bot.people.restrictions_in(guild_id)
            await show_list(
                interaction,
                _("Bans and limits"),
                [restriction_line(each) for each in found],
                _("Nobody is banned or limited here."),
            )

    @mod.command(description="Show what moderators did here, and when")
    @app_commands.describe(page="Page number; page 1 has the newest actions")
    async def log(
        self, interaction: discord.Interaction[Any], page: app_commands.Range[int, 1, LAST_PAGE] = 1
    ) -> None:
        """Show one page; page 1 has the newest actions."""
        async with Guarded(interaction, "/mod log"):
            guild_id = check_moderates_server(interaction)
            await defer(interaction)
            lines, more = await self.bot.moderation_log.page(guild_id, page, LOGGED)
            if more:
                lines.append("-# " + _("Older: /mod log page:{page}", page=page + 1))
            nothing = (
                _("There are no moderator actions here yet.")
                if page == 1
                else _("There are not that many pages.")
            )
            await show_list(interaction, _("Moderation log"), lines, nothing)


async def setup(bot: ImageBot) -> None:
    """Add the cog; discord.py calls this when it loads the extension."""
    await bot.add_cog(Moderation(bot))
