"""What a server does not want to see in pictures: the list, and what is done about a picture.

The perceptor scores the finished picture for each concept of the list (engine.painting.concepts); a
score from the concept's threshold on is a finding. "withhold" also holds where a picture could not
be scored: a check that fails lets nothing through.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from bot.delivery.messages import Text
from bot.errors import SettingError
from bot.guild.setting_kinds import Kind
from bot.host.settings import Settings
from bot.language import _, plural
from bot.language.formatting import escape
from data.jobs.stored import StoredJob
from data.picture_checks import Action, Finding
from engine.events import Done, Failed

if TYPE_CHECKING:
    from bot.client import ImageBot
    from bot.guild.rules import Rules

MAX_CONCEPTS, MAX_LENGTH = 20, 60
THRESHOLD = 0.5  # the concept more likely than all neutral captions together
ACTIONS = ("off", *get_args(Action))
_STRENGTH: dict[Action, int] = {"warn": 0, "spoiler": 1, "withhold": 2}


class Concepts(Kind):
    """By each concept its threshold and its action: {"blood": {"threshold": 0.5, ...}, ...}."""

    typed = False

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if not isinstance(value, dict) or len(value) > MAX_CONCEPTS:
            raise SettingError(_("{name} can have at most {most} concepts.", name=name,
                                 most=MAX_CONCEPTS))
        return {concept_name(concept): _checked(name, entry) for concept, entry in value.items()}

    def show(self, value: Any) -> str:
        return plural("{number} concept", "{number} concepts", len(value))

    def range(self, host: Settings) -> str:
        return _("up to {most} concepts, each with a threshold from 0 to 1 and an action: "
                 "{actions}",
                 most=MAX_CONCEPTS, actions=", ".join(ACTIONS))


def concept_name(text: Any) -> str:
    """A concept as it is kept; raises SettingError where it is none."""
    name = " ".join(text.split()).lower() if isinstance(text, str) else ""
    if not 1 <= len(name) <= MAX_LENGTH or not any(character.isalpha() for character in name):
        raise SettingError(_("A concept is one or more words, at most {most} characters long.",
                             most=MAX_LENGTH))
    return name


def _checked(name: str, entry: Any) -> dict[str, Any]:
    threshold = entry.get("threshold") if isinstance(entry, dict) else None
    if (not isinstance(threshold, int | float) or isinstance(threshold, bool)
            or not math.isfinite(threshold) or not 0 <= threshold <= 1
            or entry.get("action") not in ACTIONS):
        raise SettingError(_("Each concept in {name} needs a threshold from 0 to 1 and an action: "
                             "{actions}.", name=name, actions=", ".join(ACTIONS)))
    return {"threshold": threshold, "action": entry["action"]}


def wanted_scores(rules: Rules) -> list[str]:
    """The concepts that pictures of the server are to be scored for."""
    return [concept for concept, entry in _entries(rules).items() if entry["action"] != "off"]


def strongest_possible(rules: Rules) -> Action | None:
    """What may happen to a picture, and so is to be done about its previews already."""
    actions: list[Action] = [entry["action"] for entry in _entries(rules).values()
                             if entry["action"] != "off"]
    return max(actions, key=_STRENGTH.__getitem__, default=None)


def _entries(rules: Rules) -> Mapping[str, Any]:
    return rules.items("concepts") or {}


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


async def check_picture(bot: ImageBot, job: StoredJob, done: Done) -> tuple[Done | Failed, Verdict]:
    """Judge a finished picture, log what was found, and withhold it where that is to be.

    The ending is to be delivered in place of ``done``. Raises StoreError.
    """
    rules = await bot.guild_settings.rules(job.guild_id)
    verdict = judge(rules, job, done.scores)
    if verdict.action == "withhold":
        scored = any(found.score is not None for found in verdict.findings
                     if found.action == "withhold")
        reason = _("This picture was withheld because it seems to show something that this server "
                   "doesn't allow. Moderators can see what. Try another prompt.") if (
            scored) else _("This picture was withheld because I couldn't check it for things that "
                           "this server doesn't allow. Try again, or ask a moderator.")
        if await bot.store.picture_checks.withhold(job.id, verdict.findings, reason):
            return Failed(reason), Verdict()
    elif verdict.findings:
        await bot.store.picture_checks.add(verdict.findings)
    return done, verdict
