"""Hearing what other processes tell by NOTIFY, and comparing this machine's clock."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from data.postgres.connections import ERRORS, Server
from engine.clock import now_ms
from engine.tasks import spawn

log = logging.getLogger("data.postgres.listening")

_LOOK_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
# A smaller difference of two clocks is within what a statement takes.
_WORTH_A_WARNING_MS = 5000


def channel_name(channel: str) -> str:
    """PostgreSQL's name of a channel."""
    return f"imagine_{channel}"


class Listening:
    """One connection that listens for as long as the database is open; opened again if lost."""

    def __init__(self, server: Server) -> None:
        self.skew = 0  # ms by which the server's clock is ahead of ours
        self._server = server
        self._heard: dict[str, list[Callable[[], None]]] = {}
        self._connection: Any = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start listening."""
        self._task = spawn(self._work(), "listening")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Call ``heard`` when something is told, or may have been missed."""
        self._heard.setdefault(channel, []).append(heard)
        self._changed.set()

    async def compare_clocks(self, connection: Any) -> None:
        """Measure the skew; half of what the statement takes is its error."""
        before = now_ms()
        there = await connection.fetchval(
            "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT"
        )
        skew = there - (before + now_ms()) // 2
        if abs(skew - self.skew) > _WORTH_A_WARNING_MS:
            log.warning(
                "The database's clock differs from this machine's by %.1f s; leases follow the "
                "database's",
                skew / 1000,
            )
        self.skew = skew

    async def _work(self) -> None:
        while True:
            try:
                await self._listen()
            except ERRORS as error:
                log.info("Not listening for the moment: %s", error)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen(self) -> None:
        connection = await self._server.connect()
        try:
            known: set[str] = set()
            while True:
                self._changed.clear()
                for channel in self._heard.keys() - known:
                    await connection.add_listener(channel_name(channel), self._wake)
                    known.add(channel)
                    self._call(channel)  # what was told before
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._changed.wait()
                except TimeoutError:
                    await self.compare_clocks(connection)  # fails if the connection was lost
        finally:
            connection.terminate()

    def _wake(self, connection: object, process: int, channel: str, text: str) -> None:
        self._call(channel.removeprefix(channel_name("")))

    def _call(self, channel: str) -> None:
        for heard in self._heard.get(channel, ()):
            heard()
