"""The second grammar of prompts: the first, with stories.

In full::

    story    =  prompts ( " ^ " prompts )*      what to paint first, then, ...

``a^b``, ``^_^`` and everything in double quotes stay words. Which grammar a stored request has is
written down in it: in the first, all of this is words.
"""

from __future__ import annotations

import re
from dataclasses import replace

from engine.errors import RequestError
from engine.request.prompt.grammar import MAX_PROMPTS, Prompt
from engine.request.quotes import masked

_CARET = re.compile(r"(?<!\S)\^(?!\S)")


def split_at_carets(text: str) -> list[str]:
    """The parts of a story: split at carets between spaces (or at an end), outside quotes."""
    parts, start = [], 0
    for caret in _CARET.finditer(masked(text)):
        parts.append(text[start : caret.start()])
        start = caret.end()
    return [*parts, text[start:]]


def is_second(text: str) -> bool:
    """Whether ``text`` has a caret, and so means something else in this grammar."""
    return _CARET.search(masked(text)) is not None


def in_story(parts: list[tuple[Prompt, ...]]) -> tuple[Prompt, ...]:
    """The prompts of a story's parts, each with its part's number if there are several.

    Raises RequestError if there are too many.
    """
    if len(parts) < 2:
        return parts[0] if parts else ()
    prompts = [replace(prompt, part=i) for i, part in enumerate(parts) for prompt in part]
    if len(prompts) > MAX_PROMPTS:
        raise RequestError(
            "There are {count} prompts in the parts of the story; at most {most} can be used.",
            count=len(prompts),
            most=MAX_PROMPTS,
        )
    return tuple(prompts)


def check_parts(parts: list[str]) -> None:
    """Raise RequestError if a part of a story is empty."""
    if len(parts) > 1 and not all(part.strip() for part in parts):
        raise RequestError(
            'A part of the story is empty; write words on both sides of each " ^ ", as in '
            '"a forest in spring ^ a forest in autumn".'
        )
