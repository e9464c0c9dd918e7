"""Settings of servers, their log, usage, and servers that the bot left."""

from __future__ import annotations

import pytest

from data.guilds import TABLES, Change, Guilds, Usage
from data.jobs.usage import add_usage
from data.people import Restriction
from engine.clock import DAY_MS
from tests.store_database import database_of


@pytest.fixture
def database(store):
    return database_of(store)


@pytest.fixture
def guilds(database):
    return Guilds(database)


async def test_settings_are_stored_for_their_server_and_logged(guilds):
    assert await guilds.settings("1") == {}
    values = {"iterations": 7, "words": ["naïve", "b"], "rate": 0.1, "on": False}
    changes = await guilds.change_settings("1", "alice", values)
    assert [(change.name, change.before, change.after) for change in changes] == [
        (name, None, value) for name, value in values.items()
    ]
    assert await guilds.settings("1") == values
    assert await guilds.settings("2") == {}
    again = await guilds.change_settings(
        "1", "bob", {"iterations": 8, "on": False, "rate": None, "none": None}
    )
    assert [(change.name, change.before, change.after) for change in again] == [
        ("iterations", 7, 8),
        ("rate", 0.1, None),
    ]
    newest, second = await guilds.settings_log("1", limit=2)
    assert newest == again[1] == Change("rate", 0.1, None, "bob", newest.at)
    assert second.after == 8
    assert len(await guilds.settings_log("1", limit=9, offset=2)) == 4
    assert await guilds.settings_log("2") == []


async def test_a_change_that_fails_halfway_changes_nothing(guilds):
    with pytest.raises(TypeError):
        await guilds.change_settings("1", "alice", {"a": 1, "b": object()})
    assert await guilds.settings("1") == {}
    assert await guilds.settings_log("1") == []


async def test_jobs_of_the_last_day_are_counted_by_server_and_person(database, guilds):
    now = 10 * DAY_MS
    assert await guilds.usage("1", "alice", now) == Usage(0, None, None)
    for job, server, person, at in (
        ("a", "1", "alice", now - DAY_MS),
        ("b", "1", "alice", now - 9),
        ("c", "1", "bob", now - 8),
        ("d", "2", "alice", now - 7),
        ("e", "1", "alice", now - 6),
        ("f", "1", "bob", now),
    ):
        async with database.transaction() as transaction:
            await add_usage(transaction, server, person, job, at)
    assert await guilds.usage("1", "alice", now) == Usage(2, now - 9, now - 6)
    rows = await database.fetch("SELECT job_id FROM guild_usage ORDER BY job_id")
    assert [row["job_id"] for row in rows] == ["b", "c", "d", "e", "f"]  # older ones are deleted
    assert (await guilds.usage("1", "alice", now + DAY_MS)).jobs == 0


async def test_settings_of_a_server_are_deleted_30_days_after_the_bot_left_it(store):
    people, database = store.people, database_of(store)
    for guild in ("100", "200", "300"):
        await store.guilds.change_settings(guild, "bob", {"iterations": 5})
        await people.restrict(Restriction(guild, "ann", "ban", moderator="bob"))
        await store.styles.share(guild, "bob", "ink", "ink drawing", 5)

    async def left():
        return {
            row["guild_id"]
            for name in TABLES
            for row in await database.fetch(f"SELECT guild_id FROM {name}")  # noqa: S608
        }

    day = DAY_MS
    assert await store.guilds.forget_departed({"100"}, 0) == 0
    assert await store.guilds.forget_departed({"100", "300"}, 10 * day) == 0  # 300 is back
    assert await store.guilds.forget_departed({"100"}, 29 * day) == 0  # and gone again
    assert await left() == {"100", "200", "300"}
    assert await store.guilds.forget_departed({"100"}, 30 * day) == 1
    assert await left() == {"100", "300"}
    assert await store.guilds.forget_departed({"100"}, 59 * day) == 1
    assert await left() == {"100"}
    assert await database.fetch("SELECT key FROM meta WHERE key LIKE 'left server %'") == []


async def test_every_table_with_a_server_s_id_is_known(store):
    of_servers = {
        table for table, column in await database_of(store).columns() if column == "guild_id"
    }
    # Jobs belong to people, and a job's words and messages are deleted with it.
    assert of_servers == {*TABLES, "jobs", "job_messages", "job_words"}
