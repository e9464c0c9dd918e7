"""Work that one process at a time does, and what becomes of it when that process dies."""

from __future__ import annotations

import asyncio

from data.claims import Claims
from tests.store_database import database_of


async def test_one_of_several_processes_does_the_work(store, other):
    async with store.claims.hold("retention") as mine, other.claims.hold("retention") as theirs:
        assert (mine, theirs) == (True, False)
        async with other.claims.hold("purge 1") as another:
            assert another
        async with store.claims.hold("retention") as again:
            assert not again  # nor twice in one process
    async with other.claims.hold("retention") as next_one:
        assert next_one


async def test_a_dead_process_of_this_machine_leaves_its_work_at_once(store, open_store):
    dead = await open_store(store.folder)
    held = dead.claims.hold("retention")
    assert await held.__aenter__()
    dead._owner._file.close()  # the system does that when a process dies
    async with store.claims.hold("retention") as mine:
        assert mine
        await held.__aexit__(None, None, None)
        async with store.claims.hold("retention") as again:
            assert not again  # it did not release what is another one's by now
    await dead.close()


async def test_elsewhere_the_lease_tells_that_it_died(store, other):
    elsewhere = Claims(database_of(other), other._owner, 0.6)
    held = elsewhere.hold("retention")
    assert await held.__aenter__()
    (store.folder / "owners" / f"{other._owner.name}.lock").unlink()
    await asyncio.sleep(0.7)
    async with store.claims.hold("retention") as mine:
        assert not mine  # it renewed its lease
    await database_of(store).change("UPDATE claims SET lease_until = 0")
    async with store.claims.hold("retention") as mine:
        assert mine
    await held.__aexit__(None, None, None)
