"""Choices in a prompt, as in Midjourney: "{red, blue} fox" is "red fox" and "blue fox".

Square brackets work the same. A backslash makes a comma or a bracket an ordinary character, as do
double quotes.
"""

from __future__ import annotations

import re

from engine.errors import RequestError
from engine.request.quotes import masked

MAX_CHOICES = 8

_PAIRS = {"{": "}", "[": "]"}
_ESCAPED = re.compile(r"\\([,{}\[\]\\])")


def expand(text: str) -> tuple[str, ...]:
    """The texts of all combinations of the choices in ``text``, the last choice changing fastest.

    ``text`` itself if it has no choices. Flags can be chosen, too: "a fox --ar {1:1, 3:2}". Raises
    RequestError if there are more than 8 texts.
    """
    return tuple(re.sub(r"\s+", " ", each).strip() for each in _all(text)) or (text,)


def _all(text: str) -> list[str]:
    """The texts, or none if there are no choices."""
    groups = _groups(_ESCAPED.sub("qq", masked(text)))
    if not groups:
        return []
    if len(groups) >= MAX_CHOICES:  # each adds a text at least
        raise _too_many()
    start, end, commas = min(groups)
    options = [
        text[left + 1 : right].strip()
        for left, right in zip([start, *commas], [*commas, end], strict=True)
    ]
    after = _all(text[end + 1 :]) or [text[end + 1 :]]
    made: list[str] = []
    for option in options:
        for inner in _all(option) or [option]:
            made += [text[:start] + _ESCAPED.sub(r"\1", inner) + rest for rest in after]
            if len(made) > MAX_CHOICES:
                raise _too_many()
    return made


def _too_many() -> RequestError:
    return RequestError(
        "The choices in brackets make more than {most} pictures; use fewer of them.",
        most=MAX_CHOICES,
    )


def _groups(shape: str) -> list[tuple[int, int, list[int]]]:
    """All brackets with commas: their start, their end, and the commas directly in them."""
    groups: list[tuple[int, int, list[int]]] = []
    opened: list[tuple[int, list[int]]] = []
    for i, character in enumerate(shape):
        if character in _PAIRS:
            opened.append((i, []))
        elif character == "," and opened:
            opened[-1][1].append(i)
        elif character in _PAIRS.values() and any(_PAIRS[shape[k]] == character for k, _ in opened):
            while _PAIRS[shape[opened[-1][0]]] != character:
                opened.pop()
            start, commas = opened.pop()
            link = shape[i + 1 : i + 2] == "("  # "[words](address)", as in Markdown
            if commas and not link:
                groups.append((start, i, commas))
    return groups
