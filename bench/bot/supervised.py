"""`python -m bot` as a service manager runs it: restarted whenever it exits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.standin import StandIn
from tests.databases import read_rows
from tests.processes import worker_ids
from tests.tiny_model import write_tiny_model

_ROOT = Path(__file__).resolve().parents[2]
_PAUSE = 0.5  # seconds before a restart


class SupervisedBot:
    """The bot's process with its own data folder; its output goes to ``bot.log``.

    ``starts`` counts how often it was started.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.data = folder / "data"
        self.log = folder / "bot.log"
        self.starts = 0
        self._environment = {**environment, "IMAGINE_DATA_FOLDER": str(self.data)}
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._ending = False

    async def start(self) -> None:
        """Start it, and restart it whenever it exits."""
        self._ending = False
        await self._start()
        self._watching = asyncio.create_task(self._watch(), name="supervisor")

    async def _start(self) -> None:
        self.starts += 1
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                cwd=_ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
            )

    async def _watch(self) -> None:
        while not self._ending:
            assert self._process is not None
            await self._process.wait()
            if not self._ending:
                await asyncio.sleep(_PAUSE)
                await self._start()

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Stop it as a service manager does, and kill it after 15 s. Returns its exit code."""
        self._ending = True
        assert self._process is not None
        self.signal_bot(number)
        try:
            code = await asyncio.wait_for(self._process.wait(), 15)
        except TimeoutError:
            self.signal_bot(signal.SIGKILL)
            code = await self._process.wait()
        if self._watching is not None:
            await self._watching
        return code

    @property
    def pid(self) -> int | None:
        """The id of the running process, else None."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    def signal_bot(self, number: int) -> None:
        """Send a signal to the bot if it is running."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def signal_worker(self, number: int, rng: random.Random) -> bool:
        """Send a signal to its worker, of several to some; returns whether there was one."""
        workers = self.workers()
        if len(workers) > 1:
            workers = rng.sample(workers, rng.randint(1, len(workers)))
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, number)
        return bool(workers)

    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return worker_ids(self.pid)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Rows of its database, read while it runs; empty if there is no database yet."""
        file = self.data / "imagine-bot.sqlite3"
        if not file.exists():
            return []
        try:
            return read_rows(file, sql, *values)
        except sqlite3.OperationalError:  # tables are being created, or the file replaced
            return []

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text("utf-8").splitlines()[-lines:])


def environment(standin: StandIn, folder: Path, **more: str) -> dict[str, str]:
    """The environment of a bot that paints with the tiny model for a stand-in of Discord."""
    return {
        "DISCORD_TOKEN": standin.token,
        "IMAGINE_MODEL": "tiny",
        "IMAGINE_MODELS_CATALOGUE": str(write_tiny_model(folder)),
        "IMAGINE_DEVICE": "cpu",
        "IMAGINE_THREADS": "1",
        "IMAGINE_METRICS_PORT": "0",
        "IMAGINE_MAX_JOBS_PER_PERSON": "1000",
        "IMAGINE_TEST_DISCORD_URL": standin.url,
        "IMAGINE_TEST_MEDIA_HOST": f"127.0.0.1:{standin.port}",
        **more,
    }


async def eventually(condition: Any, seconds: float, every: float = 0.05) -> bool:
    """Wait until ``condition()`` is true, for at most ``seconds``; returns whether it is."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every)
    return True
