"""Looking at a server without changing it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import asyncpg

from data.postgres.connections import ERRORS, Server
from data.postgres.schema import version_of


@dataclass(frozen=True)
class Found:
    """A server's version as it calls itself, and the version of our tables; 0 without tables."""

    server: str
    version: int


def look(url: str) -> Found:
    """What is at ``url``. Blocks. Raises StoreError if it cannot be used."""
    return asyncio.run(_look(Server(url, 0)))


async def _look(server: Server) -> Found:
    try:
        connection = await server.connect()
        try:
            name = await connection.fetchval("SHOW server_version")
            version = 0
            with contextlib.suppress(asyncpg.UndefinedTableError):
                version = await version_of(connection)
            return Found(str(name), version)
        finally:
            await connection.close()
    except (*ERRORS, ValueError) as error:
        raise server.unopened(error) from error
