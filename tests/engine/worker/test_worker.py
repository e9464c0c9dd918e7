"""The worker: its jobs, and the process around them."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from engine.errors import RequestError
from engine.events import Cancelled, Done, Failed, Progress
from engine.jobs.attempt import Attempt
from engine.jobs.eta import EtaEstimator
from engine.jobs.job import Job, JobRecord
from engine.jobs.watched import WatchedWorker
from engine.jobs.workers import WorkerDiedError
from engine.painting.concepts import concept_scores
from engine.painting.images import to_tensor
from engine.painting.pipeline import imagine
from engine.worker.main import JobLoop
from engine.worker.messages import (
    Busy,
    Cancel,
    Close,
    JobEvent,
    Loaded,
    Logged,
    Paint,
    Ready,
    RenderTimeLapse,
    Saved,
    Started,
    Stepped,
    Stop,
    WorkerSettings,
)
from engine.worker.process import ProcessWorker
from tests.processes import is_running
from tests.tiny_model import PLACE, tiny_request

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.usefixtures("tiny_catalogue")


def order(tmp_path, id="a" * 32, **values):
    return Paint(id, tiny_request(**values).model_dump_json(), {}, str(tmp_path / f"{id}.pt"))


def work(loop):
    while loop.tick():
        pass


def of(kind, sent):
    return [message for message in sent if isinstance(message, kind)]


def events(kind, sent):
    return [message.event for message in of(JobEvent, sent) if isinstance(message.event, kind)]


def texts(png):
    picture = Image.open(io.BytesIO(png))
    assert isinstance(picture, PngImageFile)
    return picture.text


def pixels(png):
    return Image.open(io.BytesIO(png)).convert("RGB").tobytes()


def painted_in_one_go(**values):
    *_, last = imagine(tiny_request(**values))
    return last.to_pil().tobytes()


def test_a_job_is_started_previewed_saved_and_finished(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=4))
    work(loop)
    assert sent[1:3] == [Ready("cpu"), Started("a" * 32, 4, 32, 32, 4)]
    assert (sent[0].model, sent[0].models) == ("tiny", ("tiny",))
    assert sent[0].seconds > 0
    previews = events(Progress, sent)
    assert [event.iteration for event in previews] == [1, 2, 3]
    assert [step.iteration for step in of(Stepped, sent)] == [0, 1, 2, 3]
    assert {Image.open(io.BytesIO(event.preview)).format for event in previews} == {"JPEG"}
    assert all(event.losses["total"] == event.losses["a red circle"] for event in previews)
    assert all(event.iterations == 4 and event.eta > 0 for event in previews)
    assert [saved.iteration for saved in of(Saved, sent)] == [1, 2, 3, 4]
    done = sent[-1].event
    assert isinstance(done, Done)
    assert (done.seed, done.iterations, done.width, done.height, done.stopped) == (
        7,
        4,
        32,
        32,
        False,
    )
    assert pixels(done.picture) == painted_in_one_go(iterations=4)
    assert done.losses is not None
    assert [f"{event.losses['total']:.5g}" for event in previews] == [
        f"{total:.5g}" for total in done.losses.total[1:]
    ]


def test_the_picture_contains_its_request_and_its_provenance(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=1))
    work(loop)
    inside = texts(sent[-1].event.picture)
    assert json.loads(inside["imagine-bot request"])["seed"] == 7
    assert json.loads(inside["imagine-bot provenance"])["threads"] == torch.get_num_threads()


def test_another_worker_continues_where_one_was_closed_bit_for_bit(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=6))
    for _ in range(3):
        loop.tick()
    loop.post(Close())
    work(loop)
    assert not events(Done, sent)
    later: list[Any] = []
    second = JobLoop(loop.settings, later.append)
    second.post(order(tmp_path, iterations=6))
    work(second)
    assert of(Saved, later)[0].iteration == 3
    assert pixels(later[-1].event.picture) == painted_in_one_go(iterations=6)


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_job_with_an_unusable_state_starts_from_the_beginning(loop, sent, tmp_path, damage):
    paint = order(tmp_path, iterations=2)
    if damage is None:  # the state of another request, with the same file name
        torch.save({"request": "{}", "synthesis": {}}, paint.state)
    else:
        Path(paint.state).write_bytes(damage)
    loop.post(paint)
    work(loop)
    assert [log.id for log in of(Logged, sent)] == [paint.id]
    assert pixels(sent[-1].event.picture) == painted_in_one_go(iterations=2)


def test_stop_finishes_the_picture_as_it_is(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=500))
    loop.post(Stop("a" * 32))  # before the first iteration, which is still done
    work(loop)
    done = sent[-1].event
    assert (done.stopped, done.iterations) == (True, 1)
    made = json.loads(texts(done.picture)["imagine-bot provenance"])
    assert made["stopped_at"] == 1


def test_cancel_ends_within_an_iteration_with_the_partial_picture(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=500))
    for _ in range(3):
        loop.tick()
    loop.post(Cancel("a" * 32))
    loop.tick()
    cancelled = sent[-1].event
    assert isinstance(cancelled, Cancelled)
    assert cancelled.partial is not None
    assert Image.open(io.BytesIO(cancelled.partial)).size == (32, 32)
    assert not loop.tick()


def test_a_job_cancelled_before_it_started_has_no_partial_picture(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=500))
    loop.post(Cancel("a" * 32))
    work(loop)
    assert sent[2:] == [JobEvent("a" * 32, Cancelled(None))]


def test_an_invalid_job_fails_with_the_engines_message(loop, sent, tmp_path):
    loop.post(order(tmp_path, model="unheard-of"))
    loop.post(order(tmp_path, id="b" * 32, init_image="c" * 64))
    work(loop)
    unknown, missing = events(Failed, sent)
    assert "no model called 'unheard-of'" in unknown.reason
    assert "attach it again" in missing.reason


def test_an_unexpected_error_is_logged_and_only_its_reference_is_shown(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=50))
    loop.tick()
    loop._jobs[0]._synthesis.latent.z = None  # the fault
    loop.post(order(tmp_path, id="b" * 32, iterations=1))
    work(loop)
    message, logged = [m for m in of(JobEvent, sent) if m.id == "a" * 32][-1], of(Logged, sent)[0]
    failed = message.event
    assert isinstance(failed, Failed)
    reference = failed.reason.removesuffix(".").split()[-1]
    assert logged.id == message.id == "a" * 32
    assert reference in logged.text
    assert "AttributeError" in logged.text
    assert "AttributeError" not in failed.reason
    assert sent[-1].id == "b" * 32  # the next job is painted
    assert isinstance(sent[-1].event, Done)


def test_a_time_lapse_repeats_the_painting_in_its_turn(loop, sent, tmp_path):
    loop.post(order(tmp_path, iterations=20))
    loop.post(RenderTimeLapse("f", tiny_request(iterations=8).model_dump_json(), {}, 8))
    work(loop)
    picture, film = events(Done, sent)  # the picture first
    assert (picture.video, film.picture) == (b"", b"")
    with av.open(io.BytesIO(film.video), "r") as video:
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) > 9
    *_, last = imagine(tiny_request(iterations=8))
    wanted = torch.frombuffer(bytearray(last.to_pil().tobytes()), dtype=torch.uint8)
    shown = torch.from_numpy(frames[-1].copy()).flatten()
    assert (wanted.float() - shown.float()).abs().mean() < 30  # H.264 at 32 px is coarse


def test_a_time_lapse_can_be_cancelled_and_its_picture_is_scored(loop, sent):
    request = tiny_request(iterations=8).model_dump_json()
    loop.post(RenderTimeLapse("a", request, {}, 8))
    loop.post(RenderTimeLapse("b", request, {}, 8, ("red",)))
    for _ in range(3):
        loop.tick()
    loop.post(Cancel("a"))
    work(loop)
    assert [
        message.event for message in sent if isinstance(message, JobEvent) and message.id == "a"
    ][-1] == Cancelled(None)
    [film] = events(Done, sent)
    assert set(film.scores) == {"red"}


def test_a_message_without_a_valid_request_is_refused(loop, sent, tmp_path):
    loop.post(Paint("a" * 32, '{"prompt": ""}', {}, str(tmp_path / "x.pt")))
    work(loop)
    assert "prompt is empty" in events(Failed, sent)[0].reason
    with pytest.raises(RequestError):
        tiny_request("")


def environment_of(pid: int | None) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
async def test_threads_of_a_worker_do_not_take_the_processor_from_the_bot(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    worker = ProcessWorker(WorkerSettings(preload=None))
    await worker.start()
    own = environment_of(worker.pid)
    await worker.kill()
    assert {b"OMP_WAIT_POLICY=PASSIVE", b"GOMP_SPINCOUNT=1000"} < set(own)


async def test_a_killed_process_is_noticed_and_a_closed_one_exits_by_itself(tmp_path):
    worker = ProcessWorker(WorkerSettings(preload=None, threads=1, preview_every=0))
    await worker.start()
    inbox = worker.open("a" * 32)
    worker.send(order(tmp_path, iterations=5000))
    assert isinstance(await inbox.get(), Started)
    while not isinstance(await inbox.get(), Stepped):
        pass
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    while await inbox.get() is not None:
        pass
    assert not worker.alive
    worker.send(Stop("a" * 32))  # does nothing
    assert await worker.open("b" * 32).get() is None
    await worker.close(1)


async def nobody(job, message):
    raise AssertionError(message)


async def test_a_worker_that_is_silent_for_too_long_is_killed(tmp_path):
    worker = WatchedWorker(WorkerSettings(preload=None), ProcessWorker, silence=0.2)
    await worker.start()
    pid = worker.status(None).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)  # it hangs
    job = Job(JobRecord("a" * 32, tiny_request(), "ann", PLACE))
    attempt = Attempt(job, worker, EtaEstimator(), lambda: None, on_steered=nobody)
    with pytest.raises(WorkerDiedError) as death:
        await attempt.run(order(tmp_path))
    assert death.value.hung
    assert not worker.status(None).alive
    assert not is_running(pid)


BOT = """
    import asyncio, os, sys
    from engine.worker.messages import Paint, Stepped, WorkerSettings
    from engine.worker.process import ProcessWorker

    async def main():
        worker = ProcessWorker(WorkerSettings(preload=None, threads=1, preview_every=0))
        await worker.start()
        inbox = worker.open("a")
        worker.send(Paint("a", sys.argv[1], {}, sys.argv[2]))
        while not isinstance(await inbox.get(), Stepped):
            pass
        print(worker.pid, flush=True)
        await asyncio.sleep(1000)

    asyncio.run(main())
