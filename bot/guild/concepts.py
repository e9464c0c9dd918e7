"""The list of what a server does not want to see in pictures.

bot.delivery.picture_check judges pictures by it.
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
THRESHOLD = 0.5  # the concept more likely than all neutral captions together
ACTIONS = ("off", *get_args(Action))


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
