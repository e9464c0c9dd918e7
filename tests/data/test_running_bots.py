"""Of two processes with one token, the second one is refused; a dead one's place is free."""

from __future__ import annotations

import asyncio

import pytest

from data.running_bots import InUseError, RunningBots
from tests.store_database import database_of


async def test_a_second_process_is_refused_at_once(store, other):
    await store.running_bots.claim("1")
    with pytest.raises(InUseError, match="Another process is running this bot"):
        await asyncio.wait_for(other.running_bots.claim("1"), 5)
    await other.running_bots.claim("2")  # another application
    await store.running_bots.release("1")
    await other.running_bots.claim("1")
    assert not await store.running_bots.renew("1")
    assert await other.running_bots.renew("1")


async def test_a_dead_process_of_this_machine_leaves_the_place_at_once(store, open_store):
    other = await open_store(store.folder)
    await other.running_bots.claim("1")
    other._owner._file.close()  # the system does that when a process dies
    await asyncio.wait_for(store.running_bots.claim("1"), 5)
    assert not await other.running_bots.renew("1")
    await other.close()


async def test_a_process_elsewhere_is_waited_for(store, other):
    """Without a lock to look at, only the lease tells whether it is alive."""
    elsewhere = RunningBots(database_of(other), other._owner, 1.0)
    await elsewhere.claim("1")
    (store.folder / "owners" / f"{other._owner.name}.lock").unlink()
    here = RunningBots(database_of(store), store._owner, 1.0)
    claiming = asyncio.create_task(here.claim("1"))
    await asyncio.sleep(0.3)
    assert await elsewhere.renew("1")
    with pytest.raises(InUseError):
        await asyncio.wait_for(claiming, 10)
    await asyncio.wait_for(here.claim("1"), 20)  # not renewed any more
    assert not await elsewhere.renew("1")
