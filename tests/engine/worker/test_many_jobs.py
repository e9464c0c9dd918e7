"""Several jobs of one worker, stepped together or in turn."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image, ImageChops
from PIL.PngImagePlugin import PngImageFile

from engine.events import Cancelled, Done, Failed, Progress
from engine.jobs.watched import WatchedWorker
from engine.models import load_models
from engine.painting.batch import most_together
from engine.painting.pipeline import imagine, prepare
from engine.worker.failures import DEVICE_LOST
from engine.worker.jobs import PaintJob
from engine.worker.main import JobLoop, ReplaceMeError
from engine.worker.messages import (
    Cancel,
    JobEvent,
    Logged,
    Paint,
    RenderTimeLapse,
    Saved,
    Stepped,
    Stop,
    WorkerSettings,
)
from engine.worker.process import ProcessWorker
from engine.worker.turns import MOST, Widths
from tests.tiny_model import tiny_request

pytestmark = pytest.mark.usefixtures("tiny_catalogue")

# Levels of 256 by which pixels of a painting in a batch differ after 2 iterations; measured: 1.
LEVELS = 4


@pytest.fixture
def sent():
    return []


@pytest.fixture
def loop(sent):
    """Paints three jobs at once."""
    settings = WorkerSettings(preload="tiny", preview_every=0, save_every=1e9, slots=3)
    made = JobLoop(settings, sent.append)
    made.start()
    return made


def order(tmp_path, number: int, **values: Any) -> Paint:
    request = tiny_request(**{"iterations": 2, "seed": number, **values})
    return Paint(str(number), request.model_dump_json(), {}, str(tmp_path / f"{number}.pt"))


def work(loop):
    while loop.tick():
        pass


def endings(sent) -> dict[str, Any]:
    return {
        message.id: message.event
        for message in sent
        if isinstance(message, JobEvent) and not isinstance(message.event, Progress)
    }


def steps(sent) -> list[tuple[str, int]]:
    return [(each.id, each.iteration) for each in sent if isinstance(each, Stepped)]


def provenance(done: Done) -> dict[str, Any]:
    picture = Image.open(io.BytesIO(done.picture))
    assert isinstance(picture, PngImageFile)
    return json.loads(picture.text["imagine-bot provenance"])


def assert_picture(done: Done, number: int, **values: Any) -> None:
    """It is the picture of that job alone, but for rounding."""
    *_, last = imagine(tiny_request(**{"iterations": 2, "seed": number, **values}))
    picture = Image.open(io.BytesIO(done.picture)).convert("RGB")
    difference = ImageChops.difference(picture, last.to_pil())
    assert max(difference.tobytes()) <= LEVELS


def test_a_grid_is_stepped_together_whatever_the_slots(sent, tmp_path):
    settings = WorkerSettings(preload="tiny", preview_every=0, save_every=1e9, slots=1)
    loop = JobLoop(settings, sent.append)
    loop.start()
    for number in (1, 2, 3):
        loop.post(replace(order(tmp_path, number, iterations=3), grid="" if number == 3 else "g"))
    work(loop)
    done = endings(sent)
    for number in (1, 2, 3):
        assert_picture(done[str(number)], number, iterations=3)
    batches = {id: provenance(each)["batch"] for id, each in done.items()}
    assert batches == {"1": 2, "2": 2, "3": 1}
    assert list(done) == ["1", "2", "3"]


def test_jobs_of_one_shape_are_stepped_together_and_others_in_turn(loop, sent, tmp_path):
    for number in (1, 2):
        loop.post(order(tmp_path, number))
    loop.post(order(tmp_path, 3, cutouts=2))
    loop.post(order(tmp_path, 4))  # has no slot before one of the others ends
    work(loop)
    done = endings(sent)
    for number, values in [(1, {}), (2, {}), (3, {"cutouts": 2}), (4, {})]:
        assert_picture(done[str(number)], number, **values)
    assert {id: provenance(each)["batch"] for id, each in done.items()} == {
        "1": 2,
        "2": 2,
        "3": 1,
        "4": 1,
    }
    assert provenance(done["3"])["seed"] == 3
    in_turn = [id for id, _ in steps(sent) if id != "4"]
    assert in_turn == ["1", "2", "3"] * 2


def test_jobs_join_stop_and_are_cancelled_between_iterations(loop, sent, tmp_path):
    loop.post(order(tmp_path, 1, iterations=50))
    loop.post(order(tmp_path, 2, iterations=50))
    while steps(sent)[-1:] != [("2", 3)]:
        loop.tick()
    loop.post(order(tmp_path, 3))
    loop.post(Stop("1"))
    loop.post(Cancel("2"))
    work(loop)
    done = endings(sent)
    assert isinstance(done["1"], Done)
    assert done["1"].stopped
    assert isinstance(done["2"], Cancelled)
    assert done["2"].partial
    assert_picture(done["3"], 3)


def test_a_time_lapse_is_painted_next_to_pictures(loop, sent, tmp_path):
    loop.post(order(tmp_path, 1))
    request = tiny_request(iterations=3).model_dump_json()
    loop.post(RenderTimeLapse("2", request, {}, 3))
    work(loop)
    done = endings(sent)
    assert done["2"].video
    assert_picture(done["1"], 1)


def test_an_error_in_one_job_ends_that_one_only(loop, sent, tmp_path, monkeypatch):
    stepped = PaintJob.stepped

    def faulty(job, iterate):
        if job.id == "2" and iterate.iteration == 1:
            raise ValueError("on purpose")
        stepped(job, iterate)

    monkeypatch.setattr(PaintJob, "stepped", faulty)
    for number in (1, 2, 3):
        loop.post(order(tmp_path, number))
    work(loop)
    done = endings(sent)
    assert isinstance(done["2"], Failed)
    assert any("on purpose" in each.text for each in sent if isinstance(each, Logged))
    for number in (1, 3):
        assert_picture(done[str(number)], number)


def test_jobs_that_do_not_fit_together_are_stepped_in_turn(loop, sent, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.worker.turns.most_together", lambda painting, free: 2)
    for number in (1, 2, 3):
        loop.post(order(tmp_path, number, iterations=3))
    work(loop)
    assert [provenance(done)["batch"] for done in endings(sent).values()] == [2] * 3
    assert len(steps(sent)) == 9


def test_after_running_out_of_memory_fewer_are_stepped_together(loop, sent, tmp_path, monkeypatch):
    tried = []

    def in_memory(paintings, began=None):
        tried.append(len(paintings))
        if len(paintings) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return step_once(paintings, began)

    from engine.painting.step import step_once

    monkeypatch.setattr("engine.painting.batch.step_once", in_memory)
    for number in (1, 2, 3):
        loop.post(order(tmp_path, number))
    work(loop)
    assert tried == [3]  # then one at a time, not by this function
    for id, done in endings(sent).items():
        assert_picture(done, int(id))


def test_a_device_that_is_lost_in_a_step_of_several_ends_the_worker(
    loop, sent, tmp_path, monkeypatch
):
    def lost(*_):
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    for number in (1, 2):
        loop.post(order(tmp_path, number))
    while steps(sent)[-1:] != [("2", 0)]:
        loop.tick()
    monkeypatch.setattr("engine.painting.batch.step_once", lost)
    monkeypatch.setattr("engine.painting.batch.BeforeStep.restore", lost)
    with pytest.raises(ReplaceMeError) as replaced:
        loop.tick()
    assert replaced.value.code == DEVICE_LOST
    assert endings(sent) == {}


def test_before_a_worker_without_memory_is_replaced_the_others_are_saved(
    loop, sent, tmp_path, monkeypatch
):
    def no_memory(iterate, side):
        raise MemoryError

    for number in (1, 2, 3):
        loop.post(order(tmp_path, number))
    while steps(sent)[-1:] != [("3", 0)]:
        loop.tick()
    monkeypatch.setattr("engine.worker.jobs.preview_of", no_memory)
    with pytest.raises(ReplaceMeError):
        loop.tick()
    assert sorted(each.id for each in sent if isinstance(each, Saved)) == ["2", "3"]


async def test_a_process_paints_several_jobs_and_each_can_be_stopped(tmp_path):
    settings = WorkerSettings(preload=None, threads=1, preview_every=0, slots=3)
    worker = WatchedWorker(settings, ProcessWorker)
    request = tiny_request()
    assert worker.free_slots(request, [request, request]) == 1
    assert worker.free_slots(tiny_request(width=48), [request]) == 0
    await worker.start()
    for number, iterations in [(1, 5000), (2, 5000), (3, 20)]:
        await worker.submit(order(tmp_path, number, iterations=iterations))
    found: dict[str, Any] = {}
    async for message in worker.events("1"):
        if isinstance(message, JobEvent):
            if isinstance(message.event, Progress):
                worker.stop("1")
            else:
                found["1"] = message.event
                break
    worker.cancel("2")
    for id in ("2", "3"):
        async for message in worker.events(id):
            if isinstance(message, JobEvent) and not isinstance(message.event, Progress):
                found[id] = message.event
                break
    await worker.close(5)
    assert found["1"].stopped
    assert isinstance(found["2"], Cancelled)
    assert (found["3"].iterations, found["3"].stopped) == (20, False)


# How many.


def limit_with(seconds: dict[int, float], widths: Widths) -> int:
    """The limit after steps that take these seconds, by width, as long as it asks for others."""
    before = 0
    while (limit := widths.limit()) != before:
        before = limit
        for _ in range(12):
            widths.measured(limit, seconds[limit])
    return limit


@pytest.mark.parametrize(
    ("seconds", "limit"),
    [
        ({1: 1.0, 2: 2.0}, 1),
        ({1: 1.0, 2: 1.2, 4: 1.6, 8: 3.2}, 4),
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0, 16: 1.0}, MOST),
    ],
)
def test_the_batch_grows_only_while_throughput_does(seconds, limit):
    assert limit_with(seconds, Widths()) == limit


def test_as_many_are_stepped_together_as_fit_into_memory():
    models = load_models("tiny", device="cpu")
    painting = prepare(tiny_request(), models, check_memory=False)
    assert most_together(painting, None) > MOST
    assert most_together(painting, 1) == 1
    few, many = most_together(painting, 100_000_000), most_together(painting, 200_000_000)
    assert 1 < few < many
