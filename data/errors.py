"""The errors of this package."""

from __future__ import annotations

from engine.errors import EngineError, UnavailableError


class StoreError(EngineError):
    """Something could not be read or written; the text says what to check."""


class BucketError(StoreError, UnavailableError):
    """The bucket with the pictures cannot be used for now; nothing was changed."""
