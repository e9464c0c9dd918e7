"""The time as rows and jobs have it: whole milliseconds since 1970, UTC."""

from __future__ import annotations

import time

DAY_MS = 86_400_000


def now_ms() -> int:
    """The present moment."""
    return time.time_ns() // 1_000_000
