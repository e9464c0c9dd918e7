"""The index of words, by which moderators find older jobs."""

from __future__ import annotations

import pytest

from data.jobs.words import MOST_WORDS, WORD_LENGTH, add_older_words, words_of
from data.migrations import migrations
from engine.jobs.job import Place
from tests.data.stored_jobs import added
from tests.store_database import database_of


@pytest.fixture
def few(monkeypatch):
    """Only the newest two jobs are found without the index."""
    monkeypatch.setattr("data.jobs.server_jobs._NEWEST", 2)


async def found(store, words, **more):
    jobs = await store.server_jobs.recent("100", words=words, **more)
    return [job.request.prompt for job in jobs]


def test_words_are_folded_and_bounded():
    assert words_of("A red Fox, a RED straße") == ["a", "red", "fox", "strasse"]
    assert words_of("雪の町 x") == ["雪の町", "x"]
    assert words_of("!? -") == []
    assert words_of("x" * 50) == ["x" * WORD_LENGTH]
    assert len(words_of(" ".join(f"w{i}" for i in range(99)))) == MOST_WORDS


async def test_an_older_job_is_found_by_the_start_of_a_word(store, few):
    for prompt in ("a Foxglove", "a castle", "Ärger", *["a boat"] * 3):
        await added(store, prompt)
    assert await found(store, "fox") == ["a Foxglove"]
    assert await found(store, "A FOXGL") == ["a Foxglove"]
    assert await found(store, "ärg") == ["Ärger"]
    assert await found(store, "boat", limit=2) == ["a boat"] * 2
    assert await found(store, "glove") == []  # the middle of a word, only among the newest
    assert await found(store, "fox castle") == []
    assert await found(store, "fox", person="somebody") == []
    assert await store.server_jobs.recent("999", words="fox") == []


async def test_the_newest_jobs_are_found_by_any_part(store):
    id = await added(store, "a foxglove (purple)")
    assert await found(store, "glove (p") == ["a foxglove (purple)"]
    assert await found(store, "100%") == []
    assert await found(store, id[:6]) == ["a foxglove (purple)"]


async def test_only_jobs_in_the_given_channels_are_found(store, few):
    for channel in ("1", "2", "3", "3", "3"):
        await added(store, f"a fox in {channel}", place=Place("100", channel))
    await added(store, "a fox elsewhere", place=Place("999", "1"))
    assert await found(store, "", channels=["1", "2"]) == ["a fox in 2", "a fox in 1"]
    assert await found(store, "fox", channels=["1"]) == ["a fox in 1"]
    assert await found(store, "", channels=["2"], person="ann", limit=1) == ["a fox in 2"]
    assert await found(store, "", channels=[]) == []


async def test_a_deleted_job_leaves_no_words(store):
    id = await added(store, "a secret fox")
    await store.delete(id)
    assert await database_of(store).fetch("SELECT * FROM job_words") == []


async def test_jobs_from_before_the_index_are_added_in_parts(store, few, monkeypatch):
    for i in range(7):
        await added(store, f"a fox{i}")
    await added(store, "a fox in a DM", place=Place(None, "1"))
    database = database_of(store)
    await database.change("DELETE FROM job_words")
    assert await found(store, "fox1") == []
    monkeypatch.setattr("data.jobs.words._BATCH", 3)
    await store.set_meta("words to add", "8")
    assert await add_older_words(database) == 8
    assert await found(store, "fox1") == ["a fox1"]
    assert await store.get_meta("words to add") is None
    assert await add_older_words(database) == 0


async def test_a_migrated_database_is_indexed_after_the_start(empty_place, few):
    older = await empty_place.database(migrations()[:7])
    await older.change(
        "INSERT INTO jobs (id, sequence, person, guild_id, channel_id, locale, request, prompt, "
        "seed, state, created_at) VALUES (?, 1, 'ann', '100', '200', 'de', '{}', 'a fox', 7, "
        "'delivered', 1)",
        "a" * 32,
    )
    await older.close()
    store = await empty_place.store()
    assert store._indexing is not None
    await store._indexing
    assert await database_of(store).fetch("SELECT word FROM job_words ORDER BY word") == [
        {"word": "a"},
        {"word": "fox"},
    ]
    await store.close()
