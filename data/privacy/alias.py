"""A name for a person that says nothing of who they are: a keyed hash of their id.

Discord's ids are few enough to hash them all, so the key, a file of the data folder, must stay
secret: with it one can tell whether a given person is meant, without it nobody can.
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

PREFIX = "hmac:"
KEY_FILE = "secret.key"
_KEY_BYTES = 32


class Aliases:
    """The aliases of one data folder; the key is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / KEY_FILE
        self._key: bytes | None = None

    async def of(self, person: str) -> str:
        """``person``'s alias: PREFIX and 64 hexadecimal digits (HMAC-SHA256, RFC 2104).

        Raises StoreError where the key can neither be read nor made.
        """
        if self._key is None:
            self._key = await asyncio.to_thread(_key, self._path)
        return PREFIX + hmac.new(self._key, person.encode(), hashlib.sha256).hexdigest()

    async def if_any(self, person: str) -> str | None:
        """The same, for looking it up; None where no alias was ever made in this folder."""
        if self._key is None and not await asyncio.to_thread(self._path.exists):
            return None
        return await self.of(person)


def is_alias(person: str) -> bool:
    """Whether ``person`` is an alias, and no id."""
    return person.startswith(PREFIX)


def _key(path: Path) -> bytes:
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError("The key {path} cannot be used: {reason}.", path=path,
                         reason=error.strerror) from None
    if len(key) != _KEY_BYTES:
        raise StoreError("The key {path} has {length} bytes instead of {most}; put it back from a "
                         "backup. Without it, banned people who were forgotten are banned no "
                         "longer: delete the file if that may be.", path=path, length=len(key),
                         most=_KEY_BYTES)
    return key


def _make(path: Path) -> None:
    """Two processes that make it at once both end up with the same one: the link is the judge."""
    new = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
    finally:
        new.unlink()
