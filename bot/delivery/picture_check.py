"""Whether a finished picture shows what its server does not want to see, and what is done then.

The perceptor scores the picture for each concept of the server's list (see
engine.painting.concepts); a score from the concept's threshold on is a finding. "withhold" also
holds where a picture could not be scored: a check that fails lets nothing through.
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
    """What was found in one picture."""

    findings: tuple[Finding, ...] = ()

    @property
    def action(self) -> Action | None:
        """The strongest that a finding asks for."""
        return max((found.action for found in self.findings), key=_STRENGTH.__getitem__,
                   default=None)

    def marked(self, text: Text) -> Text:
        """The result's message, with a note for those who see it."""
        if not self.findings:
            return text
        names = ", ".join(f"||{escape(found.concept, MAX_LENGTH)}||" for found in self.findings)
        embed = text.embed.copy().add_field(name=_("Picture check"), inline=False, value=_(
            "This picture may show {concepts}, which this server doesn't allow. Moderators can see "
            "this in /mod log.", concepts=names)[:1024])
        return replace(text, embed=embed)


def wanted_scores(rules: Rules) -> list[str]:
    """The concepts that pictures of the server are to be scored for."""
    return [concept for concept, entry in _entries(rules).items() if entry["action"] != "off"]


def strongest_possible(rules: Rules) -> Action | None:
    """What may happen to a picture, and so is to be done about its previews already."""
    actions: list[Action] = [entry["action"] for entry in _entries(rules).values()
                             if entry["action"] != "off"]
    return max(actions, key=_STRENGTH.__getitem__, default=None)


def judge(rules: Rules, job: StoredJob, scores: Mapping[str, float]) -> Verdict:
    """What the server's list says of these scores."""
    found = []
    for concept, entry in _entries(rules).items():
        score = scores.get(concept)
        if entry["action"] == "off" or job.guild_id is None:
            continue
        if entry["action"] == "withhold" if score is None else score >= entry["threshold"]:
            found.append(Finding(job.guild_id, job.id, job.person, concept, score,
                                 entry["action"]))
    return Verdict(tuple(found))


def _entries(rules: Rules) -> Mapping[str, Any]:
    return rules.items("concepts") or {}


async def check_picture(checks: PictureChecks, rules: Rules, job: StoredJob,
                        done: Done) -> tuple[Done | Failed, Verdict]:
    """Judge a finished picture, log what was found, and withhold it where that is to be.

    The ending is to be delivered in place of ``done``. Raises StoreError.
    """
    verdict = judge(rules, job, done.scores)
    if verdict.action == "withhold":
        scored = any(found.score is not None for found in verdict.findings
                     if found.action == "withhold")
        reason = _("This picture was withheld because it seems to show something that this server "
                   "doesn't allow. Moderators can see what. Try another prompt.") if (
            scored) else _("This picture was withheld because I couldn't check it for things that "
                           "this server doesn't allow. Try again, or ask a moderator.")
        if await checks.withhold(job.id, verdict.findings, reason):
            return Failed(reason), Verdict()
    elif verdict.findings:
        await checks.add(verdict.findings)
    return done, verdict
