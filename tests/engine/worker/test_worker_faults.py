"""Workers that get stuck."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from data import Store
from engine.events import Done, Progress
from engine.jobs.job import Job
from engine.jobs.queue import PaintQueue
from engine.worker.timeouts import ITERATIONS, MIN_SECONDS, SilenceTimeout, read_within
from tests.processes import is_running
from tests.tiny_model import PLACE, tiny_request

ROOT = Path(__file__).resolve().parents[3]
BOT = """
    import asyncio
    from engine.worker.messages import WorkerSettings
    from engine.worker.process import ProcessWorker

    class Printing(ProcessWorker):
        def deliver(self, message):
            print(self.pid, flush=True)

    async def main():
        worker = Printing(WorkerSettings(preload=None, threads=1))
        await worker.start()
        await asyncio.sleep(1000)

    asyncio.run(main())
"""


# Stuck workers.


def test_the_timeout_is_many_times_the_jobs_own_median():
    timeout = SilenceTimeout(900.0)
    assert timeout.seconds == 900
    timeout.stepped(0, 5.0)
    assert timeout.seconds == 5.0 * ITERATIONS
    for iteration in range(1, 20):
        timeout.stepped(iteration, 5.0 + iteration * 0.1)
    assert timeout.seconds == MIN_SECONDS
    timeout.busy()
    assert timeout.seconds == 900


def test_each_hang_doubles_the_timeout_up_to_the_limit_for_silence():
    assert [_after_hang(hangs) for hangs in range(3)] == [10.0, 20.0, 40.0]
    assert _after_hang(9) == 900


def _after_hang(hangs):
    timeout = SilenceTimeout(900.0, hangs)
    timeout.stepped(0, 0.01)
    return timeout.seconds


async def test_messages_that_arrived_while_this_process_was_suspended_count():
    inbox: asyncio.Queue[int] = asyncio.Queue()
    waiting = asyncio.create_task(read_within(inbox.get, 0.05))
    await asyncio.sleep(0.2)  # after the timeout, before the message
    inbox.put_nowait(1)
    assert await waiting == 1
    with pytest.raises(TimeoutError):
        await read_within(inbox.get, 0.05)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_worker_that_hangs_is_replaced_and_picture_and_frames_are_the_same(
    tmp_path, catalogue, monkeypatch
):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    monkeypatch.setattr("engine.worker.timeouts.MIN_SECONDS", 3.0)
    pictures, frames = [], []
    for hang in (False, True):
        store = await Store.open(tmp_path / str(hang))
        queue = PaintQueue(store, preload="tiny", threads=1, preview_every=0, save_every=0.5)
        await queue.start()
        job = await queue.submit(tiny_request(iterations=60), person="ann", place=PLACE)
        if hang:
            await _hang_in_mid_job(queue, job)
        [done] = [event async for event in job if isinstance(event, Done)]
        pictures.append(done.picture.split(b"IDAT", 1)[1])
        frames.append(store.frames_path(job.id).read_bytes())
        assert [status.starts for status in queue.workers()] == [1 + hang]
        await queue.close()
        await store.close()
    assert pictures[0] == pictures[1]
    assert frames[0] == frames[1]


async def _hang_in_mid_job(queue: PaintQueue, job: Job) -> None:
    async for event in job:
        if isinstance(event, Progress) and event.iteration > 5:
            break
    [status] = queue.workers()
    assert status.pid is not None
    os.kill(status.pid, signal.SIGSTOP)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_stuck_idle_worker_is_replaced_too(tmp_path, catalogue, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    monkeypatch.setattr("engine.worker.process._HEARTBEAT_SECONDS", 3.0)
    store = await Store.open(tmp_path / "data")
    queue = PaintQueue(store, preload="tiny", threads=1)
    await queue.start()
    job = await queue.submit(tiny_request(iterations=2), person="ann", place=PLACE)
    assert [event async for event in job if isinstance(event, Done)]
    [status] = queue.workers()
    assert status.pid is not None
    os.kill(status.pid, signal.SIGSTOP)
    job = await queue.submit(tiny_request(iterations=3), person="ann", place=PLACE)
    assert [event async for event in job if isinstance(event, Done)]
    assert [status.starts for status in queue.workers()] == [2]
    await queue.close()
    await store.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel does it")
def test_a_stuck_worker_is_killed_with_its_bot(catalogue, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(BOT)], cwd=ROOT, stdout=subprocess.PIPE
    ) as bot:
        assert bot.stdout is not None
        pid = int(bot.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        bot.kill()
    ends = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not is_running(pid)
