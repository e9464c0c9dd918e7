"""A job can be stopped and cancelled from any process that shares the store."""

from __future__ import annotations

import asyncio

import pytest

from bot.host.wishes import WishWork
from bot.requests.removal import Removal
from data import Store
from engine.events import Cancelled
from engine.jobs.queue import PaintQueue
from tests.data.stored_jobs import HERE, record
from tests.postgres import running_server


@pytest.fixture(params=["sqlite", "postgres"])
async def stores(request, tmp_path):
    """Those of two processes."""
    url = None
    if request.param == "postgres":
        url = await asyncio.to_thread(running_server().clean_database, "store")
    opened = [await Store.open(tmp_path, database_url=url) for _ in range(2)]
    yield opened
    for store in opened:
        await store.close()


@pytest.fixture
async def queues(stores):
    """Their queues, without workers."""
    started = [PaintQueue(store, device=None) for store in stores]
    for queue in started:
        await queue.start()
    yield started
    for queue in started:
        await queue.close()


class NoDeliveries:
    """Posts nothing."""

    async def next_event(self, events):
        raise AssertionError(events)

    async def stop_posting(self, job_id, seconds):
        pass


class NoDiscord:
    """Is asked nothing."""

    def get_partial_messageable(self, id, *, guild_id=None):
        raise AssertionError(id)

    async def fetch_user(self, user_id, /):
        raise AssertionError(user_id)


async def asked(queue):
    return await queue.submit(record().request, person="ann", place=HERE)


async def has_state(store, id, state):
    for _ in range(500):
        if (await store.job(id)).state == state:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_waiting_job_of_another_process_is_cancelled_there(stores, queues, monkeypatch):
    here, there = queues
    if stores[0].on_file:  # nobody tells another process
        monkeypatch.setattr("bot.host.wishes.LOOK_SECONDS", 0.05)
    work = WishWork(stores[1], there)
    work.start()
    job = await asked(there)
    assert not await here.stop(job.id)  # it waits
    assert await here.cancel(job.id)
    assert await has_state(stores[0], job.id, "cancelled")
    assert isinstance([event async for event in job][-1], Cancelled)
    assert there.get(job.id) is None
    assert not await here.cancel(job.id)
    assert not await here.cancel("0" * 32)
    await work.close()


async def test_a_job_that_is_removed_is_ended_where_it_is(stores, queues, monkeypatch):
    monkeypatch.setattr("bot.host.wishes.LOOK_SECONDS", 0.05)
    here, there = queues
    work = WishWork(stores[1], there)
    work.start()
    job = await asked(there)
    assert [each.id for each in await stores[0].server_jobs.unfinished("100")] == [job.id]
    assert await stores[0].server_jobs.unfinished("100", {"another"}) == []
    await Removal(stores[0], here, NoDeliveries(), NoDiscord()).end(job.id)
    assert there.get(job.id) is None
    assert await stores[0].server_jobs.unfinished("100") == []
    await work.close()


async def test_a_running_job_is_stopped_once_and_then_cancelled(stores, queues):
    here, there = queues
    job = await asked(there)
    await stores[1].started(job.id)
    job.state = "running"
    work = WishWork(stores[1], there)
    assert await work.look() == 0
    assert await here.stop(job.id)
    assert await work.look() == 1
    assert job.interrupt == "stop"
    assert await work.look() == 0
    assert await here.cancel(job.id)
    assert await work.look() == 1
    assert not await here.stop(job.id)  # it stays cancelled


async def test_a_dead_process_s_job_is_cancelled_by_the_one_that_takes_it_over(stores, queues):
    here, _there = queues
    store = stores[1]
    job = await asked(queues[1])
    await queues[1].close()
    await store._leases.release()
    assert await here.cancel(job.id)
    [taken], _ = await stores[0].adopted()
    assert (taken.id, taken.interrupt) == (job.id, "cancel")


async def test_a_running_job_is_steered_from_another_process_once(stores, queues):
    here, there = queues
    job = await asked(there)
    assert not await here.steer(job.id, {"paint": "a blue circle"})  # it waits
    await stores[1].started(job.id)
    job.state = "running"
    work = WishWork(stores[1], there)
    assert await here.steer(job.id, {"paint": "a blue circle"})
    assert await here.steer(job.id, {"rate": 1.5})
    assert await work.look() == 1
    assert await work.look() == 0
    first, second = job.steering
    assert job.steering[first] == '{"paint": "a blue circle"}'
    # One took effect, and a look that began before sees it still.
    before = await stores[1].wishes.steering()
    request = job.request.steered(3, {"paint": "a blue circle"})
    assert await stores[1].steered(job.id, first, request)
    del job.steering[first]
    job.steered.add(first)
    for id, steering in before:
        there.take_steering(id, steering)
    assert list(job.steering) == [second]
    stored = await stores[0].job(job.id)
    assert stored is not None
    assert stored.request == request
    assert not await stores[0].steered(job.id, second, request)  # it is the other process's
    assert await here.stop(job.id)
    assert not await here.steer(job.id, {"rate": 1.5})
    # The process that takes the job over goes on with what is left.
    await queues[1].close()
    await stores[1]._leases.release()
    [taken], _ = await stores[0].adopted()
    assert (taken.request, list(taken.steering)) == (request, [second])
