"""Jobs that are steered while a worker paints them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from engine.events import Done, Progress
from engine.painting.pipeline import imagine
from engine.request.request import request_from_json
from engine.worker.main import JobLoop
from engine.worker.messages import (
    Close,
    JobEvent,
    Paint,
    RenderTimeLapse,
    Saved,
    Started,
    Steered,
    SteerJob,
    Stop,
)
from tests.tiny_model import tiny_request

pytestmark = pytest.mark.usefixtures("tiny_catalogue")

ID, OTHER = "a" * 32, "b" * 32
BLUE = json.dumps({"paint": "a blue circle"})
LEFT = json.dumps({"freeze": "@left"})
MORE = json.dumps({"longer": 2})


def order(tmp_path: Any, id: str = ID, **values: Any) -> Paint:
    request = tiny_request(**{"iterations": 8, "learning_rate": 3.0, "cutouts": 1, **values})
    return Paint(id, request.model_dump_json(), {}, str(tmp_path / f"{id}.pt"))


def ticks(loop: JobLoop, number: int) -> None:
    for _ in range(number):
        assert loop.tick()


def work(loop: JobLoop) -> None:
    while loop.tick():
        pass


def steered(sent: list[Any], id: str = ID) -> list[tuple[str, Any]]:
    """The keys of the changes that were reported, and what became of them."""
    return [
        (each.key, None if each.steer is None else json.loads(each.steer))
        for each in sent
        if isinstance(each, Steered) and each.id == id
    ]


def done(sent: list[Any], id: str = ID) -> Done:
    about = [each.event for each in sent if isinstance(each, JobEvent) and each.id == id]
    [event] = [each for each in about if isinstance(each, Done)]
    return event


def opened(png: bytes) -> PngImageFile:
    picture = Image.open(io.BytesIO(png))
    assert isinstance(picture, PngImageFile)
    return picture


def painted_again(png: bytes) -> bytes:
    """The pixels of the picture that the request in a picture's file paints."""
    *_, last = imagine(request_from_json(opened(png).text["imagine-bot request"]))
    return last.to_pil().tobytes()


def pixels(png: bytes) -> bytes:
    return opened(png).convert("RGB").tobytes()


def test_a_change_takes_effect_in_the_next_iteration_and_is_in_the_file(loop, sent, tmp_path):
    loop.post(order(tmp_path))
    ticks(loop, 3)
    loop.post(SteerJob(ID, "k1", BLUE))
    loop.post(SteerJob(ID, "k2", MORE))
    ticks(loop, 1)
    loop.post(SteerJob(ID, "k3", LEFT))
    loop.post(SteerJob(ID, "k1", BLUE))  # asked for again, as after a lost connection
    work(loop)
    assert steered(sent) == [
        ("k1", {"at": 3, "paint": "a blue circle"}),
        ("k2", {"at": 3, "longer": 2}),
        ("k3", {"at": 4, "freeze": "@left"}),
        ("k1", {"at": 3, "paint": "a blue circle"}),
    ]
    picture = done(sent)
    assert picture.iterations == 10
    losses = {e.event.iteration: set(e.event.losses) for e in sent if _is_progress(e)}
    assert losses[2] == {"total", "a red circle"}
    assert losses[3] == {"total", "a blue circle"}
    request = json.loads(opened(picture.picture).text["imagine-bot request"])
    assert [each["at"] for each in request["steering"]] == [3, 3, 4]
    assert pixels(picture.picture) == painted_again(picture.picture)


def _is_progress(message: Any) -> bool:
    return isinstance(message, JobEvent) and isinstance(message.event, Progress)


@pytest.mark.parametrize("known", [False, True])
def test_another_process_goes_on_steered_whatever_the_bot_has_heard(loop, sent, tmp_path, known):
    paint = order(tmp_path)
    loop.post(paint)
    ticks(loop, 3)
    loop.post(SteerJob(ID, "k1", BLUE))
    loop.post(SteerJob(ID, "k2", LEFT))
    ticks(loop, 2)
    loop.post(SteerJob(ID, "k3", MORE))
    loop.post(Close())
    work(loop)  # it does not take the last one any more
    later: list[Any] = []
    second = JobLoop(loop.settings, later.append)
    if known:
        steps = [step for _, step in steered(sent)]
        request = request_from_json(paint.request).changed(steering=steps)
        paint = Paint(ID, request.model_dump_json(), {}, paint.state)
    second.post(paint)
    for key, change in [*([] if known else [("k1", BLUE), ("k2", LEFT)]), ("k3", MORE)]:
        second.post(SteerJob(ID, key, change))
    work(second)
    assert next(each.iteration for each in later if isinstance(each, Saved)) == 5
    reported = dict(steered(later))
    assert reported.pop("k3")["at"] in (5, 6)
    assert reported == ({} if known else dict(steered(sent)))
    picture = done(later)
    assert picture.iterations == 10
    assert pixels(picture.picture) == painted_again(picture.picture)
    assert next(each for each in later if isinstance(each, Started)).iterations == 8


def test_a_state_without_the_steering_of_its_job_is_not_used(loop, sent, tmp_path):
    paint = order(tmp_path)
    loop.post(paint)
    ticks(loop, 5)
    loop.post(Close())
    work(loop)
    request = request_from_json(paint.request).changed(steering=["2: a blue circle"])
    later: list[Any] = []
    second = JobLoop(loop.settings, later.append)
    second.post(Paint(ID, request.model_dump_json(), {}, paint.state))
    work(second)
    picture = done(later)
    assert pixels(picture.picture) == painted_again(picture.picture)
    assert next(each.iteration for each in later if isinstance(each, Saved)) == 1


def test_what_is_not_possible_is_left_out_and_said(loop, sent, tmp_path):
    loop.post(order(tmp_path))
    ticks(loop, 2)
    loop.post(SteerJob(ID, "k1", json.dumps({"freeze": "@hill"})))
    loop.post(SteerJob(ID, "k2", json.dumps({"rate": 99})))
    ticks(loop, 3)
    loop.post(SteerJob(ID, "k3", BLUE))
    loop.post(Stop(ID))
    loop.post(SteerJob(OTHER, "k4", BLUE))  # a job that it does not have
    work(loop)
    assert steered(sent) == [("k1", None), ("k2", None), ("k3", None)]
    notices = " ".join(done(sent).notices)
    assert "@hill" in notices
    assert "rate must be between" in notices
    assert "steering" not in json.loads(opened(done(sent).picture).text["imagine-bot request"])


def test_only_the_job_that_is_steered_changes(loop, sent, tmp_path):
    for id, words in ((ID, "a red circle"), (OTHER, "a red star")):
        request = tiny_request(words, iterations=6, cutouts=1, learning_rate=3.0)
        state = str(tmp_path / f"{id}.pt")
        loop.post(Paint(id, request.model_dump_json(), {}, state, grid=ID))
    ticks(loop, 4)
    loop.post(SteerJob(ID, "k1", BLUE))
    work(loop)
    assert len(steered(sent)) == 1
    for id, asked in ((ID, True), (OTHER, False)):
        request = json.loads(opened(done(sent, id).picture).text["imagine-bot request"])
        assert ("steering" in request) == asked


def test_a_time_lapse_is_not_steered(loop, sent, tmp_path):
    request = tiny_request(iterations=2, cutouts=1).model_dump_json()
    loop.post(RenderTimeLapse(ID, request, {}, 2))
    ticks(loop, 1)
    loop.post(SteerJob(ID, "k1", BLUE))
    work(loop)
    assert steered(sent) == []
    assert done(sent).video
