"""Web addresses in what people type, which are never opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.request.quotes import masked

_ADDRESS = re.compile(r"(?<!\S)<?https?://\S+", re.IGNORECASE)


def addresses(text: str) -> Iterator[re.Match[str]]:
    """The web addresses in ``text`` that stand between spaces."""
    return _ADDRESS.finditer(masked(text))
