"""What the stand-in keeps of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Recorded:
    """One request, and its answer."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content_type: str | None = None  # of its body
    payload: Any = None
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    status: int = 0
    answer: Any = None
