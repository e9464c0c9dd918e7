"""The real thing: Ray clusters of several machines, on this one."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util

import pytest

from bench.cluster.machines import ray_machines
from bench.cluster.nodes import small_requests, survive
from data import Store
from engine.events import Cancelled, Done, Progress
from engine.jobs.cluster.connection import Cluster, ClusterError
from engine.jobs.cluster.pool import ClusterPool
from engine.jobs.cluster.settings import ClusterSettings
from engine.jobs.queue import PaintQueue
from engine.painting.pipeline import imagine
from tests.engine.jobs.test_queue import picture
from tests.tiny_model import PLACE, tiny_request

with_ray = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="Ray isn't installed: pip install -c constraints.txt '.[cluster]'",
    ),
]


def slow_with_ray(function):
    """Mark a test that needs Ray and several seconds."""
    for mark in with_ray:
        function = mark(function)
    return function


@slow_with_ray
@pytest.mark.parametrize("client", [False, True])
async def test_a_machine_dies_and_no_picture_is_lost_painted_twice_or_different(tmp_path, client):
    """The short form of ``python -m bench.cluster.nodes``."""
    found = await survive(small_requests(18), tmp_path, client=client)
    assert found.finished == found.jobs == 18
    assert found.twice == found.different == 0
    assert found.machines >= 2


@contextlib.asynccontextmanager
async def painting(tmp_path, **settings):
    store = await Store.open(tmp_path / "data")
    pool = ClusterPool(ClusterSettings(**settings))
    queue = PaintQueue(
        store, device=None, preload="tiny", threads=1, preview_every=0, save_every=0.2, supply=pool
    )
    await queue.start()
    try:
        yield queue
    finally:
        await queue.close()
        await store.close()


async def reached(job, iteration):
    async for event in job:
        if isinstance(event, Progress) and event.iteration >= iteration:
            return


async def ending(job):
    async for event in job:
        last = event
    return last


@slow_with_ray
async def test_jobs_are_stopped_cancelled_and_continued_elsewhere(tmp_path, catalogue, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    async with ray_machines(2) as machines, painting(tmp_path) as queue:

        async def ask(**values):
            return await queue.submit(tiny_request(**values), person="ann", place=PLACE)

        stopped, cancelled = await ask(iterations=5000), await ask(iterations=5000)
        await asyncio.gather(reached(stopped, 3), reached(cancelled, 3))
        assert len({worker.pid for worker in queue.workers()}) == 2
        assert await queue.stop(stopped.id)
        assert await queue.cancel(cancelled.id)
        done, dropped = await asyncio.gather(ending(stopped), ending(cancelled))
        assert isinstance(done, Done)
        assert done.stopped
        assert isinstance(dropped, Cancelled)
        more = done.iterations + 20
        await machines.kill()
        machines.add()
        continued = await queue.submit(
            tiny_request(iterations=more), person="ann", place=PLACE, continues=stopped.id
        )
        finished = await ending(continued)
        assert isinstance(finished, Done)
        assert finished.iterations == more
        assert continued.saved_iteration == more
        lapse = await queue.submit(
            continued.request, person="ann", place=PLACE, time_lapse_of=continued.id
        )
        assert lapse.seconds_left is not None  # its frames came back from the machine
        assert isinstance(await ending(lapse), Done)


async def steered(job):
    """Wait until the job was changed, and was painted a little after that."""
    async for _ in job:
        if job.request.steering:
            break
    await reached(job, job.request.steering[-1].at + 5)


@slow_with_ray
async def test_steered_jobs_go_on_steered_when_a_machine_dies(tmp_path, catalogue, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    async with ray_machines(2) as machines, painting(tmp_path) as queue:
        jobs = [
            await queue.submit(tiny_request(seed=seed, iterations=600), person="ann", place=PLACE)
            for seed in (1, 2)
        ]
        await asyncio.gather(*(reached(job, 3) for job in jobs))
        assert len({worker.pid for worker in queue.workers()}) == 2
        for job in jobs:
            assert await queue.steer(job.id, {"paint": "a blue circle"})
        await asyncio.gather(*map(steered, jobs))
        assert all(isinstance(job.latest, Progress) for job in jobs)
        await machines.kill()
        machines.add()
        for job in jobs:
            done = await ending(job)
            assert isinstance(done, Done)
            assert done.iterations == 600
            stored = await queue.store.job(job.id)
            [nudge] = stored.request.steering
            assert nudge.paint == "a blue circle"
            *_, last = imagine(stored.request)
            assert picture(done.picture) == last.to_pil().tobytes()


@slow_with_ray
async def test_an_actor_that_does_not_answer_is_given_up():
    class Slow:
        async def wait(self) -> None:
            await asyncio.sleep(60)

    async with ray_machines(1):
        cluster = Cluster("ray")
        await cluster.open()
        actor = await cluster.create(Slow, cpus=0, gpus=0)
        with pytest.raises(ClusterError):
            await cluster.call(actor.wait, seconds=0.5)
        waiting = asyncio.create_task(cluster.call(actor.wait, seconds=None))
        await asyncio.sleep(0.5)
        await cluster.kill(actor)
        with pytest.raises(ClusterError, match="ActorDied"):
            await asyncio.wait_for(waiting, 30)
        await cluster.close()
