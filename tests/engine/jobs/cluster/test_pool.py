"""How many workers a cluster is asked for, what they get, and what happens when they go."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from engine.errors import InstallationError
from engine.events import Done, Failed, Progress
from engine.jobs.cluster import pool as pools
from engine.jobs.cluster.files import Carried, Packed, Piece
from engine.jobs.cluster.pool import ClusterPool
from engine.jobs.cluster.settings import ClusterSettings, read_engine, read_workers
from engine.jobs.queue import PaintQueue
from engine.worker.messages import Cancel, Close, JobEvent, Ready, Saved, Slots, SteerJob, Stop
from tests.engine.jobs.cluster.machines import Host, Machines
from tests.engine.jobs.scripted import MemoryStore
from tests.tiny_model import PLACE, tiny_request


class FolderStore(MemoryStore):
    """Has a folder for the jobs' files."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def bring_state(self, id: str) -> None:
        """It is there."""

    def state_saved(self, id: str) -> None:
        """Nothing follows."""

    def state_path(self, id: str) -> Path:
        return self._folder / f"{id}.state"

    def frames_path(self, id: str) -> Path:
        return self._folder / f"{id}.frames"


@pytest.fixture
def painting(tmp_path, monkeypatch):
    """A queue whose workers come from ``machines``."""
    monkeypatch.setattr(pools, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pools, "ASK_SECONDS", 0.01)
    monkeypatch.setattr("engine.jobs.watched._REST_SECONDS", 0.05)

    @contextlib.asynccontextmanager
    async def start(machines, *, batch=1, preload="tiny", **settings):
        monkeypatch.setattr(pools, "Cluster", lambda address: machines)
        queue = PaintQueue(
            FolderStore(tmp_path),
            device=None,
            preload=preload,
            batch=batch,
            supply=ClusterPool(ClusterSettings(**settings)),
        )
        await queue.start()
        try:
            yield queue
        finally:
            await queue.close()

    return start


async def ask(queue, person="ann", **values):
    return await queue.submit(tiny_request(**values), person=person, place=PLACE)


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  there is no event for it
            await asyncio.sleep(0.005)


def orders(host: Host) -> list[str]:
    return [message.order.id for message in host.sent if isinstance(message, Packed)]


def painted(machines: Machines) -> dict[str, str]:
    """Which job each machine got last."""
    return {name: orders(host)[-1] for name, host in machines.hosts.items() if orders(host)}


def done() -> Done:
    return Done(b"png", 1, 1.0, 5, 32, 32)


async def ending(job):
    async with asyncio.timeout(5):
        async for event in job:
            last = event
    return last


async def test_nothing_to_paint_needs_no_worker_and_each_job_asks_for_one(painting):
    machines = Machines("one", "two")
    async with painting(machines) as queue:
        await asyncio.sleep(0.05)
        assert machines.hosts == {}
        jobs = [await ask(queue) for _ in range(2)]
        await until(lambda: len(painted(machines)) == 2)
        assert sorted(painted(machines).values()) == sorted(job.id for job in jobs)
        assert {worker.node for worker in queue.workers()} == {"address of one", "address of two"}
        assert queue.workers()[0].memory == 5_000_000


async def test_more_is_asked_for_step_by_step_as_machines_come(painting):
    machines = Machines()
    async with painting(machines) as queue:
        jobs = [await ask(queue) for _ in range(8)]
        for room, asked in [(0, 1), (1, 1), (2, 2), (4, 4), (8, 0)]:
            while len(machines.hosts) < room:
                machines.add(f"machine {len(machines.hosts)}")
                await until(lambda: not machines.free)
            await until(lambda asked=asked: len(machines.waiting) == asked)
            await asyncio.sleep(0.03)
            assert len(machines.waiting) == asked, room
        await until(lambda: len(painted(machines)) == 8)
        assert sorted(painted(machines).values()) == sorted(job.id for job in jobs)
        assert all(not isinstance(job.latest, Failed) for job in jobs)


async def test_requests_that_nobody_needs_are_withdrawn_and_idle_workers_released(painting):
    machines = Machines("one")
    async with painting(machines, idle_seconds=0.2) as queue:
        first, second = await ask(queue), await ask(queue)
        await until(lambda: painted(machines) and machines.waiting)
        assert await queue.cancel(second.id)
        await until(lambda: not machines.waiting)
        host = machines.hosts["one"]
        await asyncio.sleep(0.3)  # it paints, so it is not idle
        host.say(JobEvent(first.id, done()))
        assert isinstance(await ending(first), Done)
        assert machines.hosts["one"] is host
        await until(lambda: not machines.hosts)
        assert Close() in host.sent
        assert queue.workers() == []
        third = await ask(queue)  # and up again
        await until(lambda: painted(machines) == {"one": third.id})


