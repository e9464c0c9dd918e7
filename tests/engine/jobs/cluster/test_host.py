"""The worker's side of the conversation: nothing is lost or done twice if an answer is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.events import Done, Progress
from engine.jobs.cluster import host as hosts
from engine.jobs.cluster.files import Carried, Packed, Piece
from engine.jobs.cluster.host import Gone, WorkerHost
from engine.version import version
from engine.worker.messages import (
    Heartbeat,
    JobEvent,
    Paint,
    Ready,
    Saved,
    Stepped,
    Stop,
    WorkerSettings,
)

ID = "a" * 32


class Process(hosts._RelayedWorker):
    """A worker whose process is the test."""

    got: list[object]

    async def start(self) -> None:
        self.alive, self.got = True, []

    @property
    def pid(self) -> int:
        return 12

    def send(self, message: object) -> None:
        self.got.append(message)


class File:
    """A small file of a test."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self.read, self.write = self._path.read_bytes, self._path.write_bytes
        self.exists = self._path.exists


@pytest.fixture
async def host(monkeypatch, tmp_path):
    monkeypatch.setattr(hosts, "_RelayedWorker", Process)
    monkeypatch.setattr(hosts, "POLL_SECONDS", 0.02)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    host = WorkerHost(WorkerSettings())
    begun = await host.begin()
    assert (begun.pid, begun.version) == (12, version())
    return host


async def received(host, confirmed, count=1):
    """The report once it has ``count`` messages."""
    async with asyncio.timeout(2):
        while len((report := await host.receive(confirmed)).messages) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return report


async def test_messages_are_kept_until_the_queue_has_them(host):
    process = host._worker
    for message in (Ready("cpu"), Heartbeat(), Stepped(ID, 0, 1.0)):
        process.deliver(message)
    first = await received(host, 0, 2)
    assert first.messages == (Ready("cpu"), Stepped(ID, 0, 1.0))  # a heartbeat says nothing more
    assert await received(host, 0, 2) == first  # the answer was lost
    process.deliver(Stepped(ID, 1, 2.0))
    second = await received(host, first.number)
    assert second.messages == (Stepped(ID, 1, 2.0),)
    assert (await host.receive(second.number)).messages == ()
    process.hung = True
    process.mark_dead()
    assert (await received(host, second.number)).messages == (Gone(True, False, False),)


async def test_a_batch_that_comes_twice_is_taken_once(host):
    await host.send(1, [Stop(ID)])
    await host.send(1, [Stop(ID)])
    assert host._worker.got == [Stop(ID)]


async def test_what_a_job_saved_comes_before_it_is_said_and_its_files_go_with_its_end(host):
    order = Paint(ID, "{}", {}, "/queue/state", frames="/queue/frames")
    await host.send(1, [Packed(order, b"old")])
    [there] = host._worker.got
    state, frames = File(there.state), File(there.frames)
    assert state.read() == b"old"
    state.write(b"new")
    frames.write(b"one")
    host._worker.deliver(Saved(ID, 3))
    report = await received(host, 0)
    saved = (Piece("state", 0, b"new"), Piece("frames", 0, b"one"))
    assert report.messages == (Carried(Saved(ID, 3), saved),)
    frames.write(b"one, two")
    progress = JobEvent(ID, Progress(4, 5, b"", {}, None))
    done = JobEvent(ID, Done(b"png", 7, 1.0, 5, 32, 32))
    host._worker.deliver(progress)
    host._worker.deliver(done)
    report = await received(host, report.number, 2)
    assert report.messages == (progress, Carried(done, (Piece("frames", 3, b", two"),)))
    assert not state.exists()


async def test_files_of_workers_that_were_killed_are_deleted(host, tmp_path):
    mine = host._files._folder
    dead, other = tmp_path / "imagine-bot-jobs-999999999-x", tmp_path / "imagine-bot-jobs-1-x"
    for folder in (dead, other):
        folder.mkdir()
    WorkerHost(WorkerSettings())
    assert not dead.exists()
    assert other.exists()
    assert mine.exists()
