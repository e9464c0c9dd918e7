"""A style: words that are added to a prompt, with flags if it has some."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import RequestError
from engine.request.flag_values import with_flags
from engine.request.prompt import split_flags
from engine.request.prompt.peers import parse_prompts
from engine.request.prompt.second import split_at_carets
from engine.request.shape import with_shape
from engine.request.words import words_in

PLACE = "{prompt}"
"""Where the prompt goes in a style; without it the style comes after a comma."""
_AROUND = re.compile(r"\s*(?:\bof\s+)?" + re.escape(PLACE))


@dataclass(frozen=True)
class Style:
    """Words that are added to prompts, what they avoid (``--no``), and the fields of flags."""

    words: str = ""
    avoid: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Style:
        """The style of words with flags; raises RequestError."""
        words, flags = split_flags(text)
        avoid = flags.pop("no", None)
        return cls(words, avoid, with_flags({}, flags))

    def applied(self, prompt: str) -> str:
        """``prompt`` without flags, or each part of a story, in this style.

        "a fox" becomes "a fox, oil painting", or what the style has around {prompt}. Next to
        several prompts, weights and regions the style is a prompt of its own, as in
        "a fox:2 + oil painting".
        """
        if not self.words:
            return prompt
        parts = [part.strip() for part in split_at_carets(prompt)]
        if len(parts) == 1:
            return _styled(parts[0], self.words)
        return " ^ ".join(_styled(part, self.words) if part else "" for part in parts)

    def under(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """``values`` on top of the style's fields; of a size and an aspect, theirs holds."""
        return with_shape(dict(self.fields), dict(values)) if self.fields else dict(values)


def _styled(part: str, style: str) -> str:
    alone = _AROUND.sub("", style).strip(" ,")
    if not any(words_in(part)):
        return alone
    if _is_plain(part) and _is_plain(alone):
        return style.replace(PLACE, part) if PLACE in style else f"{part}, {style}"
    return f"{part} + {alone}"


def _is_plain(text: str) -> bool:
    """Whether ``text`` is one prompt, of the usual weight, with nothing but words."""
    try:
        prompts = parse_prompts(text)
    except RequestError:
        return False
    if len(prompts) != 1:
        return False
    (prompt,) = prompts
    plain = prompt.weight == 1 and prompt.stop == -math.inf and prompt.region is None
    return plain and prompt.words == text
