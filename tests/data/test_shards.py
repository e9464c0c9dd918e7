"""Processes share Discord's shards; those of a dead one are taken over, and given back."""

from __future__ import annotations

import asyncio

import pytest

from data.running_bots import InUseError
from data.shards import Shards
from tests.store_database import database_of

LEASE = 0.5


@pytest.fixture
async def open_process(store, open_store):
    """Opens a store as another process does; ``elsewhere`` is one whose lock nobody sees."""
    opened = []

    async def open_process(*, elsewhere=True):
        new = await open_store(store.folder)
        opened.append(new)
        if elsewhere:
            (store.folder / "owners" / f"{new._owner.name}.lock").unlink()
        return Shards(database_of(new), new._owner, LEASE)

    yield open_process
    for each in opened:
        await each.close()


async def held(process, own, number=4):
    return set((await process.look("1", number, own)).shards)


async def expired(store, process):
    """As if the process had not renewed its leases for long."""
    await database_of(store).change(
        "UPDATE shards SET lease_until = 0 WHERE owner = ?", process._owner.name
    )


async def test_each_process_has_its_own_shards(open_process):
    first, second = await open_process(), await open_process()
    assert (await first.claim("1", 4, (0, 1))).shards == {0, 1}
    assert (await second.claim("1", 4, (2, 3))).shards == {2, 3}
    assert (await second.claim("2", 4, (0, 1))).shards == {0, 1}  # another bot's
    assert await held(first, (0, 1)) == {0, 1}
    await first.release("1")
    assert await held(second, (2, 3)) == {2, 3}  # it may come back at once
    third = await open_process()
    assert (await third.claim("1", 4, (0, 1))).shards == {0, 1}


async def test_two_with_one_shard_or_other_numbers_of_shards_are_refused(store, open_process):
    await (await open_process(elsewhere=False)).claim("1", 4, (0, 1))
    for number, own in ((4, (1, 2)), (2, (1,))):
        late = await open_process()
        with pytest.raises(InUseError, match="Another process is running shard"):
            await asyncio.wait_for(late.claim("1", number, own), 5)
    with pytest.raises(InUseError):
        await asyncio.wait_for(store.running_bots.claim("1"), 5)  # all shards
    await store.running_bots.claim("2")
    with pytest.raises(InUseError):
        await asyncio.wait_for((await open_process()).claim("2", 4, (0,)), 5)


async def test_a_dead_process_s_shards_are_shared_by_the_living_and_given_back(store, open_process):
    first, second, dead = [await open_process() for _ in range(3)]
    await first.claim("1", 6, (0, 1))
    await second.claim("1", 6, (2, 3))
    await dead.claim("1", 6, (4, 5))
    await expired(store, dead)
    assert await held(first, (0, 1), 6) == {0, 1}  # it has not lived for a lease yet
    for process in (first, second):
        process._patient_until = 0
    assert await held(first, (0, 1), 6) == {0, 1, 4}
    assert await held(second, (2, 3), 6) == {2, 3, 5}
    # It comes back: living processes have its shards, and hand them over when they look.
    again = await open_process()
    assert (await again.claim("1", 6, (4, 5))).shards == set()
    found = await first.look("1", 6, (0, 1))
    assert found.wanted == {4} <= found.shards
    await first.give_back("1", 4)
    assert await held(first, (0, 1), 6) == {0, 1}
    assert await held(again, (4, 5), 6) == {4}
    assert (await second.look("1", 6, (2, 3))).wanted == {5}
    await second.give_back("1", 5)
    assert await held(again, (4, 5), 6) == {4, 5}


async def test_nobody_takes_over_right_after_an_outage(store, open_process):
    """The others could not renew their leases either, and are alive."""
    first, second = await open_process(), await open_process()
    await first.claim("1", 2, (0,))
    await second.claim("1", 2, (1,))
    first._patient_until = 0
    first._looked -= 2 * LEASE
    await expired(store, second)
    assert await held(first, (0,), 2) == {0}
    assert await held(second, (1,), 2) == {1}
    assert await held(first, (0,), 2) == {0}


async def test_sessions_of_all_processes_start_five_seconds_apart(open_process):
    first, second = await open_process(), await open_process()
    assert await first.wait_for_start("1", 0) == 0
    assert 4.5 < await second.wait_for_start("1", 0) <= 5
    assert 9.5 < await first.wait_for_start("1", 0) <= 10
    assert await second.wait_for_start("1", 1) == 0
    assert await second.wait_for_start("2", 0) == 0
