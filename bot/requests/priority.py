"""How much of the queue a request gets: by the member's roles, or only what others leave."""

from __future__ import annotations

from bot.guild.rules import Rules
from bot.host.settings import LimitSettings
from bot.requests.origin import Origin
from data.people import Preferences
from engine.jobs.job import USUAL_SHARE


def share_of(
    origin: Origin,
    mine: Preferences,
    rules: Rules,
    limits: LimitSettings,
    *,
    relax: bool | None = None,
) -> int:
    """Return the share in percent of the usual one; 0 is for a relaxed request.

    What a request says of ``relax`` comes before the member's preference. Of several roles with a
    share, the largest counts. The host may have lowered the maximum since the server set it.
    """
    if mine.relax if relax is None else relax:
        return 0
    by_role = dict(rules.items("share_by_role"))
    shares = [share for role, share in by_role.items() if role in origin.roles]
    return min(max(shares, default=USUAL_SHARE), max(USUAL_SHARE, limits.max_share))
