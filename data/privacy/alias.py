"""Aliases: names for people that do not reveal who they are, made by a keyed hash of their id.

There are few enough Discord ids to hash them all, so the key, a file in the data folder, must stay
secret: only with the key can an alias be compared with an id.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from data.errors import StoreError
from data.pictures.base import Pictures

PREFIX = "hmac:"
KEY_FILE = "secret.key"
_KEY_BYTES = 32


async def share_key(folder: Path, place: Pictures) -> None:
    """Have the same key in ``folder`` as all machines that use the ``place`` of pictures.

    The first one puts its key there. Raises StoreError if this folder has another one.
    """
    path = folder / KEY_FILE
    key = await place.read(KEY_FILE)
    if key is None:
        key = await place.create(KEY_FILE, await asyncio.to_thread(_key_or_new, path))
    if await asyncio.to_thread(_key, path, key) != key:
        raise StoreError(
            "The key {path} isn't the one in {address}. Replace the file with the {name} of the "
            "machine that was there first. If you delete it instead, bans that were kept with it "
            "for people who had their data deleted end.",
            path=path,
            address=str(place),
            name=KEY_FILE,
        )


class Aliases:
    """The aliases of one data folder; the key is created with the first alias."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / KEY_FILE
        self._key: bytes | None = None

    async def of(self, person: str) -> str:
        """``person``'s alias: PREFIX and 64 hexadecimal digits (HMAC-SHA256, RFC 2104).

        Raises StoreError if the key can neither be read nor created.
        """
        if self._key is None:
            self._key = await asyncio.to_thread(_key, self._path)
        return PREFIX + hmac.new(self._key, person.encode(), hashlib.sha256).hexdigest()

    async def find(self, person: str) -> str | None:
        """The same, to look it up; None if this folder has no key, and so no aliases."""
        if self._key is None and not await asyncio.to_thread(self._path.exists):
            return None
        return await self.of(person)


def is_alias(person: str) -> bool:
    """Whether ``person`` is an alias rather than an id."""
    return person.startswith(PREFIX)


def _key(path: Path, new: bytes | None = None) -> bytes:
    """The key in the file, which is ``new`` or a random one if it was missing."""
    try:
        if not path.exists():
            _make(path, secrets.token_bytes(_KEY_BYTES) if new is None else new)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(
            "The key {path} can't be read or created: {reason}.", path=path, reason=error.strerror
        ) from None
    if len(key) != _KEY_BYTES:
        raise StoreError(
            "The key {path} has {length} bytes instead of {most}. Restore it from a "
            "backup. If you have none, delete the file; bans of people who had their "
            "data deleted then end.",
            path=path,
            length=len(key),
            most=_KEY_BYTES,
        )
    return key


def _key_or_new(path: Path) -> bytes:
    """The key in the file, or else one that is in no file yet: another machine's may be kept."""
    return _key(path) if path.exists() else secrets.token_bytes(_KEY_BYTES)


def _make(path: Path, key: bytes) -> None:
    """Write the key. Of two processes that do so at once, the first link wins for both."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()
