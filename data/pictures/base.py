"""What the store needs of a place for pictures; ``folder.py`` and ``bucket.py`` are the two."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("data.pictures")


@dataclass(frozen=True)
class Found:
    """A file that is there: its name, its bytes, and when it was written (seconds since 1970)."""

    name: str
    size: int
    written: float


class Pictures(Protocol):
    """Keeps pictures, time-lapses and attached pictures under their names (data.pictures.names).

    Every method raises StoreError if the place cannot be used; UnavailableError, which says that
    it is worth trying again, if it is one over a network. ``shared`` is whether it is one for all
    machines; then saved states are copied to it (data.jobs.states), and it has the key of
    data.privacy.alias.
    """

    shared: bool

    async def open(self, identity: str) -> None:
        """Check that it can be used, by the database with that ``identity``."""

    async def write(self, name: str, data: bytes) -> None:
        """Keep ``data`` under ``name``, in place of what was there; safe when this returns."""

    async def create(self, name: str, data: bytes) -> bytes:
        """Keep ``data`` under ``name`` unless there is something; returns what is there then."""

    async def read(self, name: str) -> bytes | None:
        """What is kept under ``name``; None if there is nothing."""

    def read_in_thread(self, name: str) -> bytes | None:
        """The same, blocking: never call it on the event loop."""

    async def size(self, name: str) -> int | None:
        """The bytes of what is kept under ``name``; None if there is nothing."""

    async def remove(self, *names: str) -> None:
        """Delete what is kept under ``names``; those that are not there do no harm."""

    async def discard(self, name: str) -> int:
        """Delete what is kept under ``name``; returns how many bytes that were."""

    def found(self, kind: str) -> AsyncIterator[list[Found]]:
        """All files below ``kind``, in parts; those written meanwhile may be missing."""

    async def used(self) -> int:
        """About the bytes of all pictures and time-lapses, without attached pictures."""


def intact(name: str, data: bytes | None, sha256: str | None) -> bytes | None:
    """``data`` if its SHA-256 is as it was when it was written, else None, which is logged. Blocks.

    ``sha256`` is None for pictures of versions that did not note it down.
    """
    if data is None or sha256 is None or hashlib.sha256(data).hexdigest() == sha256:
        return data
    log.error(
        "%s is damaged: its SHA-256 is not the one that was noted when it was written. Restore it "
        "from a backup of the pictures",
        name,
    )
    return None
