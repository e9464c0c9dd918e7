"""Translates the ways other tools write weights and parts into our own grammar.

What has a clear meaning is read::

    a:0.25 | b:0.5        VQGAN-CLIP notebooks: a bar between prompts
    a::2 b:: c::-1        Midjourney: each "::" ends a prompt
    (a:1.4)  ((a))  [a]   Stable Diffusion: around a whole prompt; a pair more is 1.1 times
    a : 0.5   a: 0.5      spaces around the colon
    a:0,5   a:50%         decimal commas, percentages

Anything else with a number where a weight might be is refused: no number is taken for words, or
dropped, without notice. ``16:9``, ``at 12:30``, ``Title: words``, ``C++ code`` and everything in
double quotes stay words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from engine.errors import RequestError
from engine.request.arrow import arrows
from engine.request.prompt.grammar import (
    Prompt,
    checked_prompt,
    split_at_pluses,
)
from engine.request.prompt.second import (
    check_parts,
    in_story,
    no_words_before,
    parse_second,
    split_at_carets,
)
from engine.request.quotes import masked
from engine.request.regions import RECTANGLE, region_named

STEP = 1.1  # what one pair of parentheses multiplies a weight by, in Stable Diffusion's web UIs

_SIGN = "[-+\u2212\u2013]"  # with the minus sign and the dash of phone keyboards
_NUMBER = rf"{_SIGN}?(?:\d+(?:[.,]\d*)?|\.\d+)%?"
# Not a whole number: "Blade Runner: 2049" is a title.
_SURE = rf"(?:{_SIGN}\d+%?|{_SIGN}?(?:\d*[.,]\d+%?|\d+%))"
_END = r"[.,;]?\s*$"
_WEIGHTED = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rf"^(?P<words>.*?(?:[^\s\d:]|\s))\s*:(?P<weight>{_NUMBER})(?::(?P<stop>{_NUMBER}))?{_END}",
        rf"^(?P<words>.*?[^\s\d:])\s+:\s+(?P<weight>{_NUMBER})(?P<stop>){_END}",
        rf"^(?P<words>.*?[^\s\d:]):\s+(?P<weight>{_SURE})(?P<stop>){_END}",
    )
)
_DOUBLE = re.compile(
    rf"(?P<colons>::)(?P<weight>{_NUMBER}(?![\w:]|[.,]\d)|\s+{_NUMBER}(?=\s*$))?(?P<glued>[^\s,;|+]\S*)?"
)
_WHOLE = re.compile(r"^\((?P<words>[^()]*[^()\d:])\s*:\s*(?P<weight>" + _NUMBER + r")\s*\)$")
_STRONGER = re.compile(r"^(?P<open>\({2,})(?P<words>[^()]+)(?P<close>\){2,})$")
_WEAKER = re.compile(r"^\[(?P<words>[^\[\]|:]+)\]$")

# Chinese and Japanese keyboards.
_WIDE = re.compile(rf"\uff5c|\uff1a(?={_NUMBER})")

# A region may come before or after a weight.
_AT = re.compile(
    rf"(?:^|(?<=\s))@(?P<region>{RECTANGLE}|[a-z-]+)(?P<weight>\s*:\s*{_NUMBER}(?::{_NUMBER})?)?{_END}",
    re.IGNORECASE,
)

# What must not stay among the words.
_NUMBERED = re.compile(rf"(?:(?<=[^\s\d:])|(?<=\s)|^):{_SIGN}?[.,]?\d[^\s)]*")
_SPACED = re.compile(rf"(?<=[^\s\d:])\s+:\s+{_NUMBER}{_END}|:\s*{_NUMBER}\s*\)")
_NETWORK = re.compile(r"<(?:lora|lyco|hypernet|embedding):[^<>]*>", re.IGNORECASE)
_ALTERNATIVES = re.compile(r"\[[^\[\]]*[|:][^\[\]]*\](?!\()|\{[^{}]*\|[^{}]*\}")
_BRACKETS = re.compile(r"(?<![\w!])\[[^\[\]]+\](?!\()|\(\(.*?(?:\)\)|$)|\{+[^{}]*\}+", re.DOTALL)

# Weights that can be moved out of a prompt.
_INSIDE = re.compile(
    rf"\([^()]*?[^()\s\d:]\s*:\s*{_NUMBER}\s*\)|\({{2,}}[^()]+\){{2,}}|\[[^\[\]|:]+\](?!\()"
)
_FOLLOWED = re.compile(rf"(?P<weight>(?<=[^\s\d:]):{_SIGN}?\d+(?:\.\d+)?)[,;]?\s+")


def parse_prompts(text: str) -> tuple[Prompt, ...]:
    """The prompts in ``text``, as a person types them without flags.

    Raises RequestError if there is nothing to paint, if a weight or stop is out of range or can't
    be read, or if there are more than 16 prompts.
    """
    parts = split_at_carets(canonical(text))
    return in_story([parse_second(part) for part in parts])


def canonical(text: str) -> str:
    """``text`` in our own grammar; unchanged apart from spaces at its ends if it is already.

    It can be a story (see engine.request.prompt.second) and have arrows (see engine.request.arrow),
    whose parts and sides are translated by themselves. Raises RequestError for what can't be read.
    """
    parts = split_at_carets(text)
    check_parts(parts)
    return " ^ ".join(_canonical_part(part) for part in parts)


def _canonical_part(text: str) -> str:
    sides, start = [], 0
    for arrow in arrows(text):
        sides += [_translated(text[start : arrow.start()]), arrow[0]]
        start = arrow.end()
    sides.append(_translated(text[start:]))
    written = " ".join(side for side in sides if side)
    if len(list(arrows(written))) > len(list(arrows(text))):  # "a|->|b"
        raise RequestError(
            "An arrow needs words on both sides, not a bar; write it as in "
            '"foggy sky -> clear sky", or put it in double quotes.'
        )
    return written


def _translated(text: str) -> str:
    """One side of an arrow, or a whole text, in our own grammar."""
    text = _narrow(text.strip())
    own = [part.strip() for part in split_at_pluses(text) if part.strip()]
    for part in own:
        _refuse_other_tools(part)
    prompts = [prompt for part in _parts(own) for prompt in _clear_prompts(part)]
    written = [str(prompt) for prompt in prompts]
    if len(own) == len(prompts) and all(
        part == mine or _same(part, prompt)
        for part, mine, prompt in zip(own, written, prompts, strict=True)
    ):
        return text
    return " + ".join(written)


def _narrow(text: str) -> str:
    """``text`` with the wide colon before a weight, and the wide bar, as on our keyboards."""
    shape = masked(text)
    wide = {found.start(): "|" if found[0] == "\uff5c" else ":" for found in _WIDE.finditer(shape)}
    return "".join(wide.get(i, character) for i, character in enumerate(text)) if wide else text


def _same(part: str, prompt: Prompt) -> bool:
    """Whether our own grammar reads ``part`` as ``prompt``."""
    return prompt.weight != 0 and parse_second(part) == (prompt,)


def _parts(own: list[str]) -> list[str]:
    """The parts between pluses, split at their bars."""
    parts = []
    for part in own:
        start = 0
        for bar in re.finditer(r"\|", masked(part)):
            parts.append(part[start : bar.start()])
            start = bar.end()
        parts.append(part[start:])
    return [part.strip() for part in parts if part.strip()]


def _clear_prompts(part: str) -> list[Prompt]:
    """The prompts in ``part``; a refusal says how it can be written."""
    try:
        return _prompts(part)
    except _UnclearError as unclear:
        instead = _clearer(part) or "a castle + fog:1.4"
        if unclear.has_number:
            raise RequestError(
                'The number in "{given}" can\'t be read as a weight; write "{instead}", for '
                "example, or put the words in double quotes.",
                given=unclear.given,
                instead=instead,
            ) from None
        raise RequestError(
            'The brackets in "{given}" have no meaning inside a prompt; write "{instead}", for '
            "example, or put the words in double quotes.",
            given=unclear.given,
            instead=instead,
        ) from None


class _UnclearError(Exception):
    """Words of which ``given`` may be a weight in another tool; it is a number, or brackets."""

    def __init__(self, given: str, *, has_number: bool) -> None:
        super().__init__(given)
        self.given = given[:60]
        self.has_number = has_number


def _clearer(part: str) -> str | None:
    """``part`` with the weights inside it as prompts of their own; None if that is unclear."""
    moved, kept, start = [], "", 0
    try:
        for found in _INSIDE.finditer(masked(part)):
            moved.append(str(_prompt(part[slice(*found.span())])))
            kept += part[start : found.start()]
            start = found.end()
        kept = re.sub(r"(?:\s*,)+", ",", re.sub(r"\s+", " ", kept + part[start:])).strip(" ,")
        parts = [_FOLLOWED.sub(r"\g<weight> + ", kept), *moved] if kept else moved
        instead = " + ".join(parts)
        for each in split_at_pluses(instead):
            if each.count("(") != each.count(")"):
                return None
            _prompts(each)
    except (RequestError, _UnclearError):
        return None
    return instead if len(instead) <= 200 else None


def _prompts(part: str) -> list[Prompt]:
    """The prompts in ``part``, each of which but the last ends with "::"."""
    prompts, start = [], 0
    for colons in _DOUBLE.finditer(masked(part)):
        if colons["glued"]:
            raise RequestError(
                'The "::" in "{words}" is not followed by a weight or a space; write "a::2 b", or '
                'join prompts with " + ".',
                words=part[max(0, colons.start() - 20) : colons.end()][:60],
            )
        words = part[start : colons.start()].strip().lstrip(",;").strip()
        start = colons.end()
        weight = (colons["weight"] or "").strip()
        if words:
            prompts.append(_weighted(words, weight) if weight else _prompt(words))
        elif weight:
            raise _no_words(weight)
    rest = part[start:].strip()
    rest = rest.lstrip(",;").strip() if prompts else rest
    return [*prompts, _prompt(rest)] if rest else prompts


def _prompt(words: str) -> Prompt:
    """A prompt without "::"."""
    shape = masked(words)
    at = _AT.search(shape)
    region = None if at is None else region_named(at["region"])
    if at is not None and region is not None:
        before, weight = words[: at.start()].rstrip(), at["weight"] or ""
        if not before:
            raise no_words_before(region)
        prompt = _prompt(f"{before} {weight.strip()}" if weight else before)
        if prompt.region is not None:
            raise RequestError(
                'There are two regions, "@{first}" and "@{second}"; use one for each prompt.',
                first=prompt.region,
                second=region,
            )
        return replace(prompt, region=region)
    inside = _WHOLE.match(shape)
    if inside is not None:
        return _weighted(words[slice(*inside.span("words"))].strip(), inside["weight"])
    stronger = _STRONGER.match(shape)
    if stronger is not None and len(stronger["open"]) == len(stronger["close"]):
        weight = STEP ** len(stronger["open"])
        return _weighted(words[slice(*stronger.span("words"))].strip(), f"{weight:.2f}")
    weaker = _WEAKER.match(shape)
    if weaker is not None:
        return _weighted(words[slice(*weaker.span("words"))].strip(), f"{1 / STEP:.2f}")
    for pattern in _WEIGHTED:
        found = pattern.match(shape)
        if found is not None:
            return _weighted(
                words[slice(*found.span("words"))].strip(), found["weight"], found["stop"] or None
            )
    return Prompt(_checked(words))


def _weighted(words: str, weight: str, stop: str | None = None) -> Prompt:
    if not words:
        raise _no_words(weight)
    at = _AT.search(masked(words))
    region = None if at is None else region_named(at["region"])
    if at is not None and region is not None:
        return replace(_weighted(words[: at.start()].rstrip(), weight, stop), region=region)
    return checked_prompt(
        _checked(words), _decimal(weight), None if stop is None else _decimal(stop)
    )


def _no_words(weight: str) -> RequestError:
    return RequestError(
        'The weight "{words}" has no words before it; write the words first, as in "a castle:0.5".',
        words=f":{weight}"[:20],
    )


def _decimal(number: str) -> str:
    """A number in plain decimal digits: "50%" and "0,5" are "0.5"."""
    plain = number.replace(",", ".").replace("\u2212", "-").replace("\u2013", "-")
    if not plain.endswith("%"):
        return plain
    return format(Decimal(plain[:-1]) / 100, "f")


def _checked(words: str) -> str:
    """``words``, if there is nothing among them that another tool would take for a weight."""
    shape = masked(words)
    found = _NUMBERED.search(shape) or _SPACED.search(shape)
    if found is not None:
        before = words[: found.start()]
        if len(before) > 20:  # whole words
            before = before[-20:].partition(" ")[2]
        given = f"{before}{words[found.start() : found.end()]}".strip()
        raise _UnclearError(given, has_number=True)
    for sign, parts in (("+", split_at_pluses(words)), ("^", split_at_carets(words))):
        if len(parts) > 1:  # "a +:2"
            raise RequestError(
                'The "{sign}" in "{given}" needs words on both sides; write them, or put it in '
                "double quotes.",
                sign=sign,
                given=words[:60],
            )
    brackets = _BRACKETS.search(shape)
    if brackets is not None:
        raise _UnclearError(words[brackets.start() : brackets.end()], has_number=False)
    return words


def _refuse_other_tools(text: str) -> None:
    shape = masked(text)
    network = _NETWORK.search(shape)
    if network is not None:
        raise RequestError(
            '"{given}" names a file of another tool; remove it and describe what it adds in words.',
            given=text[network.start() : network.end()][:60],
        )
    alternatives = _ALTERNATIVES.search(shape)
    if alternatives is not None:
        raise RequestError(
            '"{given}" can\'t be read; write {{red, blue}} for one picture of each, or join '
            'prompts with " + ".',
            given=text[alternatives.start() : alternatives.end()][:60],
        )
