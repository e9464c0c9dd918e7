"""A person's own pictures and favourites are found by words, kind, model and time."""

from __future__ import annotations

import hashlib

import pytest

from data.jobs.history import Search
from tests.data.stored_jobs import added, painted
from tests.data.stored_jobs import record as job_record

PICTURE = b"a photograph"


async def ids(store, person="ann", **search):
    found, count = await store.history.page(person, Search(**search), limit=99)
    assert count == len(found)
    return [job.id for job in found]


async def test_only_own_pictures_newest_first_and_by_page(store):
    mine = [await painted(store, f"fox {i}", created_at=5) for i in range(5)]
    bobs = await painted(store, "a fox", "bob")
    await added(store)  # not painted yet
    assert await ids(store) == mine[::-1]
    assert await ids(store, "bob") == [bobs]
    for words in ("", "fox"):
        found, count = await store.history.page("ann", Search(words), offset=1, limit=3)
        assert ([job.id for job in found], count) == ([mine[3], mine[2], mine[1]], 5)
    assert await store.history.page("cat", Search()) == ([], 0)


async def test_all_words_must_be_in_the_prompt_in_any_case_and_order(store):
    fox = await painted(store, "ein roter Fuchs über dem ÄTNA")
    await painted(store, "ein roter Ball")
    assert await ids(store, words="FUCHS rot") == [fox]
    assert await ids(store, words="ätna ÜBER") == [fox]
    assert await ids(store, words="fuchs ball") == []
    assert await ids(store, words="%") == []


async def test_by_kind_model_and_time(store):
    sha = hashlib.sha256(PICTURE).hexdigest()
    painted_one = await painted(store, "a fox", created_at=1000)
    edited = await painted(
        store, "a fox", created_at=2000, init_image=sha, pictures={sha: PICTURE}, model="drawn"
    )
    other = await painted(store, "a fox", created_at=3000, model="drawn/ViT-B-32")
    # Words that look like the stored form of a setting are only words.
    liar = await painted(store, 'a sign: ""init_image":"x" and "model":"drawn""', created_at=500)
    assert await ids(store, kind="edited") == [edited]
    assert await ids(store, kind="painted") == [liar, other, painted_one]
    assert await ids(store, model="drawn") == [other, edited]
    assert await ids(store, model="drawn/ViT-B-32") == [other]
    for nothing in ("draw", "d%", "_rawn", "DRAWN"):
        assert await ids(store, model=nothing) == []
    assert await ids(store, since=2000) == [other, edited]
    assert await ids(store, kind="edited", words="fox", model="drawn", since=2001) == []


async def test_favourites_can_be_others_pictures_and_go_with_them(store):
    mine, bobs = await painted(store, "mine"), await painted(store, "his", "bob")
    history = store.history
    for id in (mine, bobs):
        assert await history.toggle_favourite("ann", id)
    assert await ids(store, kind="favourites") == [bobs, mine]
    assert await ids(store, kind="favourites", words="his") == [bobs]
    assert await ids(store, "bob", kind="favourites") == []
    assert await history.favourites_among("ann", [mine, bobs]) == {mine, bobs}
    assert not await history.toggle_favourite("ann", mine)
    assert await ids(store, kind="favourites") == [bobs]
    await store.set_result_message(bobs, "77")
    await store.messages.deleted("200", ["77"])
    assert await ids(store, kind="favourites") == []
    await store.delete(bobs)
    assert await history.favourites_among("ann", [mine, bobs]) == set()


async def test_favourites_are_exported_and_forgotten(store):
    bobs = await painted(store, "his", "bob")
    await store.history.toggle_favourite("ann", bobs)
    [row] = (await store.privacy.export("ann")).rows["favourites"]
    assert (row["person"], row["job_id"]) == ("ann", bobs)
    await store.privacy.forget("ann")
    assert await ids(store, kind="favourites") == []
    assert "favourites" not in (await store.privacy.export("ann")).rows


async def test_a_search_goes_on_through_many_pictures(store, monkeypatch):
    monkeypatch.setattr("data.jobs.history._PART", 2)
    foxes = [await painted(store, f"{name} {i}") for i, name in enumerate(["fox", "hen"] * 3)]
    assert await ids(store, words="fox") == foxes[4::-2]


@pytest.mark.parametrize("person", ["ann", "x' OR '1'='1"])
async def test_a_search_shows_nobody_else_s_pictures(store, person):
    await store.add(job_record(person="bob"), {})
    assert await ids(store, person, words="a") == []