async def test_the_host_says_how_many_at_least_and_at_most(painting):
    machines = Machines("one", "two", "three")
    async with painting(machines, least=1, most=2, idle_seconds=0.0) as queue:
        await until(lambda: len(queue.workers()) == 1)
        for _ in range(5):
            await ask(queue)
        await until(lambda: len(painted(machines)) == 2)
        await asyncio.sleep(0.05)
        assert len(machines.hosts) == 2
        assert machines.waiting == []


async def test_jobs_of_one_kind_share_a_worker_and_other_kinds_get_their_own(painting):
    machines = Machines("one", "two", "three")
    async with painting(machines, batch=3) as queue:
        for _ in range(3):
            await ask(queue)
        await until(lambda: len(painted(machines)) == 1 and len(orders(machines.hosts["one"])) == 3)
        await ask(queue, width=48)
        await until(lambda: len(painted(machines)) == 2)
        machines.hosts["one"].say(Slots(4))
        await until(lambda: queue._placing.slots == 4 + 3)
        await ask(queue)
        await until(lambda: len(orders(machines.hosts["one"])) == 4)
        assert len(machines.hosts) == 2


async def test_people_take_turns_however_many_machines_there_are(painting):
    machines = Machines("one", "two", "three")
    async with painting(machines) as queue:
        started = []
        queue.watchers.append(lambda job: started.append(job) if job.state == "running" else None)
        for person, count in [("ann", 9), ("bob", 3), ("cat", 3)]:
            for _ in range(count):
                await ask(queue, person)

        def are_told() -> bool:
            """Whether the machines were told of the jobs that run now, one each."""
            running = {job.id for job in started if job.state == "running"}
            return len(running) == 3 and set(painted(machines).values()) == running

        while len(started) < 15:
            known = len(started)
            await until(are_told)
            for name, id in painted(machines).items():
                machines.hosts[name].say(JobEvent(id, done()))
            await until(lambda known=known: len(started) > known)
        people = "".join(job.person[0] for job in started)
        assert sorted(people[:9]) == sorted("abc" * 3)
        assert people[9:] == "a" * 6


async def test_a_new_worker_loads_the_model_that_most_jobs_wait_for(painting):
    machines = Machines()
    async with painting(machines, preload="other") as queue:
        for model in ("a", "b", "b", "b", "a"):
            await ask(queue, model=model)
        machines.add("one")
        machines.add("two")
        await until(lambda: len(machines.hosts) == 2)
        assert machines.hosts["one"].settings.preload == "b"
        assert machines.hosts["two"].settings.preload == "a"  # b has half as many jobs by now


@pytest.mark.parametrize(
    ("settings", "share"),
    [
        ({}, {"cpus": 1.0, "gpus": 0.0}),
        ({"device": "cuda", "cpus": 4.0}, {"cpus": 4.0, "gpus": 1.0}),
        ({"device": "cuda", "gpus": 0.25}, {"cpus": 1.0, "gpus": 0.25}),
    ],
)
async def test_a_worker_gets_what_the_host_says(painting, settings, share):
    machines = Machines("one")
    async with painting(machines, least=1, **settings):
        await until(lambda: machines.hosts)
        host = machines.hosts["one"]
        assert host.share == share
        assert host.settings.device == ("cuda" if share["gpus"] else "cpu")


@pytest.mark.parametrize("resources", [{"CPU": 1.0, "GPU": 2.0}, {"node:__internal_head__": 1.0}])
async def test_workers_get_gpus_if_the_cluster_has_any_or_is_still_empty(painting, resources):
    machines = Machines("one")
    machines.resources = resources
    async with painting(machines, least=1):
        await until(lambda: machines.hosts)
        assert machines.hosts["one"].share["gpus"] == 1
        assert machines.hosts["one"].settings.device == "cuda"


async def test_a_job_outlives_its_machine_with_its_state_and_frames(painting):
    machines = Machines("one")
    async with painting(machines) as queue:
        job = await ask(queue)
        await until(lambda: painted(machines))
        host = machines.hosts["one"]
        pieces = (Piece("state", 0, b"at 3"), Piece("frames", 0, b"three"))
        host.say(Carried(Saved(job.id, 3), pieces))
        host.say(JobEvent(job.id, Progress(3, 5, b"", {}, 1.0)))
        await until(lambda: isinstance(job.latest, Progress))
        assert job.saved_iteration == 3
        machines.lose("one")
        await until(lambda: machines.waiting and not queue.workers())
        assert job.state == "running"
        machines.add("two")
        await until(lambda: painted(machines) == {"two": job.id})
        [packed] = [each for each in machines.hosts["two"].sent if isinstance(each, Packed)]
        assert (packed.state, packed.frames) == (b"at 3", b"three")
        machines.hosts["two"].say(Carried(JobEvent(job.id, done()), (Piece("frames", 5, b"!"),)))
        assert isinstance(await ending(job), Done)
        assert queue.store.frames_path(job.id).read_bytes() == b"three!"
        assert queue.store.endings[job.id] == 1


