"""A real `python -m bot` process with its worker, and a stand-in for Discord on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.standin import StandIn
from engine.models.catalogue import load_catalogue, models_folder
from tests.e2e.api.violations import violations
from tests.processes import worker_ids
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 90.0  # long, for machines that are busy


class BotProcess:
    """`python -m bot`, started as a host starts it."""

    def __init__(self, standin: StandIn, data: Path, log: Path, environment: dict[str, str]):
        self.standin, self.data, self.log = standin, data, log
        self.environment = environment
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it is connected to the gateway."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        await self.until(self.standin.gateway.ready.is_set, "the connection to the gateway")

    async def until(self, condition, what: str, seconds: float = TIMEOUT_SECONDS):
        """Wait until ``condition()`` is true; returns its value."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (found := condition()):
            assert self.process is not None
            ended = self.process.returncode is not None
            if ended or asyncio.get_running_loop().time() > deadline:
                pytest.fail(f"{what} did not happen:\n{self.log_text()}")
            await asyncio.sleep(0.02)
        return found

    def log_text(self) -> str:
        return self.log.read_text("utf-8")

    async def end(self, number: int = signal.SIGTERM, seconds: float = 15.0) -> int:
        """Send a signal and wait; returns the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), seconds)
        self.standin.gateway.ready.clear()
        return code

    def worker_ids(self) -> list[int]:
        """The process ids of its workers."""
        assert self.process is not None
        return worker_ids(self.process.pid)


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(autouse=True)
def described_requests(monkeypatch):
    """Fails a test whose requests or answers are not as Discord describes them.

    That is also for the stand-ins that benchmarks start.
    """
    servers: list[StandIn] = []
    start = StandIn.start

    async def start_and_remember(server: StandIn) -> None:
        servers.append(server)
        await start(server)

    monkeypatch.setattr(StandIn, "start", start_and_remember)
    yield
    for server in servers:
        check_described(server)


def check_described(server: StandIn) -> None:
    """Fail if a request or an answer is not as Discord describes it."""
    assert server.rest.unknown == [], "the bot used routes that the stand-in does not have"
    departures = violations(server.rest.requests)
    assert not departures, "not as Discord describes it:\n" + "\n".join(departures)


@pytest.fixture
async def standin():
    server = StandIn()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def model():
    """The model that the bot paints with; test modules can choose another."""
    return "tiny"


def drawn_or_tiny():
    """The shipped model if this checkout has its files, else the tiny one."""
    entry = load_catalogue().model("drawn")
    installed = all(source.location(models_folder()).is_file() for source in entry.sources)
    return "drawn" if installed else "tiny"


def host_environment(standin: StandIn, data: Path, catalogue: Path, model: str) -> dict[str, str]:
    """The settings that a host would write into .env."""
    return {
        "DISCORD_TOKEN": standin.token,
        "IMAGINE_DATA_FOLDER": str(data),
        "IMAGINE_MODEL": model,
        "IMAGINE_MODELS_CATALOGUE": str(catalogue),
        "IMAGINE_DEVICE": "cpu",
        "IMAGINE_THREADS": "1",
        "IMAGINE_PREVIEW_SECONDS": "0.3",
        "IMAGINE_LOG_FORMAT": "json",
        "IMAGINE_TEST_DISCORD_URL": standin.url,
        "IMAGINE_TEST_MEDIA_HOST": f"127.0.0.1:{standin.port}",
    }


@pytest.fixture
def environment(standin, tmp_path, catalogue, model):
    return host_environment(standin, tmp_path / "data", catalogue, model)


@pytest.fixture
async def bot(standin, tmp_path, environment):
    """A running bot. Tests that kill it restart it themselves."""
    async with running_bot(standin, tmp_path, environment) as process:
        yield process


@contextlib.asynccontextmanager
async def running_bot(
    standin: StandIn, folder: Path, environment: dict[str, str]
) -> AsyncIterator[BotProcess]:
    """A bot whose data and log are in a folder; fails if it logs an unforeseen error."""
    process = BotProcess(standin, folder / "data", folder / "bot.log", environment)
    await process.start()
    try:
        yield process
    finally:
        await process.end(signal.SIGKILL)
    unexpected = [
        line
        for line in map(json.loads, process.log_text().splitlines())
        if line["level"] in ("error", "critical") and line["logger"].startswith("bot")
    ]
    assert not unexpected, "\n".join(line.get("error", line["message"]) for line in unexpected)


@pytest.fixture
def channel(standin):
    return standin.world.add_channel("paintings")


@pytest.fixture
def alice(standin):
    return standin.world.add_user("alice")


@pytest.fixture
def bob(standin):
    return standin.world.add_user("bob")
