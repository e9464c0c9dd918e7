"""A picture is described next to what is painted, and changes nothing about it."""

from __future__ import annotations

import asyncio
import hashlib
import io
from dataclasses import replace

import pytest
from PIL import Image

from engine.errors import EngineError
from engine.events import Cancelled, Done, Failed
from engine.jobs.describing import describe
from engine.jobs.workers import WorkerDiedError
from engine.models.phrases import Phrases
from engine.worker.messages import (
    Cancel,
    Describe,
    Described,
    JobEvent,
    Paint,
    Saved,
)
from tests.engine.jobs.scripted import ScriptedWorker
from tests.tiny_model import tiny_request

FEW = Phrases(("a fox", "a hen"), ("on a hill",), ("at night",), ("woodcut", "mosaic"))


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (20, 12), (200, 30, 30, 120)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr("engine.painting.describing.known_phrases", lambda vocabulary: FEW)


def order(id: str, data: bytes | None = None) -> Describe:
    data = png() if data is None else data
    name = hashlib.sha256(data).hexdigest()
    request = tiny_request("", like=[{"picture": name}])
    return Describe(id, request.model_dump_json(), {name: data})


def painted(sent) -> bytes:
    events = [each.event for each in sent if isinstance(each, JobEvent) and each.id == "p"]
    [done] = [event for event in events if isinstance(event, Done)]
    return Image.open(io.BytesIO(done.picture)).tobytes()


def work(loop):
    while loop.tick():
        pass


def test_it_does_not_wait_for_the_picture_that_is_painted_nor_changes_it(loop, sent, tmp_path, few):
    paint = Paint("p", tiny_request(iterations=12).model_dump_json(), {}, str(tmp_path / "p.pt"))
    loop.settings = replace(loop.settings, preview_every=1e9)
    loop.post(paint)
    loop.tick()
    loop.post(order("d"))
    work(loop)
    [found] = [each for each in sent if isinstance(each, Described)]
    later = sent[sent.index(found) :]
    assert len([each for each in later if isinstance(each, Saved)]) > 1  # it was still painted
    assert len(found.prompts) == 4
    assert set(found.words) == {"a fox", "a hen"}
    with_it = painted(sent)
    sent.clear()
    (tmp_path / "p.pt").unlink()
    loop.post(paint)
    work(loop)
    assert painted(sent) == with_it


def test_a_file_that_is_no_picture_fails_and_a_cancelled_one_ends(loop, sent, few):
    loop.post(order("bad", b"words"))
    loop.post(order("gone"))
    loop.post(Cancel("gone"))
    work(loop)
    endings = {each.id: each.event for each in sent if isinstance(each, JobEvent)}
    assert isinstance(endings["bad"], Failed)
    assert isinstance(endings["gone"], Cancelled)
    assert not any(isinstance(each, Described) for each in sent)


async def test_the_worker_with_the_model_describes_and_its_death_is_told():
    request = tiny_request("a fox")
    cold, warm, broken = ScriptedWorker(), ScriptedWorker("tiny"), ScriptedWorker("tiny")
    broken.condition = "broken"

    async def answer(worker, message):
        (id,) = worker.jobs
        worker.jobs[id].put_nowait(message(id))

    asking = asyncio.create_task(describe([cold, broken, warm], request, {}))
    await asyncio.sleep(0)
    await answer(warm, lambda id: Described(id, ("a fox",), ()))
    assert (await asking).prompts == ("a fox",)
    for message in (
        lambda id: WorkerDiedError(),
        lambda id: JobEvent(id, Failed("That file isn't a picture.")),
    ):
        asking = asyncio.create_task(describe([warm], request, {}))
        await asyncio.sleep(0)
        await answer(warm, message)
        with pytest.raises(EngineError, match=r"try again|isn't a picture"):
            await asking
    asking = asyncio.create_task(describe([warm], request, {}))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert warm.told[-1][0] == "cancel"
    with pytest.raises(EngineError, match="try again"):
        await describe([], request, {})
