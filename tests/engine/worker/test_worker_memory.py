"""Jobs that do not fit into memory, and devices that are lost, as the queue sees them."""

from __future__ import annotations

import os

import pytest
import torch

from data import Store
from engine.events import Done, Failed
from engine.jobs.queue import PaintQueue
from engine.models import load_models
from engine.models.precision import bf16_is_fast
from engine.worker.failures import DEVICE_LOST, OUT_OF_MEMORY
from engine.worker.main import JobLoop, ReplaceMeError
from engine.worker.messages import Paint, RenderTimeLapse, Started, WorkerSettings
from tests.tiny_model import PLACE, tiny_request, write_tiny_model


@pytest.fixture(autouse=True)
def _tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(write_tiny_model(tmp_path / "tiny")))


@pytest.fixture
def sent():
    return []


def loop_of(sent, **settings) -> JobLoop:
    loop = JobLoop(WorkerSettings(preload="tiny", **settings), sent.append)
    loop.start()
    return loop


def work(loop, tmp_path):
    request = tiny_request(iterations=2).model_dump_json()
    loop.post(Paint("a" * 32, request, {}, str(tmp_path / "state.pt")))
    while loop.tick():
        pass


def endings(sent):
    return [message.event for message in sent if hasattr(message, "event")]


@pytest.fixture
def _little_memory(monkeypatch):
    monkeypatch.setattr("engine.painting.pipeline.free_bytes", lambda device: 1_000_000)


@pytest.mark.usefixtures("_little_memory")
def test_a_picture_that_cannot_fit_is_refused_before_it_is_started(sent, tmp_path):
    work(loop_of(sent), tmp_path)
    [failed] = endings(sent)
    assert isinstance(failed, Failed)
    most = "0.05" if bf16_is_fast(torch.device("cpu")) else "0.06"
    assert str(failed.reason).startswith(f"A picture of 32x32 needs about {most} GB of memory")
    assert not [message for message in sent if isinstance(message, Started)]


@pytest.mark.usefixtures("_little_memory")
def test_a_time_lapse_that_cannot_fit_is_refused_too(sent):
    loop = loop_of(sent)
    loop.post(RenderTimeLapse("a" * 32, tiny_request(iterations=2).model_dump_json(), {}, 2))
    while loop.tick():
        pass
    assert isinstance(endings(sent)[-1], Failed)


@pytest.mark.usefixtures("_little_memory")
def test_the_host_can_have_it_painted_all_the_same(sent, tmp_path):
    work(loop_of(sent, check_memory=False), tmp_path)
    assert isinstance(endings(sent)[-1], Done)


def test_other_models_make_room_for_a_picture(sent, tmp_path, monkeypatch):
    loop = loop_of(sent)
    loop._load("drawn")
    monkeypatch.setattr(
        "engine.painting.pipeline.free_bytes",
        lambda device: 1_000_000 if len(loop._models) > 1 else 1_000_000_000,
    )
    work(loop, tmp_path)
    assert isinstance(endings(sent)[-1], Done)
    assert list(loop._models) == ["tiny"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "memory ran out in job a"),
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), "the device was lost"),
    ],
)
def test_a_process_that_can_paint_no_more_asks_for_another(
    sent, tmp_path, monkeypatch, error, said
):
    def fail(*_: object) -> None:
        raise error

    loop = loop_of(sent)
    monkeypatch.setattr(type(load_models("tiny").generator), "random_latent", fail)
    with pytest.raises(ReplaceMeError, match=said):
        work(loop, tmp_path)


def test_an_error_that_leaves_the_device_intact_only_ends_its_job(sent, tmp_path, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED.")

    loop = loop_of(sent)
    monkeypatch.setattr(type(load_models("tiny").generator), "random_latent", fail)
    work(loop, tmp_path)
    assert isinstance(endings(sent)[-1], Failed)


@pytest.mark.skipif(os.name != "posix", reason="the stand-in for the worker is a shell script")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (DEVICE_LOST, "The painting device failed on this twice; try again later, and tell"),
        (OUT_OF_MEMORY, "The painting process crashed on this twice, probably because memory"),
        (137, "The painting process crashed on this twice, probably because memory"),  # SIGKILL
    ],
)
async def test_the_person_reads_why_two_workers_ended(tmp_path, monkeypatch, code, said):
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nexit {code}\n")
    script.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(script))
    store = await Store.open(tmp_path / "data")
    queue = PaintQueue(store, preload="tiny")
    await queue.start()
    job = await queue.submit(tiny_request(iterations=2), person="ann", place=PLACE)
    [failed] = [event async for event in job if isinstance(event, Failed)]
    assert str(failed.reason).startswith(said)
    await queue.close()
    await store.close()
