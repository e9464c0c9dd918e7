"""The error of this package."""

from __future__ import annotations

from engine.errors import EngineError


class StoreError(EngineError):
    """Something could not be read or written; the text says what to check."""
