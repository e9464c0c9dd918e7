"""The workers of this machine: their devices, their deaths, and real processes side by side."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from functools import partial

import pytest

from engine.errors import EngineError
from engine.events import Done, Progress
from engine.jobs.devices import find_devices, present, read_devices
from engine.jobs.local import local_workers
from engine.jobs.watched import WatchedWorker
from engine.painting.pipeline import imagine
from engine.worker.messages import WorkerSettings
from engine.worker.process import InProcessWorker
from tests.engine.jobs.test_queue import ask, ending, picture, progressed, running
from tests.tiny_model import tiny_request

pytestmark = pytest.mark.usefixtures("tiny_catalogue")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("auto", ("auto",)),
        ("cuda:1", ("cuda:1",)),
        ("cpu,cpu", ("cpu", "cpu")),
        ("cuda, cuda:3", ("cuda:0", "cuda:3")),
    ],
)
def test_devices_are_named_with_commas(text, names):
    assert read_devices(text) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpu", "no device called 'gpu'; write auto"),
        ("cuda:0,", "no device called ''"),
        ("cuda:-1", "no device called 'cuda:-1'"),
        ("all,cpu", "all can't be combined"),
        ("mps,mps", "mps can't be combined"),
        ("cpu,cuda:0", "CPU and GPU can't be combined"),
        ("cuda,cuda:0", "cuda:0 is named twice"),
    ],
)
async def test_wrong_devices_get_a_sentence(text, words):
    with pytest.raises(EngineError, match=words):
        await find_devices(text)


def test_all_devices_are_the_gpus_or_else_the_cpu():
    assert present(["all"], 3) == ("cuda:0", "cuda:1", "cuda:2")
    assert present(["all"], 0) == ("cpu",)
    assert present(["cuda:1", "cuda:0"], 2) == ("cuda:1", "cuda:0")
    with pytest.raises(EngineError, match=r"no device cuda:2: PyTorch finds 2"):
        present(["cuda:1", "cuda:2"], 2)


@pytest.mark.slow
async def test_pytorch_counts_the_gpus_in_a_process_of_its_own():
    import torch

    names = await find_devices("all")
    assert names == present(["all"], torch.cuda.device_count())


async def test_workers_of_one_machine_share_its_threads():
    settings = WorkerSettings(preload=None, threads=5)
    workers = await local_workers(settings, "cpu,cpu", silence=1)
    assert [worker._settings.share for worker in workers] == [2, 2]
    [alone] = await local_workers(settings, "cpu", silence=1)
    assert alone._settings.share == 1
    assert alone.condition == "ready"  # its jobs wait for it


async def until(worker, condition):
    changed = asyncio.Event()
    worker.watchers.append(changed.set)
    while worker.condition != condition:
        await asyncio.wait_for(changed.wait(), 60)
        changed.clear()


@contextlib.asynccontextmanager
async def one_of_several(**settings):
    """A worker in this process, with others on its machine; started and closed."""
    worker = WatchedWorker(
        WorkerSettings(**{"preload": None, **settings}), InProcessWorker, alone=False
    )
    assert worker.condition == "starting"
    await worker.start()
    try:
        yield worker
    finally:
        await worker.close(1)


async def test_a_worker_that_dies_again_and_again_rests_in_between(monkeypatch):
    monkeypatch.setattr("engine.jobs.watched._REST_SECONDS", 0.3)
    async with one_of_several() as worker:
        seen = []
        worker.watchers.append(lambda: seen.append(worker.condition))
        for _ in range(2):
            await until(worker, "ready")
            await worker._process.kill()
            await asyncio.sleep(0.1)
        await until(worker, "broken")
        assert worker.status(None).resting
        await until(worker, "ready")
        assert seen == ["ready", "starting", "ready", "broken", "ready"]
        assert worker.status(None).starts == 3
        assert not worker.status(None).resting


async def test_after_a_lost_device_the_next_process_has_no_cuda_graphs_or_kernels(monkeypatch):
    turned_off: list[str] = []
    for each in ("engine.painting.graphs.registry", "engine.fused.choosing"):
        monkeypatch.setattr(f"{each}.turn_off", partial(turned_off.append, each))
    monkeypatch.setattr("engine.jobs.watched._REST_SECONDS", 0.05)
    async with one_of_several() as worker:
        await until(worker, "ready")
        assert not turned_off
        worker._process.lost_device = True
        await worker._process.kill()
        await until(worker, "broken")
        await until(worker, "ready")
        assert turned_off == ["engine.painting.graphs.registry", "engine.fused.choosing"]


async def test_a_worker_without_its_device_is_broken():
    async with one_of_several(device="cuda:99") as worker:
        await until(worker, "broken")


async def test_a_worker_knows_its_models_and_how_long_they_took_to_load():
    async with one_of_several(preload="tiny") as worker:
        seen = []
        worker.watchers.append(lambda: seen.append(worker.load_seconds("tiny")))
        assert worker.load_seconds("tiny") > 1  # a guess
        await until(worker, "ready")
        assert worker.load_seconds("tiny") == 0
        assert worker.load_seconds("other") > 1
    assert 0 < seen[-1] < 10  # measured, for the next process


@pytest.mark.timeout(120)
async def test_two_processes_paint_at_once_and_one_continues_what_the_other_began(tmp_path):
    """One of them is killed in mid-job; the jobs' pictures do not depend on who painted them."""
    async with running(tmp_path, in_process=False, device="cpu,cpu", preload="tiny") as queue:
        # Else the first could be done before the second process has started.
        await asyncio.gather(*(until(worker, "ready") for worker in queue._placing.workers))
        jobs = [await ask(queue, prompt, iterations=50) for prompt in ("a fox", "a hen")]
        await asyncio.gather(*(progressed(job, 3) for job in jobs))
        assert all(isinstance(job.latest, Progress) for job in jobs)
        workers = queue.workers()
        assert len({worker.pid for worker in workers}) == 2
        assert [worker.device for worker in workers] == ["cpu", "cpu"]
        assert [worker.model for worker in workers] == ["tiny", "tiny"]
        os.kill(workers[0].pid, signal.SIGKILL)
        endings = await asyncio.gather(*map(ending, jobs))
        assert all(isinstance(end, Done) for end in endings)
        assert sum(worker.starts for worker in queue.workers()) == 3
        for job, done in zip(jobs, endings, strict=True):
            *_, last = imagine(tiny_request(job.request.prompt, iterations=50))
            assert picture(done.picture) == last.to_pil().tobytes()