"""


def test_a_worker_exits_during_a_job_when_its_bot_is_killed(tmp_path):
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(BOT),
            tiny_request(iterations=5000).model_dump_json(),
            str(tmp_path / "a.pt"),
        ],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as bot:
        assert bot.stdout is not None
        pid = int(bot.stdout.readline())
        assert is_running(pid)
        bot.kill()
    ends = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not is_running(pid)


async def test_the_bots_side_of_the_worker_needs_no_torch_and_no_ray():
    script = (
        "import engine.jobs.queue, engine.jobs.cluster.pool, sys; "
        "sys.exit(bool({'torch', 'PIL', 'ray'} & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=ROOT)
    assert await process.wait() == 0


def test_more_iterations_continue_from_a_finished_job_s_state(loop, sent, tmp_path):
    """Continue, from the worker's side: another order with a copy of the state."""
    loop.post(order(tmp_path, iterations=3))
    work(loop)
    longer = order(tmp_path, "b" * 32, iterations=3, more=2)
    Path(longer.state).write_bytes((tmp_path / f"{'a' * 32}.pt").read_bytes())
    loop.post(longer)
    work(loop)
    assert [saved.iteration for saved in of(Saved, sent) if saved.id == longer.id] == [3, 4, 5]
    done = sent[-1].event
    assert isinstance(done, Done)
    assert done.iterations == 5
    assert done.losses is not None
    assert len(done.losses.total) == 5  # those before as well
    assert pixels(done.picture) == painted_in_one_go(iterations=3, more=2)


