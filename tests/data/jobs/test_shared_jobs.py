"""One queue for several processes: whose turn it is, and who gets a job."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace

import pytest

from engine.jobs.shared import in_order
from tests.data.stored_jobs import added, record
from tests.store_database import database_of


@pytest.fixture
async def sharing(stores):
    """The stores of three processes of one bot, which all have published."""
    for store in stores:
        await store.share("1").publish(1, 1, "{}")
    return stores


async def ask(store, person, seconds=10.0, **values):
    return await store_added(store, replace(record("a fox", person), seconds=seconds, **values))


async def store_added(store, new):
    await store.add(new, {})
    return new.id


async def order(store):
    return [job.record.id for job in in_order((await store.shared.look()).jobs)]


async def serve(store, others):
    """What a free worker of ``store`` does: starts the next job, and takes it if it must."""
    for job in in_order((await store.shared.look()).jobs):
        id = job.record.id
        if job.mine or await store.shared.take(id):
            assert await store.started(id)
            return job.record
    return None


async def take(store, id):
    """Look, and take the job."""
    await store.shared.look()
    return await store.shared.take(id)


async def test_people_take_turns_in_whichever_process_they_ask(sharing):
    first, second, third = sharing
    ann = [await ask(store, "ann") for store in (first, first, second)]
    bob = [await ask(store, "bob") for store in (second, third)]
    assert await order(first) == [ann[0], bob[0], ann[1], bob[1], ann[2]]
    assert await order(third) == await order(first)


async def test_a_long_job_waits_until_others_were_served_as_much(sharing):
    first, second, _ = sharing
    long = await ask(first, "ann", seconds=35)
    short = [await ask(second, "bob", seconds=10) for _ in range(5)]
    assert await order(second) == [*short[:3], long, *short[3:]]


async def test_a_share_of_two_hundred_percent_gets_twice_the_seconds(sharing):
    first, second, _ = sharing
    for _ in range(8):
        await ask(first, "ann")
        await ask(second, "bob", share=200)
    served = [(await serve(second, sharing)).person for _ in range(9)]
    assert served.count("bob") == 6


async def test_relaxed_jobs_wait_for_all_others_in_turns_of_their_own(sharing):
    first, second, third = sharing
    relaxed = [
        await ask(store, person, share=0)
        for store, person in ((first, "ann"), (first, "ann"), (second, "bob"))
    ]
    usual = [await ask(third, "cat"), await ask(first, "ann")]
    assert await order(second) == [*usual, relaxed[0], relaxed[2], relaxed[1]]


@pytest.mark.parametrize("workers", [1, 2])
async def test_everybody_is_served_the_same_seconds_by_all_processes(sharing, workers):
    seconds = {"ann": 5.0, "bob": 10.0, "cat": 20.0}
    for turn in range(24):
        for number, (person, each) in enumerate(seconds.items()):
            await ask(sharing[(turn + number) % 3], person, each)
    served: dict[str, float] = defaultdict(float)
    for turn in range(30):
        job = await serve(sharing[turn % workers], sharing)
        served[job.person] += seconds[job.person]
        # Give or take the largest job, at every moment.
        assert max(served.values()) - min(served[each] for each in seconds) <= 20


async def test_who_comes_back_gets_no_credit_and_who_comes_first_no_debt(sharing):
    first, second, _ = sharing
    for _ in range(5):
        await ask(first, "ann")
        await serve(first, sharing)
    ann = [await ask(first, "ann") for _ in range(3)]
    bob = [await ask(second, "bob") for _ in range(3)]
    assert await order(first) == [ann[0], bob[0], ann[1], bob[1], ann[2], bob[2]]


async def test_newcomers_do_not_keep_others_waiting_for_ever(sharing):
    first, second, _ = sharing
    last = [await ask(first, "ann") for _ in range(3)][-1]
    for number in range(20):
        await ask(second, f"new {number}")
        if (await serve(second, sharing)).id == last:
            return
    raise AssertionError("ann was never served")


async def test_one_process_gets_a_job_that_several_want(sharing):
    id = await ask(sharing[0], "ann")
    for store in sharing:
        await store.shared.look()
    async with asyncio.TaskGroup() as tasks:
        taken = [tasks.create_task(store.shared.take(id)) for store in sharing[1:] * 3]
    got = [each.result() for each in taken if each.result()]
    assert [record.id for records in got for record in records] == [id]
    assert await sharing[0].shared.is_elsewhere(id)
    assert not await sharing[0].started(id)
    assert sum([await store.started(id) for store in sharing[1:]]) == 1
    assert not [record for store in sharing for record in await take(store, id)]


async def test_what_was_started_or_has_ended_cannot_be_taken(sharing):
    first, second, _ = sharing
    started, ended = await ask(first, "ann"), await ask(first, "ann")
    await first.started(started)
    await first.cancelled(ended, None)
    for id in (started, ended, "f" * 32):
        assert await take(second, id) == []
        assert not await first.shared.is_elsewhere(id)
    await first.requeued(started)
    assert await take(second, started) == []  # its state is with the first


async def test_a_grid_moves_as_a_whole(sharing):
    first, second, _ = sharing
    ids = [record().id for _ in range(3)]
    grid = [replace(record(id=id), grid=ids[0], seconds=1.0) for id in ids]
    await first.add_all(grid, {})
    taken = await take(second, ids[1])
    assert [each.id for each in taken] == ids
    await second.started(ids[0])
    assert await take(first, ids[1]) == []


async def test_a_job_brings_what_was_asked_of_it(sharing):
    first, second, _ = sharing
    id = await ask(first, "ann", seconds=12.5)
    assert await second.ask_owner(id, "cancel")
    (taken,) = await take(second, id)
    assert (taken.interrupt, taken.seconds, taken.person) == ("cancel", 12.5, "ann")


async def test_others_leave_a_job_for_a_moment_to_the_process_that_was_asked(sharing):
    first, second, _ = sharing
    fresh = record("a fox", "ann", created_at=10**15)
    await store_added(first, fresh)
    old = await ask(first, "ann")
    movable = {job.record.id: job.movable for job in (await second.shared.look()).jobs}
    assert movable == {fresh.id: False, old: True}


async def test_the_processes_of_another_bot_share_nothing(sharing):
    first, second, third = sharing
    await third.shared.withdraw()
    await third.share("2").publish(1, 1, "{}")
    id = await ask(first, "ann")
    assert await order(second) == [id]
    assert await order(third) == []
    assert (await third.shared.look()).devices == 0
    assert (await second.shared.look()).devices == 1


async def test_a_dead_process_has_no_devices(sharing):
    first, second, _ = sharing
    await second.shared.publish(2, 4, "second")
    found = await first.shared.look()
    assert (found.devices, found.slots) == (3, 5)
    await database_of(first).change("UPDATE processes SET lease_until = 1 WHERE devices = 2")
    found = await first.shared.look()
    assert (found.devices, found.slots) == (1, 1)
    assert await first.shared.statuses() == ["{}"]


async def test_accounts_that_say_nothing_are_deleted(sharing):
    first, second, _ = sharing
    for person in ("ann", "bob", "cat"):
        await ask(first, person)
    for _ in range(2):
        id = (await serve(second, sharing)).id
        await second.cancelled(id, None)
        await second.set_told(id)
    await first.shared.turns.forget_old()
    rows = await database_of(first).fetch("SELECT person FROM turns ORDER BY person")
    assert [row["person"] for row in rows] == ["", "cat"]


async def test_others_hear_of_each_change(sharing):
    first, second, _ = sharing
    if second.on_file:
        pytest.skip("SQLite tells other processes nothing; they look")
    heard = asyncio.Event()
    second.shared.listen(heard.set)

    async def hears(work):
        heard.clear()
        await work
        await asyncio.wait_for(heard.wait(), 5)

    id = await ask(first, "bob")
    await hears(ask(first, "ann"))
    await hears(first.started(id))
    await hears(first.failed(id, "why"))


async def test_without_sharing_nothing_is_charged(store):
    id = await added(store)
    await store.started(id)
    assert await database_of(store).fetch("SELECT * FROM turns") == []
