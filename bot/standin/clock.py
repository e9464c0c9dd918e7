"""Discord's time, and ids made from it."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime

EPOCH_MS = 1_420_070_400_000  # the epoch of Discord's ids


class Clock:
    """Discord's time: the machine's, plus what a test adds."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._count = itertools.count()

    def now(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds

    def stamp(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).isoformat()

    def snowflake(self) -> str:
        """A new id with the current time."""
        milliseconds = int(self.now() * 1000) - EPOCH_MS
        return str((milliseconds << 22) | (next(self._count) % 4096))