@pytest.mark.parametrize("changed", ["model", "random numbers"])
def test_a_picture_is_not_continued_with_another_model_or_other_numbers(
    loop, sent, tmp_path, changed
):
    """The weights of the same model name were replaced, or an earlier version saved the state."""
    loop.post(order(tmp_path, iterations=3))
    work(loop)
    state = torch.load(tmp_path / f"{'a' * 32}.pt", weights_only=True)
    if changed == "model":
        state["codebook"] = "of other weights"
    else:
        del state["synthesis"]["random"]
    # A half-painted job starts from the beginning; a continuation is refused.
    torch.save(state | {"job": "b" * 32}, tmp_path / f"{'b' * 32}.pt")
    loop.post(order(tmp_path, "b" * 32, iterations=3))
    work(loop)
    told = {"model": "belongs to another model", "random numbers": "saved with other random"}
    assert told[changed] in of(Logged, sent)[-1].text
    assert pixels(sent[-1].event.picture) == painted_in_one_go(iterations=3)
    torch.save(state, tmp_path / f"{'c' * 32}.pt")
    loop.post(order(tmp_path, "c" * 32, iterations=3, more=2))
    work(loop)
    refused = sent[-1].event
    assert isinstance(refused, Failed)
    assert ("model has changed" if changed == "model" else "earlier version") in refused.reason
    assert "press Edit" in refused.reason


