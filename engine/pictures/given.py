"""Pictures and sounds that a caller gives as files or bytes.

A request names pictures by their SHA-256; of a sound it has the loudness.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from engine.errors import RequestError, os_reason
from engine.pictures.reading import read, read_file
from engine.request.prompt.grammar import NUMBER
from engine.translatable import Translatable

Given = str | Path | bytes
"""A picture: the path of a file, or its bytes."""
GivenPrompt = Given | tuple[Given, float]
"""A picture to paint like, and its weight; a str can have it behind a colon."""

_WEIGHTED = re.compile(rf"(?P<path>.+?):(?P<weight>{NUMBER})(?::(?P<stop>{NUMBER}))?$", re.DOTALL)


def take(given: Given, pictures: dict[str, bytes]) -> str:
    """Put a picture into ``pictures``, and return its SHA-256. Raises RequestError."""
    data = given if isinstance(given, bytes) else read_file(Path(given))
    digest = hashlib.sha256(data).hexdigest()
    pictures[digest] = data
    return digest


def take_readable(path: Path, pictures: dict[str, bytes]) -> str:
    """Like :func:`take`, for a file that is refused at once if it is not a readable picture."""
    digest = take(path, pictures)
    try:
        read(pictures[digest])
    except RequestError as error:
        raise RequestError("{name}: {reason}", name=path, reason=error.message) from None
    return digest


def sound_of(given: Given) -> tuple[float, ...]:
    """How loud a WAV file is over its time. Raises RequestError, with the file's name."""
    from engine.request.loudness import read_loudness

    if isinstance(given, bytes):
        return read_loudness(given)
    try:
        return read_loudness(Path(given).read_bytes())
    except OSError as error:
        reason = Translatable("The sound can't be read: {reason}.", reason=os_reason(error))
    except RequestError as error:
        reason = error.message
    raise RequestError("{name}: {reason}", name=given, reason=reason)


def split_weight(text: str) -> tuple[Path, dict[str, float]]:
    """The file and the weight and stop of "picture.png:0.5:0.2", as in a prompt.

    A file that has such a name is that file.
    """
    found = _WEIGHTED.match(text)
    if found is None or Path(text).is_file():
        return Path(text), {}
    numbers = {name: float(found[name]) for name in ("weight", "stop") if found[name]}
    return Path(found["path"]), numbers


def take_prompts(
    given: GivenPrompt | list[GivenPrompt], pictures: dict[str, bytes]
) -> list[dict[str, Any]]:
    """One or several pictures to paint like, as values of a request's field ``like``.

    Their bytes go into ``pictures``. Raises RequestError.
    """
    several = given if isinstance(given, list) else [given]
    return [_prompt(each, pictures) for each in several]


def _prompt(given: GivenPrompt, pictures: dict[str, bytes]) -> dict[str, Any]:
    numbers: dict[str, float] = {}
    if isinstance(given, tuple):
        given, numbers["weight"] = given
    elif isinstance(given, str):
        given, numbers = split_weight(given)
    return {"picture": take(given, pictures), **numbers}
