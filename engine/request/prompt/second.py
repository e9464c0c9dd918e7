"""The second grammar of prompts: the first, with stories and regions.

In full::

    story    =  prompts ( " ^ " prompts )*      what to paint first, then, ...
    part     =  words [ " @" region ] [ ":" weight [ ":" stop ] ]

A region is a name (``left``, ``top-right``, ``middle``), a rectangle in per cent, across and then
down (``0-50%,20-100%``), or the name of a mask of the request. ``a^b``, ``^_^``, ``me@home`` and
``by @somebody`` stay words, as does everything in double quotes.

Which grammar a stored request has is written down in it: in the first, all of this is words.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from engine.errors import RequestError
from engine.request.prompt.grammar import MAX_PROMPTS, Prompt, parse_canonical
from engine.request.quotes import masked
from engine.request.regions import MASK_NAME, region_named

_CARET = re.compile(r"(?<!\S)\^(?!\S)")
_AT = re.compile(r"(?:^|(?<=\s))@(?P<region>[^\s@:]+)$")
_ANY = re.compile(r"(?:^|(?<=\s))@(?P<region>[^\s@:]+)")

_BEFORE = re.compile(
    r"(?<=\S)(?P<weight>(?::[-+\u2212\u2013]?[\d.,]+%?){1,2})\s+@(?P<region>[^\s@:]+?)(?=[.,;]?(?:\s|$))"
)


def split_at_carets(text: str) -> list[str]:
    """The parts of a story: split at carets between spaces (or at an end), outside quotes."""
    parts, start = [], 0
    for caret in _CARET.finditer(masked(text)):
        parts.append(text[start : caret.start()])
        start = caret.end()
    return [*parts, text[start:]]


def is_second(text: str, masks: Collection[str] = ()) -> bool:
    """Whether ``text`` has a caret or a region, and so means something else in this grammar."""
    shape = masked(text)
    return _CARET.search(shape) is not None or any(
        _region(found["region"].rstrip(".,;"), masks) is not None for found in _ANY.finditer(shape)
    )


def mask_names(text: str) -> tuple[str, ...]:
    """The names of regions in ``text`` that only a mask can give a place, each once, in order.

    Raises RequestError for a rectangle beyond the picture.
    """
    names = [found["region"].rstrip(".,;").lower() for found in _ANY.finditer(masked(text))]
    own = [name for name in names if MASK_NAME.fullmatch(name) and region_named(name) is None]
    return tuple(dict.fromkeys(own))


def weights_last(text: str, masks: Collection[str]) -> str:
    """``text`` with weights before the region of one of ``masks`` moved behind it.

    Other regions are moved when the text is translated, which does not know the masks.
    """
    moved, start = "", 0
    for found in _BEFORE.finditer(masked(text)):
        if found["region"].lower() in masks:
            moved += f"{text[start : found.start()]} @{found['region']}{found['weight']}"
            start = found.end()
    return moved + text[start:]


def parse_second(text: str, masks: Collection[str] = ()) -> tuple[Prompt, ...]:
    """The prompts in ``text``, which is one part of a story; raises RequestError as the first does.

    ``masks`` are the names of the request's masks.
    """
    return tuple(located(prompt, masks) for prompt in parse_canonical(text))


def located(prompt: Prompt, masks: Collection[str] = ()) -> Prompt:
    """``prompt`` with the region that its words end in, if they do; raises RequestError."""
    found = _AT.search(masked(prompt.words))
    region = None if found is None else _region(found["region"], masks)
    if found is None or region is None:
        return prompt
    words = prompt.words[: found.start()].rstrip()
    if not words:
        raise no_words_before(region)
    return replace(prompt, words=words, region=region)


def no_words_before(region: str) -> RequestError:
    """What to tell a person whose ``region`` has nothing to be painted in it."""
    return RequestError(
        'The region "@{region}" has no words before it; write what to paint there, as in '
        '"a lighthouse @left".',
        region=region[:40],
    )


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


def _region(text: str, masks: Collection[str]) -> str | None:
    return text.lower() if text.lower() in masks else region_named(text)
