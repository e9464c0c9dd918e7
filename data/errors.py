"""What can go wrong with what the bot remembers."""

from __future__ import annotations

from engine.errors import EngineError


class StoreError(EngineError):
    """Something could not be read or written down; the text says what to look at."""
