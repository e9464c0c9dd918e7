"""Copying pictures from one place to another, and proving that all of them are there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from data.errors import StoreError
from data.pictures.base import Pictures
from data.pictures.names import KINDS, Kind

# Files on their way at once.
_TOGETHER = 16
_MODULUS = 1 << 256


@dataclass(frozen=True)
class Copied:
    """The files of one kind: how many, their bytes, and a hash that does not depend on their order.

    The hash is the sum of each file's SHA-256, of its name and its bytes, modulo 2^256. ``written``
    of them were not there before.
    """

    files: int
    bytes: int
    hash: str
    written: int


async def copy_pictures(
    source: Pictures, target: Pictures, say: Callable[[str], None] = lambda text: None
) -> dict[Kind, Copied]:
    """Copy everything in ``source`` to ``target``, and read it back there; ``say`` tells how far.

    What is in ``target`` already is only read, so a copy that was cut off can be started again, and
    again after the bot was stopped. Nothing in ``source`` changes. Raises StoreError if a file is
    not the same on both sides.
    """
    return {kind: await _copy(source, target, kind, say) for kind in KINDS}


async def _copy(
    source: Pictures, target: Pictures, kind: Kind, say: Callable[[str], None]
) -> Copied:
    slots = asyncio.Semaphore(_TOGETHER)
    files = size = total = written = 0

    async def one(name: str) -> None:
        nonlocal files, size, total, written
        async with slots:
            data = await source.read(name)
            if data is None:
                return  # deleted meanwhile
            there = await target.read(name)
            if there != data:
                await target.write(name, data)
                there = await target.read(name)
                written += 1
            if there != data:
                raise StoreError("{path} differs after it was copied.", path=name)
            files += 1
            size += len(data)
            digest = hashlib.sha256(name.encode() + b"\0" + data).digest()
            total = (total + int.from_bytes(digest, "big")) % _MODULUS

    async for found in source.found(kind):
        names = [each.name for each in found if "/." not in each.name]
        for start in range(0, len(names), 1000):
            try:
                async with asyncio.TaskGroup() as tasks:
                    for name in names[start : start + 1000]:
                        tasks.create_task(one(name))
            except BaseExceptionGroup as group:
                # Before 3.11.4, Python wraps what is raised in an `except*` in another group.
                errors = group.subgroup(StoreError)
                if errors is None:
                    raise
                raise errors.exceptions[0] from None
            say(f"{kind}: {files} files, {size / 1e6:,.1f} MB")
    return Copied(files, size, f"{total:064x}", written)
