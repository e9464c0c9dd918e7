"""What a person filled into a modal, from the raw interaction."""

from __future__ import annotations

import re
from typing import Any

import discord


def submitted(
    interaction: discord.Interaction[Any], pattern: re.Pattern[str]
) -> re.Match[str] | None:
    """Match ``pattern`` with the custom id of a submitted modal; None for anything else."""
    if interaction.type is not discord.InteractionType.modal_submit:
        return None
    data: Any = interaction.data
    return pattern.fullmatch(data.get("custom_id", ""))


def submitted_text(interaction: discord.Interaction[Any], custom_id: str) -> str:
    """Return the value of a submitted modal's field, or "" without it; of a list, the first."""
    data: Any = interaction.data
    return _text_among(data["components"], custom_id)


def _text_among(components: Any, custom_id: str) -> str:
    for component in components:
        if component.get("custom_id") == custom_id:
            chosen = component.get("values") or ("",)
            return str(component.get("value") or chosen[0])
        inner = component.get("components") or (
            [component["component"]] if "component" in component else []
        )
        text = _text_among(inner, custom_id)
        if text:
            return text
    return ""
