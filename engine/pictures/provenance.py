"""What a picture's file says about how it was painted. A file is not to be trusted.

The worker and the `imagine` command write it into PNG files (engine.pictures.writing).
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

from engine.errors import RequestError
from engine.pictures.decoding import refusing_damage
from engine.pictures.writing import PROVENANCE, REQUEST
from engine.request.request import ImageRequest, request_from_json

Fact = str | int
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_TEXT, _MOST_FACTS, _LONGEST_FACT = 100_000, 40, 200
_MOST_NUMBER = 2**53
_JOB = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Made:
    """How a picture was painted, as its file says.

    The ``request`` is valid, and may be anything that a person could have typed; its pictures are
    named by their SHA-256, and are not in the file. ``facts`` are those of
    engine.painting.pipeline.provenance, as far as they are short texts and whole numbers.
    """

    request: ImageRequest
    facts: Mapping[str, Fact]

    @property
    def seed(self) -> int | None:
        """The seed that it was painted with."""
        if self.request.seed is not None:
            return self.request.seed
        seed = self.facts.get("seed")
        return seed if isinstance(seed, int) else None

    @property
    def job(self) -> str | None:
        """The id of the bot's job that painted it; None if that is not an id, or missing."""
        job = self.facts.get("job")
        return job if isinstance(job, str) and _JOB.fullmatch(job) else None

    @property
    def stopped_at(self) -> int | None:
        """After how many iterations it was stopped; None if it was finished."""
        at = self.facts.get("stopped_at")
        return at if isinstance(at, int) and at >= 0 else None


def read_made(data: bytes) -> Made | None:
    """How the picture in a file's bytes was painted; None if the file does not say it.

    Raises RequestError if the file is damaged, or says it in a way that cannot be understood.
    """
    if not data.startswith(_PNG):
        return None
    texts = _texts(data)
    request = texts.get(REQUEST)
    if request is None:
        return None
    if len(request) > _MOST_TEXT:
        raise RequestError("What that picture's file says about itself is too long.")
    try:
        understood = request_from_json(request)
    except RequestError as error:
        raise RequestError(
            "What that picture's file says about itself can't be understood: {reason}",
            reason=error.message,
        ) from None
    return Made(understood, _facts(texts.get(PROVENANCE, "")))


def _texts(data: bytes) -> dict[str, str]:
    # Only what is before the pixels is read, and Pillow limits how much text that is.
    with refusing_damage(data), Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        return {str(name): value for name, value in image.info.items() if isinstance(value, str)}


def _facts(text: str) -> dict[str, Fact]:
    """The facts of a JSON object that are of the right kind; the others are left out."""
    if len(text) > _MOST_TEXT:
        return {}
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    facts = {name: value for name, value in found.items() if _is_fact(name) and _is_fact(value)}
    return dict(list(facts.items())[:_MOST_FACTS])


def _is_fact(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_FACT
    return type(value) is int and abs(value) < _MOST_NUMBER


NAMES = {
    "imagine-bot": "version",
    "random": "scheme of random numbers",
    "model": "model",
    "networks": "set of weights",
    "aesthetic head": "aesthetic head",
    "torch": "version of PyTorch",
    "kornia": "version of kornia",
    "device": "device",
    "machine": "kind of machine",
    "precision": "precision",
    "threads": "number of threads",
    "batch": "number of pictures painted together",
    "passes": "number of passes",
    "painted": "painted size",
    "area": "painted part",
}
"""What a picture's bits depend on, by the name of the fact; the first differ most."""


def differences(then: Mapping[str, Fact], now: Mapping[str, Fact]) -> dict[str, tuple[Fact, Fact]]:
    """The facts that differ, by name, in the order of NAMES; unknown ones do not count."""
    return {
        name: (then[name], now[name])
        for name in NAMES
        if name in then and name in now and str(then[name]) != str(now[name])
    }
