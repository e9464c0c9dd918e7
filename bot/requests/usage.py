"""A server's limits per member: in the queue, per day, and the cooldown."""

from __future__ import annotations

from collections.abc import Collection

from bot.errors import LimitError
from bot.guild.rules import Rules
from bot.language import _, plural
from bot.language.formatting import duration
from bot.requests.limits import check_room
from bot.requests.restrictions import timestamp
from data.guilds import Usage
from engine.clock import DAY_MS


def jobs_a_day(rules: Rules, roles: Collection[str]) -> int | None:
    """Return how many jobs in 24 hours a member with these roles can queue; None is unlimited.

    The most generous limit counts: everyone's, or one of the member's roles'.
    """
    by_role = dict(rules.items("jobs_a_day_by_role"))
    allowed = [number for role, number in by_role.items() if role in roles]
    everyone = rules.value("jobs_a_day")
    if everyone is None:
        # If only roles have a limit, it applies to members with such a role.
        return max(allowed) if allowed else None
    return max([everyone, *allowed])


def check_usage(
    rules: Rules, roles: Collection[str], usage: Usage, waiting: int, now: int, count: int = 1
) -> None:
    """Raise LimitError if ``count`` more pictures exceed one of the server's limits for a member.

    ``waiting`` is the number of their jobs in the queue of the server; ``now`` is in milliseconds.
    Pictures that are asked for together have one cooldown.
    """
    most = rules.value("jobs_waiting")
    if waiting >= most:
        raise LimitError(
            plural(
                "You already have {number} picture in the queue, and this server allows {most}. "
                "Wait for it or cancel it.",
                "You already have {number} pictures in the queue, and this server allows "
                "{most}. Wait for one or cancel one.",
                waiting,
                most=most,
            )
        )
    check_room(most, waiting, count)
    a_day = jobs_a_day(rules, roles)
    if a_day == 0:
        raise LimitError(
            _("You can't make pictures in this server. Its moderators can change that.")
        )
    if a_day is not None and usage.jobs >= a_day:
        raise LimitError(
            plural(
                "You've made {number} picture in the last 24 hours, and this server allows "
                "{most}. You can make the next one {when}.",
                "You've made {number} pictures in the last 24 hours, and this server allows "
                "{most}. You can make the next one {when}.",
                usage.jobs,
                most=a_day,
                when=timestamp((usage.oldest or now) + DAY_MS, "R"),
            )
        )
    if a_day is not None and usage.jobs + count > a_day:
        raise LimitError(
            plural(
                "You asked for {count} pictures, and this server allows {number} more today. Ask "
                "for fewer.",
                "You asked for {count} pictures, and this server allows {number} more today. Ask "
                "for fewer.",
                a_day - usage.jobs,
                count=count,
            )
        )
    cooldown = rules.value("cooldown")
    if usage.newest is not None and now < usage.newest + cooldown * 1000:
        raise LimitError(
            _(
                "Slow down! This server has a cooldown of {cooldown}. Try again {when}.",
                cooldown=duration(cooldown),
                when=timestamp(usage.newest + cooldown * 1000, "R"),
            )
        )
