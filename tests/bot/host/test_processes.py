"""What the processes of a bot tell each other."""

from __future__ import annotations

import asyncio

import pytest

from bot.host.processes import ProcessWork
from data import Store
from engine.jobs.queue import PaintQueue
from tests.data.stored_jobs import HERE, added, done, record
from tests.engine.jobs.scripted import ScriptedWorker
from tests.postgres import running_server


class Deliveries:
    """Notes what it is asked for."""

    def __init__(self):
        self.taken, self.retried = [], asyncio.Event()

    def continue_taken(self, jobs):
        self.taken += jobs

    async def retry_all_refused(self):
        self.retried.set()


class Shards:
    def __init__(self, *held):
        self.held = frozenset(held)


class Process:
    """A process of the bot, with the parts that are tested here."""

    def __init__(self, store, number):
        self.store = store
        self.shared = store.share("1")
        self.queue = PaintQueue(store, device=None, shared=self.shared)
        self.deliveries = Deliveries()
        self.work = ProcessWork(
            self.shared, self.queue, Shards(number, number + 2), self.deliveries
        )


@pytest.fixture
async def processes(tmp_path, monkeypatch):
    """Two, of which the second has a worker."""
    monkeypatch.setattr("data.jobs.shared_jobs._SETTLED_MS", -1000)
    url = await asyncio.to_thread(running_server().clean_database, "store")
    found = [Process(await Store.open(tmp_path, database_url=url), n) for n in range(2)]
    for each in found:
        await each.queue.start()
    await found[1].queue.add_worker(ScriptedWorker("tiny", slots=2))
    for each in found:
        await each.work.start()
    yield found
    for each in found:
        await each.work.close()
        await each.queue.close()
        await each.store.close()


async def test_each_process_knows_the_others_and_their_workers(processes):
    first, second = processes
    (other,) = await second.work.others()
    assert (other.shards, other.workers) == ([0, 2], [])
    (other,) = await first.work.others()
    assert other == second.work.mine()
    assert [worker.alive for worker in other.workers] == [True]
    assert (await first.shared.look()).slots == 2
    second.queue.draining = True
    await second.work._publish()
    (other,) = await first.work.others()
    assert other.draining
    assert (await first.shared.look()).slots == 0  # nobody counts on it
    await second.work.close()
    assert await first.work.others() == []


async def test_what_a_process_takes_is_delivered_by_it(processes):
    first, second = processes
    job = await first.queue.submit(record().request, person="ann", place=HERE)
    async with asyncio.timeout(10):
        events = [event async for event in job]  # it ends without an ending
    assert all(event.position for event in events)
    assert first.work.mine().waiting == 0
    async with asyncio.timeout(10):
        while not second.deliveries.taken:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [each.id for each in second.deliveries.taken] == [job.id]
    async with asyncio.timeout(10):
        while second.work.mine().running == 0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_change_of_a_server_reaches_the_process_that_has_its_picture(processes):
    first, second = processes
    retried, server = second.deliveries.retried, int(str(HERE.guild_id))
    await asyncio.wait_for(retried.wait(), 5)  # as when it may have missed something
    retried.clear()
    id = await added(second.store)
    await second.store.started(id)
    await first.work.retry_elsewhere(server)  # there is nothing to post
    await second.store.rendered(id, done())
    await first.work.retry_elsewhere(server + 1)
    await asyncio.sleep(0.2)
    assert not retried.is_set()
    await first.work.retry_elsewhere(server)
    await asyncio.wait_for(retried.wait(), 5)
