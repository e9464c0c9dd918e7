"""The time, as in database rows and jobs: whole milliseconds since 1970, UTC."""

from __future__ import annotations

import time

DAY_MS = 86_400_000


def now_ms() -> int:
    """The current time in milliseconds."""
    return time.time_ns() // 1_000_000
