"""Settings, their log and the count of jobs of servers, in the database."""

from __future__ import annotations

import pytest

from data.guilds import Change, Guilds, Usage
from data.sqlite.database import SqliteDatabase
from engine.clock import DAY_MS


@pytest.fixture
async def database(tmp_path):
    opened = await SqliteDatabase.open(tmp_path / "bot.sqlite3")
    yield opened
    await opened.close()


@pytest.fixture
def guilds(database):
    return Guilds(database)


async def test_what_is_set_is_kept_for_that_server_and_logged(guilds):
    assert await guilds.settings("1") == {}
    values = {"iterations": 7, "words": ["naïve", "b"], "rate": 0.1, "on": False}
    changes = await guilds.change_settings("1", "alice", values)
    assert [(change.name, change.before, change.after) for change in changes] == [
        (name, None, value) for name, value in values.items()]
    assert await guilds.settings("1") == values
    assert await guilds.settings("2") == {}
    again = await guilds.change_settings("1", "bob", {"iterations": 8, "on": False,
                                                                "rate": None, "none": None})
    assert [(change.name, change.before, change.after) for change in again] == [
        ("iterations", 7, 8), ("rate", 0.1, None)]
    newest, second = (await guilds.settings_log("1", limit=2))
    assert newest == again[1] == Change("rate", 0.1, None, "bob", newest.at)
    assert second.after == 8
    assert len(await guilds.settings_log("1", limit=9, offset=2)) == 4
    assert await guilds.settings_log("2") == []


async def test_a_change_that_fails_half_way_changes_nothing(guilds):
    with pytest.raises(TypeError):
        await guilds.change_settings("1", "alice", {"a": 1, "b": object()})
    assert await guilds.settings("1") == {}
    assert await guilds.settings_log("1") == []


async def test_jobs_of_one_day_are_counted_by_server_and_person(database, guilds):
    now = 10 * DAY_MS
    assert await guilds.usage("1", "alice", now) == Usage(0, None, None)
    for job, server, person, at in (("a", "1", "alice", now - DAY_MS), ("b", "1", "alice", now - 9),
                                    ("c", "1", "bob", now - 8), ("d", "2", "alice", now - 7),
                                    ("e", "1", "alice", now - 6), ("e", "1", "alice", now)):
        await guilds.add_usage(server, person, job, at)
    assert await guilds.usage("1", "alice", now) == Usage(2, now - 9, now - 6)
    rows = await database.fetch("SELECT job_id FROM guild_usage ORDER BY job_id")
    assert [row["job_id"] for row in rows] == ["b", "c", "d", "e"]  # what is older is gone
    assert (await guilds.usage("1", "alice", now + DAY_MS)).jobs == 0
