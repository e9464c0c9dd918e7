"""The queue, with a real store, a real worker and a tiny model."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import os
import signal

import pytest
from PIL import Image

from bench import load
from data import Store
from engine.errors import EngineError, RequestError
from engine.events import Cancelled, Done, Failed, Progress, Queued
from engine.jobs.job import JobRecord
from engine.jobs.queue import PaintQueue
from engine.painting.pipeline import imagine
from tests.tiny_model import PLACE, tiny_request

pytestmark = pytest.mark.usefixtures("tiny_catalogue")


@contextlib.asynccontextmanager
async def running(folder, *, in_process=True, **settings):
    """A store and a queue on ``folder``, closed as the bot closes them."""
    store = await Store.open(folder)
    queue = PaintQueue(
        store,
        threads=1,
        in_process=in_process,
        **{"preload": None, "preview_every": 0, "save_every": 0, **settings},
    )
    try:
        await queue.start()
        yield queue
    finally:
        await queue.close()
        await store.close()


@pytest.fixture
async def queue(tmp_path):
    async with running(tmp_path) as queue:
        yield queue


def ask(queue, prompt="a red circle", person="ann", **values):
    return queue.submit(tiny_request(prompt, **values), person=person, place=PLACE)


async def ending(job):
    async for event in job:
        last = event
    return last


async def progressed(job, iteration=1):
    """Wait until the job is being painted."""
    async for event in job:
        if isinstance(event, Progress) and event.iteration >= iteration:
            return
    pytest.fail(f"{job} ended")


def picture(png):
    return Image.open(io.BytesIO(png)).convert("RGB").tobytes()


async def test_from_the_words_to_the_picture_on_disk(queue):
    job = await ask(queue, iterations=5)
    assert (await queue.store.job(job.id)).state in ("queued", "running")  # it may start at once
    events = [event async for event in job]
    assert isinstance(events[0], Queued)
    assert events[0].position == 1
    assert events[0].eta is not None
    assert events[0].eta > 0
    shown = [event for event in events if isinstance(event, Progress)]
    assert [event.iteration for event in shown] == sorted(event.iteration for event in shown)
    assert all(event.iterations == 5 for event in shown)
    assert all(event.eta is not None and event.eta >= 0 for event in shown)
    done = events[-1]
    *_, last = imagine(tiny_request(iterations=5))
    assert picture(done.picture) == last.to_pil().tobytes()
    stored = await queue.store.job(job.id)
    assert stored.state == "rendered"
    assert queue.store.files.picture(stored.id).read_bytes() == done.picture
    assert stored.result["iterations"] == 5
    assert queue.get(job.id) is None
    assert queue.overview() == []


async def test_every_watcher_sees_the_end_and_a_late_one_at_once(queue):
    job = await ask(queue, iterations=3)
    first, second = await asyncio.gather(ending(job), ending(job))
    assert isinstance(first, Done)
    assert second is first
    assert [event async for event in job] == [first]


async def test_a_slow_watcher_misses_previews_but_not_the_end(queue):
    job = await ask(queue, iterations=6)
    seen = []
    async for event in job:
        seen.append(event)
        if len(seen) == 1:
            await ending(job)
    assert len(seen) == 2
    assert isinstance(seen[-1], Done)


async def test_a_seed_is_chosen_when_the_job_is_queued(queue):
    job = await ask(queue, seed=None, iterations=1)
    assert job.request.seed is not None
    assert (await queue.store.job(job.id)).seed == job.request.seed
    assert (await ending(job)).seed == job.request.seed


async def test_people_take_turns_and_everyone_knows_their_place(queue):
    running_job = await ask(queue, person="ann", iterations=5000)
    await progressed(running_job)
    ann = [await ask(queue, person="ann") for _ in range(2)]
    bob = [await ask(queue, person="bob") for _ in range(2)]
    order = [running_job, ann[0], bob[0], ann[1], bob[1]]
    assert queue.overview() == order
    assert [queue.position(job.id) for job in order] == [1, 2, 3, 4, 5]
    assert queue.position("0" * 32) is None
    assert [job.latest.position for job in order[1:]] == [2, 3, 4, 5]
    etas = [job.latest.eta for job in order[1:]]
    assert etas == sorted(etas)
    assert await queue.cancel(bob[0].id)
    assert bob[0].latest == Cancelled(None)
    assert [job.latest.position for job in (ann[0], bob[1], ann[1])] == [2, 3, 4]
    assert (await queue.store.job(bob[0].id)).state == "cancelled"
    assert await queue.stop(running_job.id)
    endings = await asyncio.gather(*map(ending, order))
    assert [type(end) for end in endings] == [Done, Done, Cancelled, Done, Done]
    assert not await queue.cancel(bob[0].id)
    assert not await queue.stop(running_job.id)


async def test_a_continued_job_is_estimated_by_its_remaining_iterations(queue):
    await ask(queue, iterations=900)
    whole = await ask(queue, iterations=400)
    before = queue.estimator.seconds(whole.request)
    rest = await queue.submit(
        whole.request, person="bob", place=PLACE, work=whole.request.changed(iterations=40)
    )
    assert rest.seconds_left == pytest.approx(before / 10)
    for job in queue.overview():
        await queue.cancel(job.id)


async def test_a_stopped_job_results_in_its_current_picture(queue):
    job = await ask(queue, iterations=5000)
    assert not await queue.stop("0" * 32)
    await progressed(job, 2)
    assert await queue.stop(job.id)
    done = await ending(job)
    assert done.stopped
    assert 2 <= done.iterations < 5000
    assert (await queue.store.job(job.id)).result["stopped"] is True


async def test_a_cancelled_running_job_has_no_result_and_keeps_its_picture(queue):
    job = await ask(queue, iterations=5000)
    await progressed(job)
    assert await queue.cancel(job.id)
    assert not await queue.stop(job.id)  # cancelled stays cancelled
    end = await ending(job)
    assert isinstance(end, Cancelled)
    assert await queue.store.picture(job.id) == end.partial
    assert (await queue.store.job(job.id)).state == "cancelled"
    assert not queue.store.state_path(job.id).exists()


async def test_an_invalid_request_fails_with_a_sentence_and_the_next_job_runs(queue):
    bad = await ask(queue, model="unheard-of")
    good = await ask(queue, iterations=1)
    assert "no model called 'unheard-of'" in (await ending(bad)).reason
    assert isinstance(await ending(good), Done)
    stored = await queue.store.job(bad.id)
    assert (stored.state, stored.error) == ("failed", bad.latest.reason)


async def test_a_starting_picture_is_stored_before_the_job_is_queued(queue):
    file = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(file, "PNG")
    data = file.getvalue()
    name = hashlib.sha256(data).hexdigest()
    request = tiny_request(init_image=name, iterations=2)
    with pytest.raises(RequestError, match="Attach it again"):
        await queue.submit(request, person="ann", place=PLACE)
    with pytest.raises(RequestError, match="arrived incomplete"):
        await queue.submit(request, person="ann", place=PLACE, pictures={name: b"x"})
    job = await queue.submit(request, person="ann", place=PLACE, pictures={name: data})
    assert await queue.store.attachments(job.id) == {name: data}
    done = await ending(job)
    again = await queue.submit(request, person="bob", place=PLACE)  # the picture is stored by now
    assert picture((await ending(again)).picture) == picture(done.picture)


async def test_a_closed_queue_continues_after_a_restart_with_the_same_bits(tmp_path):
    async with running(tmp_path) as queue:
        job = await ask(queue, person="ann", iterations=25)
        later = [await ask(queue, person=name, iterations=1) for name in ("ann", "bob", "ann")]
        watcher = asyncio.create_task(ending(job))
        await progressed(job, 3)
    assert isinstance(await watcher, Progress)  # not an ending: the job is not over
    with pytest.raises(EngineError, match="restarting"):
        await ask(queue)
    async with running(tmp_path) as queue:
        jobs = queue.resumed()
        assert jobs[0].id == job.id
        assert [each.id for each in queue.overview()] == [each.id for each in (job, *later)]
        assert all(each.resumed and each.place == PLACE for each in jobs)
        first = queue.get(job.id)
        done = await ending(first)
        assert first.saved_iteration >= 3
        assert all([isinstance(await ending(each), Done) for each in jobs])
        *_, last = imagine(tiny_request(iterations=25))
        assert picture(done.picture) == last.to_pil().tobytes()


async def test_an_interrupt_survives_the_restart(tmp_path):
    async with running(tmp_path) as queue:
        job = await ask(queue, iterations=5000)
        await progressed(job)
        await queue.store.interrupted(job.id, "cancel")  # right before a power failure
    async with running(tmp_path) as queue:
        assert isinstance(await ending(queue.resumed()[0]), Cancelled)
        assert (await queue.store.job(job.id)).state == "cancelled"


async def test_a_job_that_is_deleted_while_it_runs_is_not_posted(queue):
    job = await ask(queue, iterations=5000)
    await progressed(job)
    await queue.store.delete(job.id)
    await queue.stop(job.id)
    assert isinstance(await ending(job), Failed)
    assert isinstance(await ending(await ask(queue, iterations=1)), Done)


async def film(queue, job, person="ann"):
    request, iterations = await queue.store.rendition(job.id)
    return await queue.submit(
        request,
        person=person,
        place=PLACE,
        time_lapse_of=job.id,
        work=request.with_values(iterations=iterations),
    )


async def test_a_time_lapse_is_a_job_that_waits_its_turn(queue):
    job = await ask(queue, iterations=3)
    assert isinstance(await ending(job), Done)
    first = await ask(queue, iterations=5000)
    made = await film(queue, job)
    assert queue.position(made.id) == 2
    assert made.eta > first.eta
    await progressed(first)
    await queue.stop(first.id)
    done = await ending(made)
    assert done.video[4:8] == b"ftyp"  # an mp4
    assert done.seed == job.request.seed
    stored = await queue.store.job(made.id)
    assert (stored.state, stored.time_lapse_of, stored.is_painted) == ("rendered", job.id, False)
    assert await queue.store.time_lapse(made.id) == done.video


@pytest.mark.parametrize("records", [True, False])
async def test_a_recorded_time_lapse_counts_as_seconds_of_work(tmp_path, records):
    async with running(tmp_path, record_frames=records) as queue:
        job = await ask(queue, iterations=30)
        await ending(job)
        assert queue.store.frames_path(job.id).exists() == records
        first = await ask(queue, iterations=5000)
        await progressed(first)
        # What an iteration takes; a video from frames does not depend on it.
        effort, _ = queue.estimator.effort(job.request)
        queue.estimator.learn_speed(effort, 1000.0)
        made = await film(queue, job)
        assert (made.seconds_left < 60) == records
        speed = queue.estimator.seconds_per_iteration(effort)
    async with running(tmp_path, record_frames=records) as queue:
        queue.estimator.learn_speed(effort, speed)
        assert (queue.get(made.id).seconds_left is None) != records
        await queue.cancel(first.id)
        done = await ending(queue.get(made.id))
        assert done.video
        assert (done.iterations == 0) == records
        if records:  # it says nothing about the speed of painting
            assert queue.estimator.seconds_per_iteration(effort) == speed


async def test_a_time_lapse_can_be_cancelled_and_ends_with_its_picture(queue):
    job = await ask(queue, iterations=3)
    await ending(job)
    first = await ask(queue, iterations=5000)
    waiting, orphan = await film(queue, job), await film(queue, job, person="bob")
    assert await queue.cancel(waiting.id)
    assert await ending(waiting) == Cancelled(None)
    await queue.store.delete(job.id)
    await progressed(first)
    await queue.stop(first.id)
    assert "was deleted" in (await ending(orphan)).reason


async def test_a_full_disk_is_reported_with_a_reference_and_nothing_hangs(queue, caplog):
    job = await ask(queue, iterations=5000)
    await progressed(job)
    folder = queue.store.files.picture(job.id).parent
    folder.rmdir()
    folder.write_bytes(b"")  # so that no file can be created in it
    await queue.stop(job.id)
    end = await ending(job)
    assert isinstance(end, Failed)
    reference = end.reason.removesuffix(".").split()[-1]
    assert reference in caplog.text
    assert str(folder) not in end.reason
    folder.unlink()
    folder.mkdir()
    assert isinstance(await ending(await ask(queue, iterations=1)), Done)


async def kill_worker_in_mid(queue, job, killed):
    """kill -9 each new worker as soon as it shows a preview of ``job``."""
    async for event in job:
        [worker] = queue.workers()
        if isinstance(event, Progress) and worker.pid not in killed:
            killed.append(worker.pid)
            os.kill(killed[-1], signal.SIGKILL)
            return
    pytest.fail(f"{job} ended with {event}")


async def test_killed_workers_lose_no_picture_unless_one_job_kills_them_all(tmp_path):
    """A real process, killed once during a job, then twice at a job without progress."""
    async with running(tmp_path, in_process=False) as queue:
        job = await ask(queue, iterations=40)
        doomed = await ask(queue, person="bob", iterations=5000)
        after = await ask(queue, person="bob", iterations=1)
        queue.store.state_path(doomed.id).mkdir()  # so that its state cannot be saved
        killed: list[int] = []
        await progressed(job, 3)
        await kill_worker_in_mid(queue, job, killed)
        done = await ending(job)
        *_, last = imagine(tiny_request(iterations=40))
        assert picture(done.picture) == last.to_pil().tobytes()
        assert job.saved_iteration >= 3
        for _ in range(2):
            await kill_worker_in_mid(queue, doomed, killed)
        assert "twice" in (await ending(doomed)).reason
        assert isinstance(await ending(after), Done)
        [worker] = queue.workers()
        assert len({*killed, worker.pid}) == 4


def test_the_measurement_of_load_paints_them_all(capsys):
    assert load.main(["--json", "--jobs", "20", "--model", "tiny", "--iterations", "1"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["jobs"] == figures["finished"] == 26  # at least one per person
    assert 0 < figures["lag_p99_ms"] < 1000
    assert figures["longest_wait_over_fair_share"] > 0.5


async def test_a_running_queue_paints_the_jobs_of_a_process_that_ended(queue, tmp_path):
    other = await Store.open(tmp_path)
    for number in range(2):
        request = tiny_request("a red circle", seed=number, iterations=2)
        await other.add(JobRecord(f"{number:032x}", request, "bob", PLACE, number + 1), {})
    await other.started(f"{1:032x}")
    assert await queue.store.adopted() == ([], [])
    await other.close()  # as if it had died: its jobs have no owner
    own = await ask(queue, iterations=2)
    unfinished, _ = await queue.store.adopted()
    jobs = queue.adopt(unfinished)
    assert {int(job.id, 16) for job in jobs} == {0, 1}
    assert all(job.resumed for job in jobs)
    for job in (*jobs, own):
        assert isinstance(await ending(job), Done)
