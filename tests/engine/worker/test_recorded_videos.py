"""Frames that are recorded while a picture is painted, and videos made from them."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
from pathlib import Path

import av
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.events import Cancelled, Done
from engine.painting.pipeline import imagine
from engine.worker import frames
from engine.worker.frames import Recorder, read_recording
from engine.worker.main import JobLoop
from engine.worker.messages import (
    Cancel,
    Close,
    JobEvent,
    Logged,
    Paint,
    RenderTimeLapse,
    Stepped,
    Stop,
)
from tests.engine.pictures.encoding import encoded
from tests.tiny_model import tiny_request

A, B, FILM = "a" * 32, "b" * 32, "f" * 32

pytestmark = pytest.mark.usefixtures("tiny_catalogue")


def paint(folder, id=A, **values):
    request = tiny_request(**values).model_dump_json()
    return Paint(id, request, {}, str(folder / f"{id}.pt"), (), str(folder / f"{id}.frames"))


def film(order, iterations, *concepts):
    return RenderTimeLapse(FILM, order.request, {}, iterations, concepts, order.frames)


def work(loop):
    while loop.tick():
        pass


def painted(loop, order):
    loop.post(order)
    work(loop)
    return Path(order.frames)


def endings(id, sent):
    return [each.event for each in sent if isinstance(each, JobEvent) and each.id == id]


def steps(id, sent):
    return [each.iteration for each in sent if isinstance(each, Stepped) and each.id == id]


def numbers(path):
    recording = read_recording(path)
    assert recording is not None
    return [frame.iteration for frame in recording.frames]


def shown(video):
    with av.open(io.BytesIO(video), "r") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def difference(one, other):
    """The mean difference of two pictures, in steps of 0..255."""
    first, second = (torch.from_numpy(each.copy()).float() for each in (one, other))
    return float((first - second).abs().mean())


def test_a_video_from_recorded_frames_paints_nothing_and_ends_with_the_picture(
    loop, sent, tmp_path
):
    order = paint(tmp_path, iterations=8, width=64, height=32)
    path = painted(loop, order)
    assert numbers(path) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    loop.post(film(order, 8))
    loop.post(RenderTimeLapse(B, order.request, {}, 8))  # painted again, to compare with
    work(loop)
    [done], again = endings(FILM, sent), endings(B, sent)[-1]
    assert steps(FILM, sent) == []
    assert steps(B, sent)  # at least the first, then one a second
    assert (done.picture, done.seed, done.iterations) == (b"", 7, 0)
    assert (done.width, done.height) == (64, 32)
    frames_, expected = shown(done.video), shown(again.video)
    assert len(frames_) == len(expected)
    assert all(difference(*pair) < 12 for pair in zip(frames_, expected, strict=True))
    *_, last = imagine(tiny_request(iterations=8, width=64, height=32))
    assert path_picture(path).tobytes() == last.to_pil().tobytes()


def path_picture(path):
    """The finished picture in a recording, which has lost nothing."""
    recording = read_recording(path)
    assert recording is not None
    assert recording.frames[-1].is_last
    return recording.frames[-1].opened()


@pytest.mark.parametrize("tail", [b"", b"\x05\x00", bytes(40)], ids=["whole", "cut", "zeros"])
def test_a_resumed_painting_has_the_frames_of_an_uninterrupted_one(loop, sent, tmp_path, tail):
    whole = painted(loop, paint(tmp_path, iterations=7)).read_bytes()
    (tmp_path / "killed").mkdir()
    order = paint(tmp_path / "killed", iterations=7)
    loop.post(order)
    for _ in range(3):
        loop.tick()
    saved = Path(order.state).read_bytes()
    for _ in range(2):
        loop.tick()
    loop.post(Close())
    work(loop)
    # As after a crash: frames are newer than the state, and the last one is cut off.
    Path(order.state).write_bytes(saved)
    with Path(order.frames).open("ab") as file:
        file.write(tail)
    assert numbers(Path(order.frames)) == [0, 1, 2, 3, 4]
    second = JobLoop(loop.settings, sent.append)
    assert painted(second, order).read_bytes() == whole


@pytest.mark.parametrize("most", [120, 4])
def test_a_continued_picture_has_all_of_its_frames(loop, sent, tmp_path, monkeypatch, most):
    monkeypatch.setattr(frames, "MAX_FRAMES", most)
    first = paint(tmp_path, iterations=4)
    painted(loop, first)
    longer = paint(tmp_path, B, iterations=4, more=5)
    for name in ("state", "frames"):
        shutil.copy(getattr(first, name), getattr(longer, name))
    path = painted(loop, longer)
    (tmp_path / "one go").mkdir()
    one_go = painted(loop, paint(tmp_path / "one go", iterations=9))
    assert path.read_bytes() == one_go.read_bytes()
    assert len(numbers(path)) <= most + 1
    loop.post(film(longer, 9))
    work(loop)
    assert steps(FILM, sent) == []
    assert endings(FILM, sent)[0].video


def test_a_stopped_picture_has_a_video(loop, sent, tmp_path):
    order = paint(tmp_path, iterations=500)
    loop.post(order)
    for _ in range(12):
        loop.tick()
    loop.post(Stop(A))
    work(loop)
    made = endings(A, sent)[-1].iterations
    assert numbers(Path(order.frames)) == [*range(0, made, 8), made]
    loop.post(film(order, made))
    work(loop)
    assert steps(FILM, sent) == []
    assert isinstance(endings(FILM, sent)[0], Done)


@pytest.mark.parametrize("damage", ["missing", "cut", "another", "unfinished"])
def test_without_all_frames_the_picture_is_painted_again(loop, sent, tmp_path, damage):
    order = paint(tmp_path, iterations=4)
    path = painted(loop, order)
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(data[:-1])
    elif damage == "another":
        path.write_bytes(b"no frames")
    loop.post(film(order, 5 if damage == "unfinished" else 4))
    work(loop)
    assert steps(FILM, sent)
    done = endings(FILM, sent)[-1]
    assert done.video
    assert done.iterations >= 4


def test_a_picture_whose_recording_was_lost_is_continued_without_one(loop, sent, tmp_path):
    order = paint(tmp_path, iterations=6)
    loop.post(order)
    for _ in range(3):
        loop.tick()
    loop.post(Close())
    work(loop)
    Path(order.frames).unlink()
    assert not painted(JobLoop(loop.settings, sent.append), order).exists()
    assert isinstance(endings(A, sent)[-1], Done)


def test_frames_that_cannot_be_written_end_only_the_recording(loop, sent, tmp_path):
    order = paint(tmp_path, iterations=4)
    Path(order.frames).mkdir()
    painted(loop, order)
    assert isinstance(endings(A, sent)[-1], Done)
    assert [("frames" in each.text) for each in sent if isinstance(each, Logged)] == [True]


def test_a_deleted_job_s_frames_do_not_come_back(loop, sent, tmp_path):
    order = paint(tmp_path, iterations=6)
    loop.post(order)
    for _ in range(3):
        loop.tick()
    Path(order.frames).unlink()
    work(loop)
    assert not Path(order.frames).exists()


def test_a_video_from_frames_can_be_cancelled_and_is_scored(loop, sent, tmp_path):
    order = paint(tmp_path, iterations=8)
    painted(loop, order)
    loop.post(film(order, 8))
    loop.tick()
    loop.post(Cancel(FILM))
    work(loop)
    assert endings(FILM, sent) == [Cancelled(None)]
    loop.post(film(order, 8, "red"))
    work(loop)
    assert set(endings(FILM, sent)[-1].scores) == {"red"}


def test_without_a_file_nothing_is_recorded(loop, sent, tmp_path):
    loop.post(Paint(A, tiny_request(iterations=3).model_dump_json(), {}, str(tmp_path / "s.pt")))
    work(loop)
    assert [path.name for path in tmp_path.iterdir()] == ["s.pt"]


def noise(seed, size=(96, 64)):
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))


@given(st.integers(1, 2000), st.integers(1, 40))
def test_a_recording_has_at_most_so_many_frames(tmp_path_factory, iterations, more):
    path = tmp_path_factory.mktemp("frames") / "x.frames"
    for total, begin in ((iterations, 0), (iterations + more, iterations)):
        recorder = Recorder(path, total, (8, 8))
        recorder.resume(begin)
        for each in range(begin, total):
            if recorder.wants(each):
                recorder.add(each, Image.new("RGB", (8, 8)))
        recorder.finish(total, Image.new("RGB", (8, 8)))
        recording = read_recording(path)
        assert recording is not None
        assert recording.is_complete(total)
        assert not recording.is_complete(total + 1)
        assert len(recording.frames) <= frames.MAX_FRAMES + 1


def test_a_recording_has_at_most_so_many_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MAX_BYTES", 20_000)
    path = tmp_path / "x.frames"
    recorder = Recorder(path, 100, (96, 64))
    recorder.resume(0)
    for each in range(100):
        if recorder.wants(each):
            recorder.add(each, noise(each))
            assert path.stat().st_size <= 20_000
    recorder.finish(100, noise(100))
    recording = read_recording(path)
    assert recording is not None
    assert recording.is_complete(100)
    assert len(recording.frames) > 2
    # Large pictures are made small.
    recorder.resume(0)
    recorder.finish(0, noise(1, (1500, 700)))
    assert path_picture(path).size == (512, 239)


def test_a_painting_that_steps_back_drops_the_frames_after_that(tmp_path):
    path = tmp_path / "x.frames"
    recorder = Recorder(path, 10, (96, 64))
    recorder.resume(0)
    for each in (0, 1, 2, 3, 2, 3, 4):
        recorder.add(each, noise(each))
    recorder.finish(3, noise(9))
    assert numbers(path) == [0, 1, 2, 3]


@given(st.data())
def test_a_file_that_was_cut_off_has_its_first_frames(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("frames") / "x.frames"
    recorder = Recorder(path, 4, (96, 64))
    recorder.resume(0)
    for each in range(4):
        recorder.add(each, noise(each))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    recording = read_recording(path)
    if recording is not None:
        found = [frame.iteration for frame in recording.frames]
        assert found == list(range(len(found)))
        assert len(found) < 4
        assert not recording.is_complete(4)


def test_a_picture_that_grows_is_recorded_in_its_final_size(loop, tmp_path):
    data = encoded(Image.new("RGB", (32, 32), "navy"))
    sha256 = hashlib.sha256(data).hexdigest()
    request = tiny_request(init_image=sha256, width=64, height=64, grow=1.5, iterations=4)
    order = Paint(
        A,
        request.model_dump_json(),
        {sha256: data},
        str(tmp_path / f"{A}.pt"),
        (),
        str(tmp_path / f"{A}.frames"),
    )
    recording = read_recording(painted(loop, order))
    assert recording is not None
    assert (recording.width, recording.height) == (64, 64)
    sizes = {Image.open(io.BytesIO(frame.data)).size for frame in recording.frames}
    assert sizes == {(64, 64)}
