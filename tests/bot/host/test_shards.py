"""A process connects the shards that it holds, and disconnects those that it gives back."""

from __future__ import annotations

import asyncio

import pytest

from bot.host.settings import SettingsError, load_settings
from bot.host.shards import ShardWork
from tests.store_database import database_of


class Connections:
    """Records what is connected."""

    def __init__(self):
        self.connected = set()

    async def start_shard(self, shard):
        self.connected.add(shard)

    async def stop_others(self, held):
        self.connected &= held


async def test_shards_are_taken_over_and_given_back(store):
    connections = Connections()
    work = ShardWork(store.shards, "1", 3, (0,), connections)
    await work.start()
    try:
        assert work.held == {0}
        store.shards._patient_until = 0
        await database_of(store).change(
            "INSERT INTO shards (application_id, shard, shards, owner, lease_until, home) "
            "VALUES ('1', 2, 3, 'dead', 0, 1)"
        )
        await work.look()
        await asyncio.sleep(0)
        assert work.held == {0, 2}
        assert connections.connected == {2}
        assert [work.holds(shard << 22) for shard in (0, 1, 2, 3)] == [True, False, True, True]
        assert work.holds(None)  # direct messages are shard 0's
        await database_of(store).change("UPDATE shards SET wanted_by = 'back' WHERE shard = 2")
        await work.look()
        assert work.held == {0}
        assert connections.connected == set()
        [row] = await database_of(store).fetch("SELECT * FROM shards WHERE shard = 2")
        assert (row["owner"], row["wanted_by"], row["home"]) == ("back", None, 1)
        # Another process has all of them, because this one was suspended.
        await database_of(store).change("UPDATE shards SET owner = 'other', home = 0")
        await work.look()
        assert work.held == set()
        assert not work.holds(None)
    finally:
        await work.close()


async def test_a_look_that_hangs_or_fails_is_followed_by_others(store, monkeypatch, caplog):
    store.shards.seconds = 0.03
    work, look = ShardWork(store.shards, "1", 1, (0,), Connections()), store.shards.look
    await work.start()
    looks, done = [], asyncio.Event()

    async def flaky(*values):
        looks.append(values)
        if len(looks) == 1:
            await asyncio.Event().wait()
        if len(looks) == 2:
            raise ValueError("a broken row")
        done.set()
        return await look(*values)

    monkeypatch.setattr(store.shards, "look", flaky)
    try:
        await asyncio.wait_for(done.wait(), 10)
    finally:
        await work.close()
    assert "could not be renewed: no answer" in caplog.text
    assert "a broken row" in caplog.text


@pytest.mark.parametrize(
    ("shards", "ids", "own"),
    [("8", "0-2,5, 7", (0, 1, 2, 5, 7)), ("8", "", ()), ("", "", ()), ("1", "0", (0,))],
)
def test_the_ids_are_numbers_and_ranges(monkeypatch, shards, ids, own):
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    if shards:
        monkeypatch.setenv("IMAGINE_SHARDS", shards)
    monkeypatch.setenv("IMAGINE_SHARD_IDS", ids)
    assert load_settings(None).shards.own == own


@pytest.mark.parametrize(
    ("shards", "ids", "why"),
    [
        ("", "0", "needs IMAGINE_SHARDS"),
        ("4", "2-4", "are 0 to 3"),
        ("4", "one", "numbers and ranges"),
        ("4", "3-0", "numbers and ranges"),
        ("0", "", "at least 1"),
    ],
)
def test_wrong_ids_are_refused(monkeypatch, shards, ids, why):
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    if shards:
        monkeypatch.setenv("IMAGINE_SHARDS", shards)
    monkeypatch.setenv("IMAGINE_SHARD_IDS", ids)
    with pytest.raises(SettingsError, match=why):
        load_settings(None)
