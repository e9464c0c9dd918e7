"""A finished time-lapse is posted once, whatever ends in between; its file goes afterwards."""

from __future__ import annotations

import dataclasses

import pytest

from bot.delivery import posting
from bot.requests.custom_ids import custom_ids
from bot.ui.buttons import AgainButton
from data.picture_checks import Finding
from engine.jobs.job import Place
from tests.bot.discord_edge import ALICE, BOB, until
from tests.data.stored_jobs import done, painted, record

HERE = Place("100", "200")
MP4 = b"mp4 file"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(posting, "FIRST_PAUSE", 0.0)


@pytest.fixture
def start(new_delivery):
    """Return a function that starts a delivery, which posts what waits."""

    async def start():
        delivery = new_delivery()
        await delivery.take_up()
        await until(lambda: not delivery.busy)

    return start


@pytest.fixture
async def picture(store):
    return await painted(store, "a fox", str(ALICE), HERE)


@pytest.fixture
async def film(store, picture):
    """A rendered time-lapse of alice's picture, asked for by bob and not posted yet."""
    new = dataclasses.replace(record("a fox", str(BOB), HERE), time_lapse_of=picture)
    await store.add(new, {})
    await store.started(new.id)
    assert await store.rendered(new.id, done(b"", video=MP4))
    # The picture itself was posted long ago.
    await store.set_result_message(picture, "1")
    return new.id


async def test_it_is_posted_after_a_restart_and_only_once(store, channel, start, film, picture):
    await start()
    await start()
    [message] = channel.messages
    assert message.content.startswith(f"<@{BOB}>")
    [(name, data)] = message.files.items()
    assert data == MP4
    assert name.endswith(f"-{picture[:8]}.mp4")
    stored = await store.job(film)
    assert (stored.state, stored.result_message_id) == ("delivered", str(message.id))
    assert not store.files.time_lapse(film).exists()


async def test_a_lost_answer_posts_it_only_once(channel, start, film):
    channel.lost.append(TimeoutError())
    await start()
    assert len(channel.messages) == 1


async def test_a_file_that_is_gone_is_reported_with_a_way_to_ask_again(store, channel, start, film):
    store.files.time_lapse(film).unlink()
    await start()
    [message] = channel.messages
    assert "file is gone" in message.content
    assert list(custom_ids(message.components)) == [AgainButton.custom_id_of(film)]


@pytest.mark.parametrize("why", ["setting", "finding", "picture's finding"])
async def test_it_is_hidden_if_its_picture_is_or_would_be(
    store, channel, start, film, picture, configure, why
):
    if why == "setting":
        await configure(spoiler=True)
    elif why == "finding":
        await configure(concepts={"blood": {"threshold": 0.5, "action": "spoiler"}})
        await store.delete(film)
        new = dataclasses.replace(record("a fox", str(BOB), HERE), time_lapse_of=picture)
        await store.add(new, {})
        await store.started(new.id)
        await store.rendered(new.id, done(b"", video=MP4, scores={"blood": 0.9}))
    else:
        found = Finding("100", picture, str(ALICE), "blood", 0.9, "spoiler")
        await store.picture_checks.add([found])
    await start()
    [message] = channel.messages
    [name] = message.files
    assert name.startswith("SPOILER_")


async def test_a_withheld_one_is_not_shown(store, channel, start, film, configure):
    await configure(concepts={"blood": {"threshold": 0.5, "action": "withhold"}})
    await start()  # it was not scored for that, so a failed check lets nothing through
    [message] = channel.messages
    assert message.files == {}
    assert "withheld" in message.content
    assert not store.files.time_lapse(film).exists()


async def test_a_deleted_picture_takes_the_files_of_its_time_lapses_along(store, film, picture):
    [found] = await store.time_lapses_of(picture)
    assert found.id == film
    await store.delete(film)
    assert not store.files.time_lapse(film).exists()
    assert await store.time_lapses_of(picture) == []
