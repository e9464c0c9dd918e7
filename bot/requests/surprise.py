"""Prompts that nobody thought of, drawn from what a model knows."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from bot.errors import NotAllowedError
from bot.language import _
from engine.models.phrases import Phrases

Choose = Callable[[Sequence[str]], str]

# Nobody asked to see these.
_UNASKED = frozenset(
    {
        "a bikini",
        "a bra",
        "a guillotine",
        "a missile",
        "a revolver",
        "a rifle",
        "a syringe",
        "a toilet seat",
        "an assault rifle",
        "a pair of swimming trunks",
        "a roll of toilet paper",
        "a gun holster",
        "a maillot",
    }
)
_TRIES = 50


def draw(phrases: Phrases, choose: Choose = secrets.choice) -> str:
    """Return a thing, often somewhere or in some light, often in a style."""
    things = [thing for thing in phrases.things if thing not in _UNASKED]
    where = choose(["", "places", "places", "lights"])
    around = getattr(phrases, where) if where else ()
    prompt = choose(things)
    if around:
        prompt = f"{prompt} {choose(around)}"
    if phrases.styles and choose(["", "style", "style"]):
        prompt = f"{prompt}, {choose(phrases.styles)}"
    return prompt


def surprise(phrases: Phrases, is_allowed: Callable[[str], bool]) -> str:
    """Return a prompt that is allowed; raises NotAllowedError if none seems to be."""
    if phrases.things:
        for _number in range(_TRIES):
            prompt = draw(phrases)
            if is_allowed(prompt):
                return prompt
    raise NotAllowedError(_("I can't think of anything that this server allows."))
