"""A real `python -m bot` process, its worker, and a stand-in for Discord on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from engine.models.catalogue import load_catalogue, models_folder
from tests.e2e.standin import StandIn
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 90.0  # seconds, on a machine that does other things too


class BotProcess:
    """`python -m bot`, started as a person starts it."""

    def __init__(self, standin: StandIn, data: Path, log: Path, environment: dict[str, str]):
        self.standin, self.data, self.log = standin, data, log
        self.environment = environment
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and wait until it has come to the gateway."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, **self.environment})
        await self.until(self.standin.gateway.ready.is_set, "the bot at the gateway")

    async def until(self, condition, what: str, patience: float = PATIENCE):
        """Wait until ``condition()`` holds; what it gave."""
        deadline = asyncio.get_running_loop().time() + patience
        while not (found := condition()):
            assert self.process is not None
            ended = self.process.returncode is not None
            if ended or asyncio.get_running_loop().time() > deadline:
                pytest.fail(f"{what} did not come about:\n{self.log_text()}")
            await asyncio.sleep(0.02)
        return found

    def log_text(self) -> str:
        return self.log.read_text("utf-8")

    async def end(self, number: int = signal.SIGTERM, patience: float = 15.0) -> int:
        """Signal it and wait; its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        code = await asyncio.wait_for(self.process.wait(), patience)
        self.standin.gateway.ready.clear()
        return code

    def worker_ids(self) -> list[int]:
        """The process ids of its workers."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task")
        found = []
        for children in tasks.glob("*/children"):
            found += [int(number) for number in children.read_text().split()]
        return [number for number in found if b"engine.worker.main" in _command_line(number)]


def _command_line(number: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{number}/cmdline").read_bytes()
    return b""


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    return write_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
async def standin():
    server = StandIn()
    await server.start()
    yield server
    await server.stop()
    assert server.rest.unknown == [], "the bot used routes that the stand-in does not have"


@pytest.fixture
def model():
    """The model that the bot paints with; a test module may choose another."""
    return "tiny"


def drawn_or_tiny():
    """The shipped model where this checkout has its files, else the tiny one."""
    entry = load_catalogue().model("drawn")
    there = all(source.where(models_folder()).is_file() for source in entry.sources)
    return "drawn" if there else "tiny"


@pytest.fixture
def environment(standin, tmp_path, catalogue, model):
    """The settings that a host would write into .env."""
    return {
        "DISCORD_TOKEN": standin.token, "IMAGINE_DATA_FOLDER": str(tmp_path / "data"),
        "IMAGINE_MODEL": model, "IMAGINE_MODELS_CATALOGUE": str(catalogue),
        "IMAGINE_DEVICE": "cpu", "IMAGINE_THREADS": "1", "IMAGINE_PREVIEW_SECONDS": "0.3",
        "IMAGINE_LOG_FORMAT": "json", "IMAGINE_TEST_DISCORD_URL": standin.url,
        "IMAGINE_TEST_MEDIA_HOST": f"127.0.0.1:{standin.port}"}


@pytest.fixture
async def bot(standin, tmp_path, environment):
    """A running bot. A test that kills it starts it again itself."""
    process = BotProcess(standin, tmp_path / "data", tmp_path / "bot.log", environment)
    await process.start()
    yield process
    await process.end(signal.SIGKILL)
    unforeseen = [line for line in map(json.loads, process.log_text().splitlines())
                  if line["level"] in ("error", "critical") and line["logger"].startswith("bot")]
    assert not unforeseen, "\n".join(line.get("error", line["message"]) for line in unforeseen)


@pytest.fixture
def channel(standin):
    return standin.world.add_channel("paintings")


@pytest.fixture
def alice(standin):
    return standin.world.add_user("alice")


@pytest.fixture
def bob(standin):
    return standin.world.add_user("bob")
