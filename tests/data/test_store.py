"""What the queue and the bot store about jobs, through all states and restarts."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import data_folder
from data.errors import StoreError
from data.jobs.history import Search
from data.migrations import migrations
from engine.errors import RequestError
from engine.jobs.job import Place
from engine.request.request import make_request
from tests.data.stored_jobs import HERE, added, done, painted
from tests.store_database import database_of

ROOT = Path(__file__).resolve().parents[2]
PICTURE = b"a picture"
NAME = hashlib.sha256(PICTURE).hexdigest()
NASTY = "'; DROP TABLE jobs; -- \" ? % \x01 ../../x 🦊"


async def test_a_job_is_stored_completely_with_its_picture_in_a_file(store):
    id = await painted(store, "a fox + a hat:0.5", width=64)
    assert await store.set_progress_message(id, "900")
    assert await store.set_result_message(id, "901")
    job = await store.job(id)
    assert job.request == make_request("a fox + a hat:0.5", width=64, seed=7)
    assert (job.person, job.place, job.seed, job.state) == ("ann", HERE, 7, "delivered")
    assert (job.progress_message_id, job.result_message_id) == ("900", "901")
    assert job.created_at <= job.started_at <= job.ended_at <= job.delivered_at
    assert job.result == {
        "seed": 7,
        "seconds": 1.5,
        "iterations": 9,
        "width": 32,
        "height": 48,
        "notices": ["Mind this."],
        "stopped": False,
        "scores": {},
    }
    assert job.error is None
    assert job.has_picture
    assert (store.folder / "pictures" / f"{id}.png").read_bytes() == id.encode()
    assert await store.picture(id) == id.encode()
    assert await store.rendition(id) == (job.request, 9)
    assert await store.undelivered() == []


async def test_a_job_that_does_not_exist_has_nothing(store):
    nobody = uuid.uuid4().hex
    assert await store.job(nobody) is None
    assert await store.picture(nobody) is None
    assert await store.rendition(await added(store)) is None
    assert await store.attachments(nobody) == {}
    assert not await store.delete(nobody)
    assert not await store.started(nobody)
    assert await store.get_meta("tree") is None


async def test_meta_values_are_kept_and_replaced(store):
    await store.set_meta("tree", "1")
    await store.set_meta("tree", "2")
    assert await store.get_meta("tree") == "2"


async def test_hostile_input_reaches_neither_sql_nor_paths(store):
    id = await painted(store, NASTY, person=NASTY, place=Place(NASTY, NASTY, NASTY))
    await store.set_progress_message(id, NASTY)
    await store.set_meta(NASTY, NASTY)
    job = await store.job(id)
    assert (job.request.prompt, job.person, job.place) == (NASTY, NASTY, Place(NASTY, NASTY, NASTY))
    assert await store.recent_prompts(NASTY, 5) == [NASTY]
    found, _ = await store.history.page(NASTY, Search(words=NASTY, model=NASTY))
    assert found == []
    found, _ = await store.history.page(NASTY, Search(words=NASTY))
    assert [each.id for each in found] == [id]
    assert await store.get_meta(NASTY) == NASTY
    assert await store.job(NASTY) is None
    for made in (store.state_path, store.files.picture, store.files.attachment):
        with pytest.raises(StoreError, match="isn't an ID"):
            made("../../etc/passwd")
    assert not await store.rendered("../x", done())
    assert not await store.delete("../x")


async def test_attachments_are_kept_until_the_last_job_that_uses_them_is_deleted(store):
    with pytest.raises(RequestError, match="Attach it again"):
        await added(store, init_image=NAME)
    one = await added(store, init_image=NAME, pictures={NAME: PICTURE})
    two = await added(store, init_image=NAME)
    assert await store.attachments(two) == {NAME: PICTURE}
    assert await store.delete(one)
    assert await store.attachments(two) == {NAME: PICTURE}
    assert await store.delete(two)
    assert list((store.folder / "attachments").iterdir()) == []


async def test_deleting_a_job_deletes_its_row_and_picture(store):
    id, other = await painted(store), await painted(store)
    assert await store.delete(id)
    assert await store.job(id) is None
    assert [path.name for path in (store.folder / "pictures").iterdir()] == [f"{other}.png"]


async def test_recent_prompts_are_only_own_ones_without_repetitions_newest_first(store):
    for prompt in ("a", "b", "a", "c"):
        await added(store, prompt)
    await added(store, "secret", person="bob")
    assert await store.recent_prompts("ann", 2) == ["c", "a"]
    assert await store.recent_prompts("ann", 9) == ["c", "a", "b"]


async def test_a_cancelled_job_keeps_its_partial_picture_outside_the_history(store):
    id = await added(store)
    await store.started(id)
    store.state_path(id).write_bytes(b"half")
    assert await store.cancelled(id, b"partial")
    assert await store.picture(id) == b"partial"
    assert not store.state_path(id).exists()
    assert await store.history.page("ann", Search()) == ([], 0)
    assert await store.rendition(id) is None


async def test_the_end_of_a_job_is_kept_until_it_was_told_once(tmp_path, open_store):
    """The process can die between storing the end of a job and posting it, whatever the end is."""
    first = await open_store(tmp_path)
    ids = [await painted(first), await added(first), await added(first), await added(first)]
    assert await first.failed(ids[1], "The memory did not suffice.")
    assert await first.cancelled(ids[2], b"partial")
    assert await first.failed(ids[3], "This one was told.")
    assert await first.set_result_message(ids[3], "900")
    assert [job.id for job in await first.undelivered()] == ids[:3]
    await first.close()

    second = await open_store(tmp_path)
    assert await second.waiting() == []
    untold = await second.undelivered()
    assert [(job.id, job.state, job.error) for job in untold] == [
        (ids[0], "rendered", None),
        (ids[1], "failed", "The memory did not suffice."),
        (ids[2], "cancelled", None),
    ]
    assert not await any_of(
        second.set_told(ids[0]), second.set_told(ids[1]), second.set_result_message(ids[2], "1")
    )
    assert await second.set_result_message(ids[0], "901")
    assert await second.set_result_message(ids[1], "902")
    assert await second.set_told(ids[2])
    assert await second.undelivered() == []
    for id, state, message in (
        (ids[0], "delivered", "901"),
        (ids[1], "failed", "902"),
        (ids[2], "cancelled", None),
    ):
        before = await second.job(id)
        assert before is not None
        assert before.ended_at is not None
        assert before.delivered_at is not None
        assert (before.state, before.result_message_id) == (state, message)
        assert before.delivered_at >= before.ended_at
        assert not await second.set_result_message(id, "999")
        assert not await second.set_told(id)
        assert await second.job(id) == before
    assert (await second.history.page("ann", Search()))[1] == 1
    await second.close()

    third = await open_store(tmp_path)
    assert await third.undelivered() == []
    await third.close()


async def any_of(*calls):
    """Whether any of them was true."""
    return any([await call for call in calls])


async def test_failures_from_before_the_update_count_as_told(empty_place):
    """Version 1 did not store what was told; a new version must not post years of it again."""
    (number, script), *_ = migrations()
    database = await empty_place.database([(number, script)])
    for id, state in (("a" * 32, "failed"), ("b" * 32, "cancelled"), ("c" * 32, "rendered")):
        await database.change(
            "INSERT INTO jobs (id, sequence, person, channel_id, locale, request, prompt, seed, "
            "state, owner, created_at, ended_at, error) "
            "VALUES (?, ?, 'ann', '1', 'de', '{}', 'a fox', 7, ?, 'gone', 5, 6, 'No.')",
            id,
            ord(id[0]),
            state,
        )
    await database.close()
    store = await empty_place.store()
    assert [job.state for job in await store.undelivered()] == ["rendered"]
    failed = await store.job("a" * 32)
    assert failed is not None
    assert failed.delivered_at == 6
    await store.close()


async def test_an_unreadable_request_is_painted_from_its_prompt_and_seed(store):
    id = await added(store, "a fox", width=64)
    await database_of(store).change('UPDATE jobs SET request = \'{"of": "old"}\' WHERE id = ?', id)
    assert (await store.waiting())[0].request == make_request("a fox", seed=7)


async def test_an_unusable_data_folder_is_named(tmp_path, open_store):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="data folder"):
        await open_store(tmp_path / "file")


async def test_a_job_stays_running_if_its_picture_cannot_be_written(store):
    id = await added(store)
    await store.started(id)
    (store.folder / "pictures").rmdir()
    with pytest.raises(StoreError, match="can't be written"):
        await store.rendered(id, done())
    assert (await store.job(id)).state == "running"


def test_the_default_folder_is_in_the_user_s_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert data_folder().name == "imagine-bot"


TRANSITIONS = {  # state -> action -> next state
    "queued": {
        "started": "running",
        "rendered": "rendered",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    "running": {
        "started": "running",
        "requeued": "queued",
        "rendered": "rendered",
        "failed": "failed",
        "cancelled": "cancelled",
    },
    "rendered": {"delivered": "delivered"},
    "failed": {"delivered": "failed and told"},
    "cancelled": {"told": "cancelled and told"},
    "delivered": {},
    "failed and told": {},
    "cancelled and told": {},
}
ACTIONS = {
    "started": lambda store, id: store.started(id),
    "requeued": lambda store, id: store.requeued(id),
    "rendered": lambda store, id: store.rendered(id, done()),
    "failed": lambda store, id: store.failed(id, "It did."),
    "cancelled": lambda store, id: store.cancelled(id, None),
    "delivered": lambda store, id: store.set_result_message(id, "1"),
    "told": lambda store, id: store.set_told(id),
}


@pytest.fixture
def running(tmp_path, open_store):
    """Runs coroutines with one open store, also those of hypothesis' examples."""
    with asyncio.Runner() as runner:
        store = runner.run(open_store(tmp_path))
        yield lambda story: runner.run(story(store))
        runner.run(store.close())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(ACTIONS)), max_size=8))
def test_jobs_follow_their_states_and_a_second_call_changes_nothing(running, steps):
    async def story(store):
        id = await added(store)
        state = "queued"
        for step in steps:
            before = await store.job(id)
            next_state = TRANSITIONS[state].get(step)
            assert await ACTIONS[step](store, id) is (next_state is not None)
            state = next_state or state
            after = await store.job(id)
            assert after is not None
            assert after.state == state.removesuffix(" and told")
            assert (after.delivered_at is None) is (
                state in ("queued", "running", "rendered", "failed", "cancelled")
            )
            assert next_state is not None or after == before
        assert bool(await store.picture(id)) is (state in ("rendered", "delivered"))
        await store.delete(id)

    running(story)
