"""The queue with several workers: order, fair shares, models, and workers that die."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import Counter, defaultdict
from itertools import count, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import Cancelled, Done, Failed, Progress, Queued
from engine.jobs.eta import EtaEstimator, finish_times
from engine.jobs.job import Job, JobRecord
from engine.jobs.line import Line
from engine.jobs.placing import Placing
from engine.jobs.queue import PaintQueue
from engine.worker.messages import JobEvent
from tests.engine.jobs.scripted import MemoryStore, ScriptedWorker, settle
from tests.tiny_model import PLACE, tiny_request


@contextlib.asynccontextmanager
async def painting(*workers):
    """A queue with these workers, on a store in memory."""
    queue = PaintQueue(MemoryStore(), device=None, record_frames=False)
    await queue.start()
    for worker in workers:
        await queue.add_worker(worker)
    try:
        yield queue
    finally:
        await queue.close()


async def ask(queue, person="ann", seconds=20.0, model="tiny"):
    request = tiny_request(model=model)
    estimate, queue.estimator.seconds = queue.estimator.seconds, lambda request: seconds
    job = await queue.submit(request, person=person, place=PLACE)
    queue.estimator.seconds = estimate
    job.seconds_left = seconds
    await settle()
    return job


def on(worker):
    return list(worker.jobs)


async def test_each_device_paints_one_and_those_who_wait_know_when():
    first, second = ScriptedWorker("tiny"), ScriptedWorker("tiny")
    async with painting(first, second) as queue:
        ann = [await ask(queue) for _ in range(3)]
        assert ann[0].latest == ann[1].latest  # both are next
        bob = [await ask(queue, "bob", seconds=5) for _ in range(2)]
        assert [on(first), on(second)] == [[ann[0].id], [ann[1].id]]
        assert queue.overview() == [ann[0], ann[1], bob[0], bob[1], ann[2]]
        assert [place for place, _ in queue.positions()] == [1, 1, 2, 3, 4]
        assert [job.eta for job in queue.overview()] == [20, 20, 25, 25, 45]
        assert bob[1].latest == Queued(3, 25)
        second.finish()
        await settle()
        assert on(second) == [bob[0].id]
        assert queue.position(bob[1].id) == 2


async def test_jobs_share_a_worker_only_when_no_other_has_it_free():
    first, second = ScriptedWorker("tiny", slots=2), ScriptedWorker("tiny", slots=2)
    async with painting(first, second) as queue:
        jobs = [await ask(queue) for _ in range(3)]
        assert [on(first), on(second)] == [[jobs[0].id, jobs[2].id], [jobs[1].id]]


@pytest.mark.parametrize(("wait", "moves"), [(9.0, False), (11.0, True)])
async def test_a_job_waits_for_a_device_with_its_model_unless_loading_is_faster(wait, moves):
    busy, free = ScriptedWorker("big"), ScriptedWorker("tiny")
    async with painting(busy, free) as queue:
        first = await ask(queue, model="big", seconds=wait)
        assert on(busy) == [first.id]
        second = await ask(queue, "bob", model="big")
        third = await ask(queue, "cat", model="tiny")
        assert on(free) == ([second.id] if moves else [])
        busy.finish()  # in order, although the third could have started earlier
        await settle()
        assert on(busy) == ([third.id] if moves else [second.id])
        assert on(free) == ([second.id] if moves else [third.id])


async def test_a_job_waits_no_longer_for_a_model_than_loading_it_takes():
    busy, free = ScriptedWorker("big", load_seconds=0.2), ScriptedWorker(load_seconds=0.2)
    async with painting(busy, free) as queue:
        await ask(queue, model="big", seconds=0.1)  # a wrong estimate: it takes longer
        second = await ask(queue, "bob", model="big")
        assert on(free) == []
        await asyncio.sleep(0.3)
        assert on(free) == [second.id]


async def test_jobs_go_to_ready_devices_and_to_broken_ones_only_if_there_are_no_others():
    first, second = ScriptedWorker(), ScriptedWorker()
    first.condition, second.condition = "starting", "broken"
    async with painting(first, second) as queue:
        job = await ask(queue)
        assert [on(first), on(second)] == [[], []]
        first.become("broken")
        await settle()
        assert on(first) == [job.id]
        later = await ask(queue)
        assert on(second) == [later.id]
        assert all(status.alive is False for status in queue.workers())


async def test_a_lost_device_is_avoided_by_its_job_as_long_as_there_is_another():
    first, second = ScriptedWorker("tiny"), ScriptedWorker()
    async with painting(first, second) as queue:
        job = await ask(queue)
        other = await ask(queue, "bob")
        first.die(lost_device=True)
        await settle()
        assert on(first) == []
        assert job.state == "running"
        assert queue.overview() == [other, job]
        assert await queue.stop(job.id)  # the next worker is told
        second.finish()
        await settle()
        assert on(second) == [job.id]
        assert second.told == [("stop", job.id)]
        second.die(lost_device=True)
        await settle()
        assert "painting device failed on this twice" in job.latest.reason


async def test_a_job_whose_worker_died_can_be_cancelled_while_no_device_is_free():
    first, second = ScriptedWorker("tiny"), ScriptedWorker()
    async with painting(first, second) as queue:
        job, other = await ask(queue), await ask(queue)
        first.die(out_of_memory=True)
        await settle()
        assert await queue.cancel(job.id)
        assert job.latest == Cancelled(None)
        assert queue.overview() == [other]
    assert queue.store.states == {job.id: "cancelled", other.id: "queued"}


async def test_a_closed_queue_keeps_jobs_whose_worker_died():
    first, second = ScriptedWorker("tiny"), ScriptedWorker()
    async with painting(first, second) as queue:
        await ask(queue)
        await ask(queue)
        first.die(lost_device=True)
        await settle()
    assert set(queue.store.states.values()) == {"queued"}


async def test_a_worker_with_several_slots_paints_several_jobs():
    wide = ScriptedWorker("tiny", slots=3)
    async with painting(wide) as queue:
        jobs = [await ask(queue) for _ in range(5)]
        assert on(wide) == [job.id for job in jobs[:3]]
        wide.finish()
        await settle()
        assert on(wide) == [job.id for job in jobs[3:]]


async def test_jobs_of_a_worker_that_died_run_alone_until_they_have_progressed():
    wide = ScriptedWorker("tiny", slots=3)
    async with painting(wide) as queue:
        jobs = [await ask(queue) for _ in range(3)]
        wide.die()
        await settle()
        assert on(wide) == [jobs[0].id]
        wide.progress(1, saved=True)
        wide.finish()
        await settle()
        assert on(wide) == [jobs[1].id]
        wide.die()  # it ends alone: the second death without progress
        await settle()
        assert [job.state for job in jobs] == ["rendered", "failed", "running"]
        later = await ask(queue)
        assert on(wide) == [jobs[2].id]
        wide.progress(2, saved=True)
        queue._dispatcher.wake()
        await settle()
        assert on(wide) == [jobs[2].id, later.id]


async def test_the_times_of_jobs_that_share_a_worker_are_its_work():
    wide = ScriptedWorker("tiny", slots=2)
    async with painting(wide) as queue:
        first, second = [await ask(queue) for _ in range(2)]
        waiting = await ask(queue, seconds=10)
        for messages in wide.jobs.values():  # each would take 15 s alone
            messages.put_nowait(JobEvent("", Progress(5, 10, b"", {}, 30.0)))
        await settle()
        queue._places.refresh()
        assert (first.eta, second.eta) == (30, 30)
        assert waiting.eta == 40
        assert queue.position(waiting.id) == 2


WORKERS = st.integers(0, 2)
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(["ann", "bob", "cat"])),
        st.tuples(st.just("die"), WORKERS),
        st.tuples(st.just("lose"), WORKERS),
        st.tuples(st.just("hang"), WORKERS),
        st.tuples(st.just("save"), WORKERS),
        st.tuples(st.just("finish"), WORKERS),
        st.tuples(st.just("break"), WORKERS),
        st.tuples(st.just("mend"), WORKERS),
        st.tuples(st.just("cancel"), st.integers(0, 9)),
        st.tuples(st.just("stop"), st.integers(0, 9)),
        st.tuples(st.just("step"), st.just(0)),
    ),
    max_size=40,
)


@settings(deadline=None, max_examples=60)
@given(HAPPENINGS, st.integers(1, 3))
def test_no_job_is_lost_or_ends_twice_whenever_workers_die(happenings, number):
    asyncio.run(_live_through(happenings, number))


def _meet(worker, what, iteration):
    match what:
        case "die" | "lose" | "hang":
            worker.die(lost_device=what == "lose", hung=what == "hang")
        case "save":
            worker.progress(iteration, saved=True)
        case "finish":
            worker.finish()
        case "break" | "mend":
            worker.become("broken" if what == "break" else "ready")


async def _live_through(happenings, number):
    workers = [ScriptedWorker("tiny", slots=1 + i % 2) for i in range(number)]
    store = MemoryStore()
    queue = PaintQueue(store, device=None, record_frames=False)
    await queue.start()
    for worker in workers:
        await queue.add_worker(worker)
    jobs, iterations = [], count(1)
    for what, which in happenings:
        if what == "ask":
            jobs.append(await queue.submit(tiny_request(), person=which, place=PLACE))
        elif what in ("cancel", "stop"):
            for job in jobs[which : which + 1]:
                await getattr(queue, what)(job.id)
        elif what == "step":
            await asyncio.sleep(0)
        else:
            _meet(workers[which % number], what, next(iterations))
        held = Counter(id for worker in workers for id in worker.jobs)
        assert not held or max(held.values()) == 1
    for worker in workers:
        worker.become("ready")
    for _ in range(4 * len(jobs) + 1):
        await settle()
        for worker in workers:
            worker.finish()
    await settle()
    assert queue.idle
    assert all(isinstance(job.latest, Done | Failed | Cancelled) for job in jobs)
    assert store.endings == {job.id: 1 for job in jobs}
    await queue.close()


# Fair shares, simulated: each device paints for as many seconds as was estimated.

JOBS = st.lists(
    st.tuples(
        st.integers(0, 30),  # when
        st.sampled_from("abcd"),
        st.sampled_from(["m", "n", "o"]),
        st.integers(1, 40),  # seconds
    ),
    min_size=1,
    max_size=40,
)


class Simulation:
    """Jobs that arrive at devices which paint for exactly as long as was estimated.

    It checks each start: nobody who waits has fewer seconds than another since both wait, give or
    take two jobs; and a device is free for no longer than loading a model takes.
    """

    def __init__(self, jobs, devices, load):
        self.now, self.load, self.number = 0.0, load, count()
        self.largest = max(seconds for *_, seconds in jobs)
        self.estimator = EtaEstimator()
        self.placing = Placing(self.estimator, lambda: self.now)
        self.line = Line(self.estimator)
        self.placing.workers = [ScriptedWorker("m", load_seconds=load) for _ in range(devices)]
        self.arrivals = sorted(jobs)
        self.ends: list[tuple[float, int, Job]] = []
        self.served: dict[str, float] = defaultdict(float)
        self.at_first: dict[
            str, dict[str, float]
        ] = {}  # what all had when this person began to wait
        self.free_since: float | None = None
        self.started = 0

    def run(self):
        while self.arrivals or self.ends or self.line.peek() is not None:
            self.arrive()
            self.end()
            self.start_jobs()
            self.check_free_devices()
            moments = [end for end, _, _ in self.ends[:1]] + [
                when for when, *_ in self.arrivals[:1]
            ]
            patience = self.placing.patience()
            if patience is not None:
                moments.append(self.now + patience)
            self.now = max(self.now, min(moments, default=self.now))

    def arrive(self):
        while self.arrivals and self.arrivals[0][0] <= self.now:
            _, person, model, seconds = self.arrivals.pop(0)
            job = Job(JobRecord(str(next(self.number)), tiny_request(model=model), person, PLACE))
            job.seconds_left = seconds
            self.line.push(job)
            self.at_first.setdefault(person, self.served.copy())

    def end(self):
        while self.ends and self.ends[0][0] <= self.now:
            del self.placing.running[heapq.heappop(self.ends)[2]]
        for end, _, job in self.ends:
            job.seconds_left = end - self.now

    def start_jobs(self):
        while (job := self.line.peek()) is not None:
            worker = self.placing.place(job)
            if worker is None:
                return
            assert self.line.pop() is job
            self.started += 1
            assert isinstance(worker, ScriptedWorker)
            seconds = self.estimator.seconds_left(job)
            self.served[job.person] += seconds
            end = self.now + worker.load_seconds(job.request.model) + seconds
            heapq.heappush(self.ends, (end, next(self.number), job))
            worker.loaded = [*worker.loaded[-1:], job.request.model]
            self.check_shares()
        self.placing.nothing_waits()

    def check_shares(self):
        people = {job.person for job in self.line}
        self.at_first = {who: had for who, had in self.at_first.items() if who in people}
        for who, other in permutations(people, 2):
            mine, theirs = self.at_first[who], self.at_first[other]
            since = max(mine[other], theirs[other])
            ahead = (self.served[other] - since) - (self.served[who] - mine[who])
            assert ahead <= 2 * self.largest

    def check_free_devices(self):
        if self.line.peek() is None or len(self.ends) == len(self.placing.workers):
            self.free_since = None
        else:
            self.free_since = self.now if self.free_since is None else self.free_since
            assert self.now - self.free_since <= self.load


@settings(deadline=None, max_examples=200)
@given(JOBS, st.integers(1, 4), st.integers(0, 20))
def test_people_who_wait_get_the_same_seconds_whatever_the_devices(jobs, devices, load):
    simulation = Simulation(jobs, devices, load)
    simulation.run()
    assert simulation.started == len(jobs)


@given(st.lists(st.integers(0, 50), max_size=4), st.lists(st.integers(1, 50)), st.integers(1, 4))
def test_times_add_up_over_devices(running, waiting, devices):
    running = running[:devices]
    times = finish_times(running, waiting, devices)
    starts = [time - seconds for time, seconds in zip(times, waiting, strict=True)]
    assert starts == sorted(starts)
    spans = [(0, left) for left in running] + list(zip(starts, times, strict=True))
    for moment in {start for start, _ in spans}:
        assert sum(start <= moment < end for start, end in spans) <= devices
    if devices == 1:
        assert times == [sum(running) + sum(waiting[: i + 1]) for i in range(len(waiting))]
    for start in starts:  # a job waits only while every device is busy
        assert start == 0 or sum(begin < start <= end for begin, end in spans) == devices


async def ask_grid(queue, count, person="ann", seconds=20.0):
    requests = [tiny_request(seed=seed) for seed in range(count)]
    estimate, queue.estimator.seconds = queue.estimator.seconds, lambda request: seconds
    jobs = await queue.submit_grid(requests, person=person, place=PLACE)
    queue.estimator.seconds = estimate
    await settle()
    return jobs


async def test_a_grid_starts_together_on_one_device_and_counts_as_its_person_s_work():
    worker = ScriptedWorker("tiny")
    async with painting(worker) as queue:
        first = await ask(queue, "cat")
        grid = await ask_grid(queue, 4)
        bob = [await ask(queue, "bob", seconds=20.0) for _ in range(3)]
        again = await ask(queue, seconds=20.0)
        assert {job.grid for job in grid} == {grid[0].id}
        worker.finish(first.id)
        await settle()
        assert on(worker) == [job.id for job in grid]  # bob waits, as for one job
        for job in grid:
            worker.finish(job.id)
            await settle()
        order = []
        while worker.jobs:
            [id] = on(worker)
            order.append(id)
            worker.finish(id)
            await settle()
        assert order == [*(job.id for job in bob), again.id]


async def test_the_pictures_of_a_grid_go_to_free_devices_first():
    first, second = ScriptedWorker("tiny"), ScriptedWorker("tiny")
    async with painting(first, second) as queue:
        grid = await ask_grid(queue, 3)
        assert sorted([*on(first), *on(second)]) == sorted(job.id for job in grid)
        assert on(first) != []
        assert on(second) != []


async def test_a_grid_is_stored_whole_or_not_at_all(monkeypatch):
    store_add = MemoryStore.add_all

    async def refuse(store, records, pictures):
        await store_add(store, records, pictures)
        raise OSError("no space left")

    monkeypatch.setattr(MemoryStore, "add_all", refuse)
    async with painting(ScriptedWorker("tiny")) as queue:
        with pytest.raises(OSError, match="no space"):
            await ask_grid(queue, 4)
        assert queue.overview() == []
