"""A store whose pictures cannot be reached for a while: nothing that was painted is lost."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import UnavailableError
from engine.events import Done
from engine.jobs import patience
from engine.jobs.queue import PaintQueue
from tests.engine.jobs.scripted import MemoryStore, ScriptedWorker, settle
from tests.tiny_model import PLACE, tiny_request


class AwayStore(MemoryStore):
    """Its pictures cannot be reached while ``away``."""

    away = False

    async def attachments(self, id):
        self._reach()
        return await super().attachments(id)

    async def rendered(self, id, done):
        self._reach()
        return await super().rendered(id, done)

    def _reach(self):
        if self.away:
            raise UnavailableError("The bucket can't be used.")


@pytest.fixture
async def queue(monkeypatch):
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.01)
    queue = PaintQueue(AwayStore(), device=None, record_frames=False)
    await queue.start()
    yield queue
    await queue.close()


async def ask(queue, worker, person="ann"):
    await queue.add_worker(worker)
    job = await queue.submit(tiny_request(), person=person, place=PLACE)
    await settle()
    return job


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  nothing tells that it changed
            await asyncio.sleep(0.005)


async def test_a_finished_picture_waits_until_it_can_be_stored(queue):
    store, worker = queue._painter._store, ScriptedWorker("tiny")
    job = await ask(queue, worker)
    store.away = True
    worker.finish()
    await asyncio.sleep(0.05)
    assert store.states[job.id] == "running"
    assert not isinstance(job.latest, Done)  # nobody is told before it is safe
    store.away = False
    await until(lambda: store.states[job.id] == "rendered")
    assert worker.painted == {job.id: 1}
    assert store.endings == {job.id: 1}


async def test_a_job_waits_for_its_pictures(queue):
    store, worker = queue._painter._store, ScriptedWorker("tiny")
    store.away = True
    job = await ask(queue, worker)
    assert worker.painted == {}
    store.away = False
    await until(lambda: worker.painted == {job.id: 1})


async def test_a_queue_that_closes_meanwhile_keeps_the_job(queue):
    store, worker = queue._painter._store, ScriptedWorker("tiny")
    job = await ask(queue, worker)
    store.away = True
    worker.finish()
    await settle()
    async with asyncio.timeout(5):
        await queue.close()
    assert store.states[job.id] == "queued"
    assert store.endings.total() == 0
