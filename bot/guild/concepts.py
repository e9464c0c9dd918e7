"""The list of concepts that a server's pictures must not show.

bot.delivery.picture_check checks pictures against it.
"""

from __future__ import annotations

import math
from typing import Any, get_args

from bot.errors import SettingError
from bot.guild.setting_kinds import Kind
from bot.host.settings import Settings
from bot.language import _, plural
from data.picture_checks import Action

MAX_CONCEPTS, MAX_LENGTH = 20, 60
THRESHOLD = 0.5  # the concept is more likely than all neutral captions together
ACTIONS = ("off", *get_args(Action))


class Concepts(Kind):
    """Each concept's threshold and action: {"blood": {"threshold": 0.5, ...}, ...}."""

    typed = False

    def check(self, name: str, value: Any, host: Settings) -> Any:
        if not isinstance(value, dict) or len(value) > MAX_CONCEPTS:
            raise SettingError(
                _("{name} can have at most {most} concepts.", name=name, most=MAX_CONCEPTS)
            )
        return {concept_name(concept): _checked(name, entry) for concept, entry in value.items()}

    def show(self, value: Any) -> str:
        return plural("{number} concept", "{number} concepts", len(value))

    def range(self, host: Settings) -> str:
        return _(
            "up to {most} concepts, each with a threshold from 0 to 1 and an action: {actions}",
            most=MAX_CONCEPTS,
            actions=", ".join(ACTIONS),
        )


def concept_name(text: Any) -> str:
    """Return a concept as it is stored; raises SettingError if it is invalid."""
    name = " ".join(text.split()).lower() if isinstance(text, str) else ""
    if not 1 <= len(name) <= MAX_LENGTH or not any(character.isalpha() for character in name):
        raise SettingError(
            _("A concept is one or more words, at most {most} characters long.", most=MAX_LENGTH)
        )
    return name


def _checked(name: str, entry: Any) -> dict[str, Any]:
    threshold = entry.get("threshold") if isinstance(entry, dict) else None
    if (
        not isinstance(threshold, int | float)
        or isinstance(threshold, bool)
        or not math.isfinite(threshold)
        or not 0 <= threshold <= 1
        or entry.get("action") not in ACTIONS
    ):
        raise SettingError(
            _(
                "Each concept in {name} needs a threshold from 0 to 1 and an action: {actions}.",
                name=name,
                actions=", ".join(ACTIONS),
            )
        )
    return {"threshold": threshold, "action": entry["action"]}
