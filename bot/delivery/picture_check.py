"""Checking finished pictures against the server's list of concepts.

The perceptor scores the picture for each concept (see engine.painting.concepts); a score at or
above the concept's threshold is a finding. "withhold" also acts if a picture could not be scored,
so that a failed check lets nothing through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.delivery.messages import Text
from bot.guild.concepts import MAX_LENGTH
from bot.guild.rules import Rules
from bot.language import _
from bot.language.formatting import escape
from data.jobs.stored import StoredJob
from data.picture_checks import Action, Finding, PictureChecks
from engine.events import Done, Failed

_STRENGTH: dict[Action, int] = {"warn": 0, "spoiler": 1, "withhold": 2}


@dataclass(frozen=True)
class Verdict:
    """The findings in one picture."""

    findings: tuple[Finding, ...] = ()

    @property
    def action(self) -> Action | None:
        """The strictest action among the findings."""
        return max(
            (found.action for found in self.findings), key=_STRENGTH.__getitem__, default=None
        )

    def marked(self, text: Text) -> Text:
        """Return the result's message, with a note about the findings."""
        if not self.findings:
            return text
        names = ", ".join(f"||{escape(found.concept, MAX_LENGTH)}||" for found in self.findings)
        embed = text.embed.copy().add_field(
            name=_("Picture check"),
            inline=False,
            value=_(
                "This picture may show {concepts}, which this server doesn't allow. Moderators "
                "can see this in /mod log.",
                concepts=names,
            )[:1024],
        )
        return replace(text, embed=embed)


def wanted_scores(rules: Rules) -> list[str]:
    """Return the concepts that the server's pictures are scored for."""
    return [concept for concept, entry in _entries(rules).items() if entry["action"] != "off"]


def strictest_action(rules: Rules) -> Action | None:
    """Return the strictest action possible, which previews already follow."""
    actions: list[Action] = [
        entry["action"] for entry in _entries(rules).values() if entry["action"] != "off"
    ]
    return max(actions, key=_STRENGTH.__getitem__, default=None)


def previews_can_stay(rules: Rules) -> bool:
    """Whether previews, which are not scored, may be shown next to the finished picture."""
    return strictest_action(rules) in (None, "warn")


def judge(rules: Rules, job: StoredJob, scores: Mapping[str, float]) -> Verdict:
    """Return the findings for these scores, by the server's list."""
    found = []
    for concept, entry in _entries(rules).items():
        score = scores.get(concept)
        if entry["action"] == "off" or job.guild_id is None:
            continue
        if entry["action"] == "withhold" if score is None else score >= entry["threshold"]:
            found.append(Finding(job.guild_id, job.id, job.person, concept, score, entry["action"]))
    return Verdict(tuple(found))


def _entries(rules: Rules) -> Mapping[str, Any]:
    return rules.items("concepts") or {}


async def check_picture(
    checks: PictureChecks, rules: Rules, job: StoredJob, done: Done
) -> tuple[Done | Failed, Verdict]:
    """Judge a finished picture, log the findings, and withhold it if necessary.

    Returns the event to deliver in place of ``done``. Raises StoreError.
    """
    verdict = judge(rules, job, done.scores)
    if verdict.action == "withhold":
        scored = any(
            found.score is not None for found in verdict.findings if found.action == "withhold"
        )
        reason = (
            _(
                "This picture was withheld because it seems to show something that this server "
                "doesn't allow. Moderators can see what. Try another prompt."
            )
            if (scored)
            else _(
                "This picture was withheld because I couldn't check it for things that "
                "this server doesn't allow. Try again, or ask a moderator."
            )
        )
        if await checks.withhold(job.id, verdict.findings, reason):
            return Failed(reason), Verdict()
    elif verdict.findings:
        await checks.add(verdict.findings)
    return done, verdict
