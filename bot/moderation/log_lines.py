"""The texts of the moderators' log."""

from __future__ import annotations

from bot.language import _, plural
from bot.language.formatting import escape
from bot.requests.restrictions import timestamp
from data.people import LoggedAct, Restriction
from data.picture_checks import Finding
from data.privacy.alias import is_alias

REASON_LENGTH = 200


def who(person: str | None) -> str:
    """Return a mention, or words for a user who deleted their data."""
    if person is None or is_alias(person):
        return _("someone who deleted their data")
    return f"<@{person}>"


def terms_of(limit: Restriction | LoggedAct) -> str:
    """Describe the terms of a ban or limit: its numbers, and when it ends."""
    terms = []
    if limit.a_day is not None:
        terms.append(plural("{number} picture a day", "{number} pictures a day", limit.a_day))
    if limit.waiting is not None:
        terms.append(
            plural(
                "{number} picture in the queue at a time",
                "{number} pictures in the queue at a time",
                limit.waiting,
            )
        )
    if limit.expires_at is not None:
        terms.append(_("until {when}", when=timestamp(limit.expires_at)))
    return ", ".join(terms)


def finding_line(found: Finding) -> str:
    """Describe a finding: the concept, whose picture it is, and what was done."""
    done = {
        "warn": _("posted with a warning"),
        "spoiler": _("posted behind a spoiler"),
        "withhold": _("not posted"),
    }[found.action]
    score = _("not scored") if found.score is None else _("score {score:.2f}", score=found.score)
    return (
        f"{timestamp(found.created_at, 'R')} · "
        + _(
            "picture check: {concept} in a picture by {person}",
            concept=f"||{escape(found.concept, 60)}||",
            person=who(found.person),
        )
        + f" `{found.job_id[:8]}` ({score}; {done})"
    )


def act_line(act: LoggedAct) -> str:
    """Describe an action: by which moderator, on which user, when and why."""
    people = {"moderator": who(act.moderator), "person": who(act.person)}
    done = {
        "stop": _("{moderator} cancelled a picture by {person}", **people),
        "finish": _("{moderator} stopped a picture by {person} early", **people),
        "change": _("{moderator} changed a picture by {person} while it was painted", **people),
        "delete": _("{moderator} deleted a picture by {person}", **people),
        "ban": _("{moderator} banned {person}", **people),
        "unban": _("{moderator} unbanned {person}", **people),
        "limit": _("{moderator} limited {person}", **people),
        "unlimit": _("{moderator} removed the limit for {person}", **people),
        "purge": plural(
            "{moderator} removed {number} picture by {person}",
            "{moderator} removed {number} pictures by {person}",
            act.pictures or 0,
            **people,
        ),
        "report": _("{moderator} reported a picture by {person}", **people),
        "style": _("{moderator} added a style of the server", **people),
        "restyle": _("{moderator} changed a style of the server", **people),
        "unstyle": _("{moderator} removed a style of the server", **people),
    }[act.act]
    terms = terms_of(act)
    job = "" if act.job_id is None else f" `{act.job_id[:8]}`"
    reason = "" if act.reason is None else f": {escape(act.reason, REASON_LENGTH)}"
    return f"{timestamp(act.created_at, 'R')} · {done}{job}{f' ({terms})' if terms else ''}{reason}"
