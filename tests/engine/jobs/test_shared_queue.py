"""Two processes with one store paint each other's jobs, in one order of people."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter

import pytest

from data import Store
from engine.errors import EngineError
from engine.events import Cancelled, Done, Queued
from engine.jobs.job import Job, JobRecord
from engine.jobs.queue import PaintQueue
from tests.engine.jobs.scripted import ScriptedWorker
from tests.tiny_model import PLACE, tiny_request

REST = (tiny_request(), "ann", PLACE)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """SQLite tells other processes nothing, so they look often; and nobody waits to take a job."""
    monkeypatch.setattr("engine.jobs.shared_line._LOOK_SECONDS", 0.02)
    monkeypatch.setattr("data.jobs.shared_jobs._SETTLED_MS", -1000)


class Process:
    """A queue with ``workers``; ``taken`` has the jobs that it took."""

    def __init__(self, store, workers):
        self.store, self.workers = store, workers
        self.taken: list[Job] = []
        self.queue = PaintQueue(store, device=None, record_frames=False, shared=store.shared)
        self.queue.exchange.on_taken = self.taken.extend

    async def publish(self):
        await self.store.shared.publish(*self.queue.capacity(), "{}")

    async def ask(self, person="ann", seconds=20.0, **values):
        request = tiny_request(**values)
        setattr(self.queue.estimator, "seconds", lambda request: seconds)  # noqa: B010  mypy
        job = await self.queue.submit(request, person=person, place=PLACE)
        job.seconds_left = seconds
        return job

    def painting(self):
        return [id for worker in self.workers for id in worker.jobs]


@pytest.fixture
async def processes(tmp_path):
    """Opens processes, each with the workers that are given."""
    async with contextlib.AsyncExitStack() as stack:

        async def open_processes(*workers):
            found = []
            for each in workers:
                store = await Store.open(tmp_path / "data")
                stack.push_async_callback(store.close)
                store.share("1")
                found.append(process := Process(store, each))
                await process.publish()
                await process.queue.start()
                stack.push_async_callback(process.queue.close)
                for worker in each:
                    await process.queue.add_worker(worker)
                await process.publish()
            return found

        yield open_processes


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  many things can make it true
            await asyncio.sleep(0.01)


async def test_a_free_worker_paints_what_waits_in_another_process(processes):
    busy, free = ScriptedWorker("tiny"), ScriptedWorker("tiny")
    here, there = await processes([busy], [])
    first, second = await here.ask(), await here.ask("bob")
    await until(lambda: here.painting() == [first.id])
    await there.queue.add_worker(free)
    there.workers.append(free)
    await until(lambda: there.painting() == [second.id])
    await until(lambda: second.closed)  # its watchers end without an ending
    assert [event async for event in second][:-1] == []
    assert here.queue.get(second.id) is None
    (taken,) = there.taken
    assert there.queue.get(second.id) is taken
    assert not taken.elsewhere
    assert taken.resumed  # its message may be there already
    free.finish()
    assert isinstance([event async for event in taken][-1], Done)
    assert (await here.store.job(second.id)).state == "rendered"


async def test_shares_hold_across_processes(processes):
    one, two = ScriptedWorker("tiny"), ScriptedWorker("tiny")
    here, there = await processes([one], [two])
    workers = (one, two)
    await here.ask("eve")
    await there.ask("eve")
    await until(lambda: all(worker.jobs for worker in workers))
    # Ann asks only here, where nobody else does, for as much as three others there.
    for _ in range(6):
        await here.ask("ann")
    people = ("ann", "bob", "cat", "dan")
    for person in people[1:] * 2:
        await there.ask(person)
    served: Counter[str] = Counter()
    for number in range(12):
        worker = workers[number % 2]
        before = dict(worker.jobs)
        worker.finish()
        await until(lambda: worker.jobs and worker.jobs.keys() != before.keys())  # noqa: B023
        (id,) = worker.jobs
        served[(await here.store.job(id)).person] += 1
        if number < 8:
            assert max(served.values()) - min(served[each] for each in people) < 2
    assert served == {"ann": 6, "bob": 2, "cat": 2, "dan": 2}


async def test_places_and_times_count_all_processes(processes, monkeypatch):
    monkeypatch.setattr("data.jobs.shared_jobs._SETTLED_MS", 60_000)  # each paints what it has
    here, there = await processes([ScriptedWorker("tiny")], [ScriptedWorker("tiny")])
    await here.ask("ann", 30)
    await there.ask("bob", 30)
    await until(lambda: here.painting() and there.painting())
    first, second, third = [await here.ask("ann", 10) for _ in range(3)]
    mine = await there.ask("bob", 10)
    await until(lambda: third.latest and third.latest.position == 5 and mine.latest)
    assert [job.latest.position for job in (first, mine, second)] == [2, 3, 4]
    # Two devices: 30 and 30 s, then 10 s each.
    await until(lambda: third.latest.eta == pytest.approx(50, abs=1))
    assert isinstance(mine.latest, Queued)
    assert mine.latest.eta == pytest.approx(40, abs=1)
    everyone = [(job.id, job.elsewhere) for _, job in there.queue.positions()]
    assert len(everyone) == 6
    assert [elsewhere for _, elsewhere in everyone].count(False) == 2
    assert [job.person for job in there.queue.overview()] == ["bob", "bob"]


async def test_a_process_that_drains_takes_nothing(processes):
    here, there = await processes([], [ScriptedWorker("tiny")])
    there.queue.draining = True
    await here.ask()
    await asyncio.sleep(0.1)
    assert there.painting() == []
    there.queue.draining = False
    await until(there.painting)


async def test_a_broken_worker_gets_no_jobs_of_others(processes):
    broken = ScriptedWorker("tiny")
    broken.condition = "broken"
    here, there = await processes([], [broken])
    await here.ask()
    await asyncio.sleep(0.1)
    assert there.painting() == []
    broken.become("ready")
    await until(there.painting)


async def test_a_job_can_be_cancelled_while_it_moves(processes):
    here, there = await processes([], [])
    job = await here.ask()
    await there.store.shared.look()
    assert await there.store.shared.take(job.id)
    assert await here.queue.cancel(job.id)  # here nobody has noticed
    assert job.closed
    assert not isinstance(job.latest, Cancelled)
    assert (await there.store.job(job.id)).wish == "cancel"


async def test_a_job_that_was_taken_is_not_started(processes):
    worker = ScriptedWorker("tiny")
    here, there = await processes([], [])
    job = await here.ask()
    await there.store.shared.look()
    assert await there.store.shared.take(job.id)
    here.store.shared.look = there.store.shared.look  # here nobody notices it
    await here.queue.add_worker(worker)
    await until(lambda: job.closed)
    assert worker.painted == {}
    assert (await there.store.job(job.id)).state == "queued"


async def taken_and_ended(there, id):
    """As by a process that paints faster than the other one looks."""
    await there.store.shared.look()
    assert await there.store.shared.take(id)
    await there.store.started(id)
    await there.store.failed(id, "why")
    await there.store.set_result_message(id, "1")


async def test_a_job_that_ended_between_two_looks_is_forgotten(processes):
    here, there = await processes([], [])
    job, other = await here.ask(), await here.ask("bob")
    look, go = here.store.shared.look, asyncio.Event()

    async def late():
        await go.wait()
        return await look()

    here.store.shared.look = late
    await taken_and_ended(there, job.id)
    go.set()
    await until(lambda: job.closed)
    assert isinstance(job.latest, Queued | None)
    assert {each.id for each in here.queue.overview()} == {other.id}


async def test_a_job_that_ended_elsewhere_is_not_said_to_be_lost(processes):
    here, there = await processes([], [])
    job = await here.ask()
    found = await here.store.shared.look()

    async def old():
        return found

    here.store.shared.look = old  # nobody notices it here
    await taken_and_ended(there, job.id)
    await here.queue.add_worker(ScriptedWorker("tiny"))
    await until(lambda: here.queue.get(job.id) is None)
    assert job.closed
    assert isinstance(job.latest, Queued | None)
    assert not await here.queue.cancel(job.id)


async def test_a_look_that_is_older_than_a_take_takes_nothing_back(processes):
    here, there = await processes([], [])
    jobs = await here.queue.submit_grid([tiny_request()] * 2, person="ann", place=PLACE)
    look, seen, go = there.store.shared.look, asyncio.Event(), asyncio.Event()

    async def late():
        found = await look()
        seen.set()
        await go.wait()
        return found

    there.store.shared.look = late
    line = there.queue.exchange.line
    line.look_again()
    looking = asyncio.create_task(line.update())
    await seen.wait()
    assert await there.queue.exchange.take(Job(JobRecord(jobs[0].id, *REST)))
    go.set()
    await looking
    assert {job.id for job in jobs} == set(there.queue._jobs)
    assert not any(job.closed for job in there.taken)


async def test_a_whole_grid_moves_and_is_painted_together(processes):
    here, there = await processes([], [ScriptedWorker("tiny", slots=3)])
    jobs = await here.queue.submit_grid([tiny_request()] * 3, person="ann", place=PLACE)
    await until(lambda: len(there.painting()) == 3)
    assert {job.id for job in there.taken} == {job.id for job in jobs}
    assert len({job.grid for job in there.taken}) == 1
    await until(lambda: all(job.closed for job in jobs))


async def test_a_store_that_fails_costs_nobody_a_job(processes, caplog):
    here, there = await processes([], [ScriptedWorker("tiny")])
    shared, works = there.store.shared, False
    take, look = shared.take, shared.look

    async def flaky(method, *values):
        if not works:
            raise EngineError("The database is away.")
        return await method(*values)

    shared.take = lambda id: flaky(take, id)
    job = await here.ask()
    await asyncio.sleep(0.1)
    shared.look = lambda: flaky(look)
    with caplog.at_level(logging.ERROR):
        await until(lambda: "could not look" in caplog.text)
    assert (await here.store.job(job.id)).state == "queued"
    works = True
    await until(there.painting)
