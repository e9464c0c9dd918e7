"""Double quotes, in which every character of a prompt is a word."""

from __future__ import annotations

MARKS = '"“”'
_HIDDEN = "q"


def masked(text: str) -> str:
    """``text`` with everything in double quotes, marks included, replaced by the letter q.

    Its length stays, so that positions found in it are positions in ``text``. A mark that is never
    closed is an ordinary character, as in ``a 5" nail``.
    """
    result = list(text)
    opened: int | None = None
    for i, character in enumerate(text):
        if character not in MARKS:
            continue
        if opened is None:
            opened = i
        else:
            result[opened : i + 1] = _HIDDEN * (i + 1 - opened)
            opened = None
    return "".join(result)
