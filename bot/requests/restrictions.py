"""A server's bans and limits: checked, and explained to the user with their end."""

from __future__ import annotations

import re
from typing import Any

import discord

from bot.errors import BannedError, TermsError
from bot.language import _, plural
from bot.permissions import check_bot_may_post
from bot.requests.channels import guild_id_of
from data.people import HOST, People
from data.store import Store
from engine.clock import DAY_MS, now_ms

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(?:[0-9]{1,6}\s*[mhdw]\s*)+", re.IGNORECASE)
_PART = re.compile(r"([0-9]+)\s*([mhdw])", re.IGNORECASE)
LONGEST_DAYS = 3650


def parse_duration(text: str) -> int:
    """Parse a duration like "7d", "12h", "1d 12h" into seconds; raises TermsError."""
    if _SPAN.fullmatch(text.strip()) is None:
        raise TermsError(_('"{text}" isn\'t a duration; try 30m, 12h, 7d.', text=text[:40]))
    seconds = sum(int(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(text))
    if not 60 <= seconds <= LONGEST_DAYS * 86_400:
        raise TermsError(
            _("Use 1m to {days}d, or leave it empty for permanent.", days=LONGEST_DAYS)
        )
    return seconds


def timestamp(milliseconds: int, style: str = "f") -> str:
    """Format milliseconds since 1970 for Discord, which shows each user their local time."""
    return f"<t:{milliseconds // 1000}:{style}>"


async def check_not_banned(people: People, guild_id: str | None, person: str) -> None:
    """Raise BannedError if the host or the server's moderators banned the user."""
    await check_not_banned_by_host(people, person)
    if guild_id is None:
        return
    ban = (await people.restrictions_of(guild_id, person)).get("ban")
    if ban is not None:
        raise BannedError(_banned(ban.expires_at))


async def check_not_banned_by_host(people: People, person: str) -> None:
    """Raise BannedError if the host banned the user everywhere."""
    ban = (await people.restrictions_of(HOST, person)).get("ban")
    if ban is not None:
        raise BannedError(_("You can't use this bot{until}.", until=_until(ban.expires_at)))


async def check_may_ask(people: People, interaction: discord.Interaction[Any]) -> None:
    """Check that the bot may post here and that the user is not banned.

    Before a modal opens, so that nobody types in vain, and for work that is not a job. Raises
    MissingPermissionError, BannedError.
    """
    check_bot_may_post(interaction)
    await check_not_banned(people, guild_id_of(interaction), str(interaction.user.id))


async def check_restrictions(
    store: Store, guild_id: str | None, person: str, count: int = 1
) -> None:
    """Raise BannedError if the user is banned here or everywhere, or exceeds a moderator's limit.

    ``count`` is how many pictures they ask for.
    """
    await check_not_banned_by_host(store.people, person)
    if guild_id is None:
        return
    found = await store.people.restrictions_of(guild_id, person)
    if "ban" in found:
        raise BannedError(_banned(found["ban"].expires_at))
    limit = found.get("limit")
    if limit is None:
        return
    waiting = (await store.unfinished_of(person)).count(guild_id)
    if limit.waiting is not None and waiting + count > limit.waiting:
        text = (
            _(
                "A moderator limited you to {most} in the queue at a time{until}. Wait for "
                "one to finish.",
                most=_pictures(limit.waiting),
                until=_until(limit.expires_at),
            )
            if waiting >= limit.waiting
            else _(
                "A moderator limited you to {most} in the queue at a time{until}. Ask for fewer.",
                most=_pictures(limit.waiting),
                until=_until(limit.expires_at),
            )
        )
        raise BannedError(text)
    if limit.a_day is not None:
        asked = await store.server_jobs.asked_since(guild_id, person, now_ms() - DAY_MS)
        if len(asked) >= limit.a_day:
            raise BannedError(
                _(
                    "A moderator limited you to {most} a day{until}. You can make the next one "
                    "{when}.",
                    most=_pictures(limit.a_day),
                    until=_until(limit.expires_at),
                    when=timestamp(asked[-limit.a_day] + DAY_MS, "R"),
                )
            )
        if len(asked) + count > limit.a_day:
            raise BannedError(
                _(
                    "A moderator limited you to {most} a day{until}. Ask for fewer.",
                    most=_pictures(limit.a_day),
                    until=_until(limit.expires_at),
                )
            )


def _banned(expires_at: int | None) -> str:
    if expires_at is None:
        return _(
            "You're banned from making pictures in this server. Only its moderators can lift "
            "the ban."
        )
    return _(
        "You're banned from making pictures in this server until {when}.",
        when=timestamp(expires_at),
    )


def _until(expires_at: int | None) -> str:
    return "" if expires_at is None else _(" until {when}", when=timestamp(expires_at))


def _pictures(number: int) -> str:
    return plural("{number} picture", "{number} pictures", number)