async def test_losing_machines_is_not_the_jobs_fault_but_not_forever(painting):
    machines = Machines()
    async with painting(machines) as queue:
        job = await ask(queue)
        for number in range(8):
            machines.add(str(number))
            await until(lambda: painted(machines))
            assert not job.is_suspect
            machines.lose(str(number))
            await until(lambda: not machines.hosts)
        assert isinstance(await ending(job), Failed)


async def test_a_worker_that_ends_by_itself_is_the_jobs_fault(painting):
    machines = Machines("one")
    async with painting(machines) as queue:
        job = await ask(queue)
        await until(lambda: painted(machines))
        machines.hosts["one"].end()
        await until(lambda: job.setbacks.deaths == 1)
        await until(lambda: painted(machines))
        machines.hosts["one"].end(out_of_memory=True)
        assert isinstance(await ending(job), Failed)


async def test_steering_stopping_and_cancelling_reach_the_machine(painting):
    machines = Machines("one", "two")
    async with painting(machines) as queue:
        first, second = await ask(queue), await ask(queue)
        await until(lambda: len(painted(machines)) == 2)
        assert await queue.steer(first.id, {"longer": 3})
        assert await queue.stop(first.id)
        assert await queue.cancel(second.id)

        def sent():
            return [message for host in machines.hosts.values() for message in host.sent]

        await until(lambda: Stop(first.id) in sent() and Cancel(second.id) in sent())
        [steering] = [each for each in sent() if isinstance(each, SteerJob)]
        assert (steering.id, steering.change) == (first.id, '{"longer": 3}')


async def test_another_version_paints_nothing(painting, caplog):
    machines = Machines("one")
    machines.version = "0.0.1"
    async with painting(machines) as queue:
        job = await ask(queue)
        await until(lambda: "has version 0.0.1 of imagine-bot" in caplog.text)
        assert painted(machines) == {}
        assert not isinstance(job.latest, Failed)  # it waits


async def test_bots_that_use_one_cluster_share_it(painting):
    machines = Machines("one", "two", "three")
    async with painting(machines) as first, painting(machines) as second:
        jobs = [await ask(first) for _ in range(6)]
        await until(lambda: len(painted(machines)) == 3)
        other = await ask(second, "bob")
        await asyncio.sleep(0.1)
        assert other.id not in painted(machines).values()  # what is painted goes on
        [here] = [name for name, id in painted(machines).items() if id == jobs[0].id]
        machines.hosts[here].say(JobEvent(jobs[0].id, done()))
        await until(lambda: painted(machines).get(here) == other.id)
        machines.hosts[here].say(JobEvent(other.id, done()))
        assert isinstance(await ending(other), Done)
        await second.close()  # it needs none any more, and then the first bot has them all
        await until(lambda: len(set(painted(machines).values()) & {job.id for job in jobs}) == 3)


async def test_a_device_that_does_not_work_is_told_to_people(painting):
    machines = Machines("one")
    async with painting(machines, least=1) as queue:
        await until(lambda: machines.hosts)
        machines.hosts["one"].say(Ready("none"))
        job = await ask(queue)
        await until(lambda: painted(machines) == {"one": job.id})


async def test_a_cluster_that_is_away_for_a_while_comes_back(painting, caplog):
    machines = Machines("one")
    async with painting(machines) as queue:
        job = await ask(queue)
        await until(lambda: painted(machines))
        machines.down = True
        machines.lose("one")
        await until(lambda: "can't be used" in caplog.text)
        assert queue.workers() == []
        machines.down = False
        machines.add("two")
        await until(lambda: painted(machines) == {"two": job.id})
        assert job.setbacks.deaths == 0


async def test_closing_lets_workers_save_and_gives_the_jobs_back(painting):
    machines = Machines("one")
    async with painting(machines) as queue:
        job = await ask(queue)
        await until(lambda: painted(machines))
        saved = Carried(Saved(job.id, 4), (Piece("state", 0, b"at 4"),))
        machines.hosts["one"].last_words = (saved,)
        await asyncio.wait_for(queue.close(), 5)
        assert queue.store.state_path(job.id).read_bytes() == b"at 4"
        assert queue.store.states[job.id] == "queued"
        assert machines.hosts == {}


async def test_without_ray_there_is_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    queue = PaintQueue(MemoryStore(), device=None, supply=ClusterPool(ClusterSettings()))
    with pytest.raises(InstallationError, match=r"pip install .* '\.\[cluster\]'"):
        await queue.start()
    await queue.close()


def test_the_engine_and_the_number_of_workers_are_read():
    for text in ("local", "ray", "ray://head.ray.svc:10001"):
        assert read_engine(text) == text
    for text in ("", "Ray", "ray://", "ray://head", "http://head:10001", "ray://a b:1"):
        with pytest.raises(ValueError, match="write local"):
            read_engine(text)
    assert [read_workers(text) for text in ("auto", "4", "0-8")] == [(0, None), (4, 4), (0, 8)]
    for text in ("", "0", "8-4", "-1", "many"):
        with pytest.raises(ValueError, match="write auto"):
            read_workers(text)
