"""Previews, states and frames that a thread makes, as next to a GPU."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
import torch

from engine.events import Done, Progress
from engine.worker import encoder, jobs
from engine.worker.encoder import EncoderThread
from engine.worker.main import JobLoop, ReplaceMeError
from engine.worker.messages import Close, JobEvent, Paint, RenderTimeLapse, Saved, Stepped
from engine.worker.small_pictures import preview_of
from tests.tiny_model import tiny_request

ID = "a" * 32


@pytest.fixture
def threaded(monkeypatch):
    monkeypatch.setattr(encoder, "THREADED", {"cpu"})


def order(folder: Path) -> Paint:
    folder.mkdir(exist_ok=True)
    request = tiny_request(iterations=6).model_dump_json()
    return Paint(ID, request, {}, str(folder / "state.pt"), frames=str(folder / "frames"))


def work(loop: JobLoop) -> None:
    while loop.tick():
        pass


def events(sent, kind):
    found = [each.event for each in sent if isinstance(each, JobEvent)]
    return [each for each in found if isinstance(each, kind)]


def facts(sent):
    """What does not depend on the time that it took."""
    previews = [(each.iteration, each.preview, each.losses) for each in events(sent, Progress)]
    saved = [each.iteration for each in sent if isinstance(each, Saved)]
    return previews, saved, [each.losses for each in events(sent, Done)]


def test_what_a_thread_makes_is_what_is_made_at_once(loop, sent, tmp_path, monkeypatch):
    loop.post(order(tmp_path / "at once"))
    work(loop)
    expected = facts(sent)
    sent.clear()
    monkeypatch.setattr(encoder, "THREADED", {"cpu"})
    loop.post(order(tmp_path / "thread"))
    work(loop)
    assert facts(sent) == expected
    assert isinstance(sent[-1].event, Done)  # all else came before
    one, other = (tmp_path / name / "frames" for name in ("at once", "thread"))
    assert one.read_bytes() == other.read_bytes()
    states = [torch.load(path.with_name("state.pt"), weights_only=True) for path in (one, other)]
    latents = [state["synthesis"]["latent"] for state in states]
    assert torch.equal(*latents)


def test_painting_goes_on_while_a_preview_is_made(loop, sent, tmp_path, monkeypatch, threaded):
    made, going_on = preview_of, threading.Event()

    def slow_preview(picture, side):
        assert going_on.wait(60)
        return made(picture, side)

    monkeypatch.setattr(jobs, "preview_of", slow_preview)
    loop.post(order(tmp_path))
    for _ in range(3):
        loop.tick()
    assert [each.iteration for each in sent if isinstance(each, Stepped)] == [0, 1, 2]
    assert not events(sent, Progress)
    going_on.set()
    work(loop)
    assert [each.iteration for each in events(sent, Progress)] == [1, 2, 3, 4, 5]


def test_an_error_in_the_thread_is_the_jobs(loop, tmp_path, monkeypatch, threaded):
    def no_memory(picture, side):
        raise MemoryError

    monkeypatch.setattr(jobs, "preview_of", no_memory)
    loop.post(order(tmp_path))
    with pytest.raises(ReplaceMeError):
        work(loop)


def test_a_closed_worker_has_written_all(loop, sent, tmp_path, threaded):
    before = threading.active_count()
    loop.post(order(tmp_path))
    for _ in range(3):
        loop.tick()
    assert threading.active_count() == before + 1
    loop.post(Close())
    work(loop)
    assert [each.iteration for each in sent if isinstance(each, Saved)][-1] == 3
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["synthesis"]["iteration"] == 3
    assert threading.active_count() == before


@pytest.mark.slow
def test_a_time_lapse_has_all_frames(loop, sent, tmp_path, threaded):
    request = tiny_request(iterations=6).model_dump_json()
    loop.post(RenderTimeLapse(ID, request, {}, 6))
    work(loop)
    (threads,) = events(sent, Done)
    encoder.THREADED.clear()
    loop.post(RenderTimeLapse(ID, request, {}, 6))
    work(loop)
    assert events(sent, Done)[-1].video == threads.video


def test_work_is_done_in_order_and_not_after_an_error():
    done: list[int] = []

    def fail() -> None:
        raise ValueError("no")

    thread = EncoderThread()
    for number in range(20):  # more than may wait
        thread.submit(partial(done.append, number))
    thread.drain()
    assert done == list(range(20))
    thread.submit(fail)
    thread.submit(lambda: done.append(-1))
    with pytest.raises(ValueError, match="no"):
        thread.drain()
    thread.close()
    assert -1 not in done