def test_an_edit_has_the_size_of_its_picture_and_is_scored_as_a_whole(loop, sent, tmp_path):
    picture = Image.effect_noise((200, 120), 90).convert("RGB")
    mask = Image.new("L", picture.size)
    mask.paste(255, (150, 80, 170, 100))
    files = [_png_of(picture), _png_of(mask)]
    names = [hashlib.sha256(data).hexdigest() for data in files]
    pictures = dict(zip(names, files, strict=True))
    request = tiny_request(init_image=names[0], mask=names[1], iterations=2)
    state = tmp_path / "state.pt"
    loop.post(Paint("a" * 32, request.model_dump_json(), pictures, str(state), ("a fox",)))
    work(loop)
    [done] = events(Done, sent)
    # Composing can take longer than an iteration.
    assert isinstance(sent[-2], Busy)
    assert (done.width, done.height) == (200, 120)
    with Image.open(io.BytesIO(done.picture)) as image:
        assert image.size == (200, 120)
        left = (0, 0, 149, 120)
        assert image.crop(left).tobytes() == picture.crop(left).tobytes()
    # Previews and the size for the estimated time are the model's.
    [started] = of(Started, sent)
    assert started.width * started.height <= 1.3 * 32 * 32
    assert Image.open(io.BytesIO(events(Progress, sent)[-1].preview)).size == (
        started.width,
        started.height,
    )
    models = loop._load("tiny")
    whole = Image.open(io.BytesIO(done.picture)).convert("RGB")
    score = concept_scores(models.perceptor, to_tensor(whole, 200, 120)[0], ("a fox",))["a fox"]
    assert done.scores["a fox"] >= score - 1e-6


def test_a_state_of_another_part_of_the_picture_is_not_continued(loop, sent, tmp_path):
    picture = _png_of(Image.effect_noise((200, 120), 90).convert("RGB"))
    name = hashlib.sha256(picture).hexdigest()
    request = tiny_request(init_image=name, iterations=2).model_dump_json()
    state = tmp_path / "state.pt"
    job = Paint("a" * 32, request, {name: picture}, str(state))
    loop.post(job)
    work(loop)
    kept = torch.load(state, weights_only=True)
    assert kept["area"] == [0, 0, 200, 120]
    torch.save({**kept, "area": [0, 0, 100, 120]}, state)
    sent.clear()
    loop.post(job)
    work(loop)
    assert any("another part" in message.text for message in of(Logged, sent))
    assert [saved.iteration for saved in of(Saved, sent)] == [1, 2]


def test_strength_0_returns_the_picture_and_loads_no_model(sent, tmp_path, monkeypatch):
    picture = Image.effect_noise((200, 120), 90).convert("RGB")
    data = _png_of(picture)
    name = hashlib.sha256(data).hexdigest()
    loop = JobLoop(WorkerSettings(preload=None), sent.append)
    loop.start()
    loaded = []
    load = loop._load

    def watched(name):
        loaded.append(name)
        return load(name)

    monkeypatch.setattr(loop, "_load", watched)
    request = tiny_request(init_image=name, strength=0).model_dump_json()
    for id, concepts in (("a" * 32, ()), ("b" * 32, ("a fox",))):
        loop.post(Paint(id, request, {name: data}, str(tmp_path / id), concepts))
    loop.post(RenderTimeLapse("c" * 32, request, {name: data}, 0))
    work(loop)
    plain, scored = events(Done, sent)
    assert pixels(plain.picture) == picture.tobytes()
    assert (plain.width, plain.height, plain.iterations, plain.seed) == (200, 120, 0, 7)
    assert plain.scores == {}
    # What is posted is checked, even if it was not painted.
    assert set(scored.scores) == {"a fox"}
    assert loaded == ["tiny"]
    [failed] = events(Failed, sent)
    assert "no time-lapse" in failed.reason
    assert not list(tmp_path.iterdir())


def _png_of(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_an_ensemble_shares_what_is_loaded_and_counts_its_perceptors(loop, sent, tmp_path):
    loop.start()
    tiny = loop._models["tiny"]
    loop.post(order(tmp_path, perceptor="tiny,drawn:0.5", iterations=1, seed=7))
    work(loop)
    (done,) = events(Done, sent)
    name = "tiny/tiny,drawn:0.5"
    assert list(loop._models) == [name]  # two perceptors, and two models stay loaded
    assert loop._models[name].generator is tiny.generator
    assert loop._models[name].perceptor.members[0].perceptor is tiny.perceptor
    assert [each.models for each in of(Loaded, sent)] == [("tiny",), (name,)]
    assert json.loads(texts(done.picture)["imagine-bot provenance"])["model"] == name
    assert json.loads(texts(done.picture)["imagine-bot request"])["perceptor"] == "tiny,drawn:0.5"
    loop.post(order(tmp_path, id="b" * 32, iterations=1))
    work(loop)
    assert list(loop._models) == ["tiny"]
    assert loop._models["tiny"].perceptor is tiny.perceptor
