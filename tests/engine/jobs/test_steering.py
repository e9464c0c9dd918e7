"""Steering jobs of the queue, with a real store, and with a process that is killed."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from collections import Counter
from typing import Any

import pytest
from PIL import Image

from engine.events import Done, Progress
from engine.jobs.queue import PaintQueue
from engine.painting.pipeline import imagine
from engine.worker.messages import Steered
from tests.engine.jobs.scripted import MemoryStore, ScriptedWorker
from tests.engine.jobs.test_queue import ask, ending, picture, progressed, running
from tests.tiny_model import PLACE, tiny_request

pytestmark = pytest.mark.usefixtures("tiny_catalogue")
BLUE = {"paint": "a blue circle"}


async def test_a_steered_job_is_stored_as_it_was_painted(tmp_path):
    async with running(tmp_path) as queue:
        job = await ask(queue, iterations=30)
        assert not await queue.steer(job.id, BLUE)  # it waits
        await progressed(job, 2)
        assert await queue.steer(job.id, BLUE)
        assert await queue.steer(job.id, {"longer": 3})
        done = await ending(job)
        assert isinstance(done, Done)
        assert done.iterations == 33
        stored = await queue.store.job(job.id)
        assert stored is not None
        assert stored.request == job.request
        nudge, longer = stored.request.steering
        assert (nudge.paint, longer.longer) == ("a blue circle", 3)
        assert 2 <= nudge.at <= longer.at < 30
        assert not await queue.steer(job.id, BLUE)  # it is over
        *_, last = imagine(stored.request)
        assert picture(done.picture) == last.to_pil().tobytes()
        inside = Image.open(io.BytesIO(done.picture)).text  # type: ignore[attr-defined]  # a PNG
        assert json.loads(inside["imagine-bot request"])["steering"][0]["at"] == nudge.at
        assert queue.estimator.seconds(stored.request) == pytest.approx(
            queue.estimator.seconds(tiny_request(iterations=30)) * 1.1
        )


@pytest.mark.slow
async def test_a_job_that_was_steered_goes_on_steered_when_its_process_is_killed(tmp_path):
    async with running(tmp_path, in_process=False) as queue:
        job = await ask(queue, iterations=60)
        await progressed(job, 3)
        assert await queue.steer(job.id, BLUE)
        assert await queue.steer(job.id, {"freeze": "@left"})
        async for _ in job:
            if len(job.request.steering or ()) == 2:
                break
        await progressed(job, job.request.steering[-1].at + 2)
        [worker] = queue.workers()
        # The last one may be on its way, taken, or saved.
        assert await queue.steer(job.id, {"rate": 1.5})
        os.kill(worker.pid, signal.SIGKILL)
        done = await ending(job)
        stored = await queue.store.job(job.id)
        assert [each.change for each in stored.request.steering] == [
            "a blue circle",
            "freeze: @left",
            "rate: 1.5",
        ]
        *_, last = imagine(stored.request)
        assert picture(done.picture) == last.to_pil().tobytes()


async def settled() -> None:
    """Let everything happen that waits for nothing."""
    for _ in range(30):
        await asyncio.sleep(0)


class RememberingStore(MemoryStore):
    """Counts what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: Counter[str] = Counter()

    async def steered(self, id: str, key: str, request: Any) -> bool:
        self.noted[key] += 1
        return await super().steered(id, key, request)


async def test_a_change_is_told_to_each_worker_until_one_has_made_it():
    store, worker = RememberingStore(), ScriptedWorker("tiny")
    queue = PaintQueue(store, device=None)
    await queue.start()
    await queue.add_worker(worker)
    job = await queue.submit(tiny_request(), person="ann", place=PLACE)
    await settled()
    assert await queue.steer(job.id, BLUE)
    [key] = job.steering
    assert worker.told == [(json.dumps(BLUE), job.id)]
    worker.die()
    await settled()
    assert worker.painted[job.id] == 2
    assert worker.told == [(json.dumps(BLUE), job.id)] * 2
    for _ in range(2):  # it was asked twice
        worker.jobs[job.id].put_nowait(Steered(job.id, key, json.dumps({"at": 4, **BLUE})))
    worker.progress(5)
    await settled()
    assert isinstance(job.latest, Progress)
    assert [str(each) for each in job.request.steering or ()] == ["4: a blue circle"]
    assert store.noted == {key: 1}
    assert (job.steering, job.steered) == ({}, {key})
    queue.take_steering(job.id, {key: json.dumps(BLUE)})
    assert job.steering == {}
    worker.finish()
    assert isinstance(await ending(job), Done)
    await queue.close()
