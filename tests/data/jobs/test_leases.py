"""Leases: who may change a job, and taking over the jobs of processes that ended."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path

from data.errors import StoreError
from tests.data.stored_jobs import added, done, painted
from tests.store_database import database_of

ROOT = Path(__file__).resolve().parents[3]


async def test_a_second_store_cannot_change_the_jobs_of_a_living_one(tmp_path, open_store):
    first, second = await open_store(tmp_path), await open_store(tmp_path)
    waiting, shown = await added(first), await painted(first)
    assert await second.waiting() == []
    assert await second.undelivered() == []
    for change in (
        second.started(waiting),
        second.rendered(waiting, done(b"mine")),
        second.failed(waiting, "no"),
        second.cancelled(waiting, b"x"),
        second.set_result_message(shown, "1"),
    ):
        assert not await change
    assert await second.picture(waiting) is None
    await first.close()
    assert [job.id for job in await second.waiting()] == [waiting]
    assert [job.id for job in await second.undelivered()] == [shown]
    assert await second.set_result_message(shown, "1")
    await second.close()


DIES = """
    import asyncio, os, sys
    from pathlib import Path
    from data import Store
    from engine.jobs.job import JobRecord, Place
    from engine.request.request import make_request

    async def main():
        store = await Store.open(Path(sys.argv[1]), database_url=sys.argv[2] or None)
        for i in range(3):
            await store.add(JobRecord(f"{i:032x}", make_request("x", seed=i), "ann",
                                      Place(None, "1")), {})
        await store.started(f"{1:032x}")
        os.kill(os.getpid(), 9)

    asyncio.run(main())
"""


async def test_jobs_of_a_killed_process_are_taken_over_at_once_started_ones_first(
    tmp_path, open_store, database_url
):
    command = [sys.executable, "-c", textwrap.dedent(DIES), str(tmp_path), database_url or ""]
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False)
    assert ended.returncode == -9
    store = await open_store(tmp_path)
    assert [int(each.id, 16) for each in await store.waiting()] == [1, 0, 2]
    assert len(list((tmp_path / "owners").iterdir())) == 1  # this one's
    await store.close()


async def test_a_living_process_adopts_the_jobs_of_a_killed_one(tmp_path, open_store, database_url):
    store = await open_store(tmp_path)
    own = await added(store)
    assert await store.adopted() == ([], [])
    command = [sys.executable, "-c", textwrap.dedent(DIES), str(tmp_path), database_url or ""]
    await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False)
    unfinished, untold = await store.adopted()
    assert [int(each.id, 16) for each in unfinished] == [1, 0, 2]
    assert untold == []
    assert await store.adopted() == ([], [])
    assert await store.started(f"{0:032x}")
    assert own not in [each.id for each in unfinished]
    await store.close()


async def test_what_a_dead_process_did_not_announce_is_adopted_too(tmp_path, open_store):
    first, second = await open_store(tmp_path), await open_store(tmp_path)
    shown = await painted(first)
    await first.close()
    unfinished, untold = await second.adopted()
    assert unfinished == []
    assert [job.id for job in untold] == [shown]
    await second.close()


async def lease_end(store, id):
    """When the lease of job ``id`` ends, in milliseconds."""
    [row] = await database_of(store).fetch("SELECT lease_until FROM jobs WHERE id = ?", id)
    return row["lease_until"]


async def test_an_expired_lease_is_lost_and_a_renewed_one_is_not(tmp_path, open_store):
    """As between two machines, where no lock says which process is alive."""
    live = await open_store(tmp_path, lease_seconds=0.3)
    kept = await added(live)
    lost = await added(live)
    (tmp_path / "owners" / f"{live._owner.name}.lock").unlink()
    await database_of(live).change(
        "UPDATE jobs SET owner = 'gone', lease_until = 1 WHERE id = ?", lost
    )
    first = await lease_end(live, kept)
    for _ in range(1000):
        if await lease_end(live, kept) > first + 300:  # renewed after it would have expired
            break
        await asyncio.sleep(0.02)
    other = await open_store(tmp_path)
    assert [each.id for each in await other.waiting()] == [lost]
    assert not await live.started(lost)
    assert await live.started(kept)
    await other.close()
    await live.close()


async def abandoned(tmp_path, open_store):
    """A store of another machine that hangs: no lock to see, no lease renewed; and its job."""
    other = await open_store(tmp_path, lease_seconds=60.0)
    id = await added(other)
    (tmp_path / "owners" / f"{other._owner.name}.lock").unlink()
    await other._leases.stop_renewing()
    return other, id


async def test_a_lease_is_respected_until_it_expires(tmp_path, clock, open_store):
    hanging, id = await abandoned(tmp_path, open_store)
    store = await open_store(tmp_path)
    clock.offset = 59_000
    assert await store.waiting() == []
    clock.offset = 61_000
    assert [job.id for job in await store.waiting()] == [id]
    assert not await hanging.started(id)
    assert await store.started(id)
    await store.close()
    await hanging.close()


async def test_a_clock_that_is_set_back_gives_nobody_s_job_away(tmp_path, clock, open_store):
    clock.offset = 3_600_000
    live = await open_store(tmp_path)
    id = await added(live)
    (tmp_path / "owners" / f"{live._owner.name}.lock").unlink()
    clock.offset = 0  # an hour back
    other = await open_store(tmp_path)
    assert await other.waiting() == []
    assert await live.started(id)
    await live.close()
    assert [job.id for job in await other.waiting()] == [id]  # released, whatever the time
    await other.close()


async def test_a_clock_that_is_set_forward_takes_nothing_from_a_process_on_this_machine(
    tmp_path, clock, open_store
):
    """The lease looks expired to both; the owner renews it before it loses anything."""
    live = await open_store(tmp_path, lease_seconds=0.3)
    id = await added(live)
    clock.offset = 3_600_000
    await asyncio.sleep(0.3)
    other = await open_store(tmp_path)
    assert await other.waiting() == []
    assert await live.started(id)
    await other.close()
    await live.close()


async def test_a_job_that_was_lost_changes_no_more_and_its_picture_stays_as_it_is(
    tmp_path, clock, open_store
):
    hanging, id = await abandoned(tmp_path, open_store)
    store = await open_store(tmp_path)
    clock.offset = 61_000
    await store.waiting()
    assert await store.rendered(id, done(b"the new owner's"))
    assert not await hanging.rendered(id, done(b"too late"))
    assert not await hanging.set_result_message(id, "1")
    assert not await hanging.failed(id, "too late")
    assert await store.picture(id) == b"the new owner's"
    assert await store.set_result_message(id, "2")
    await store.close()
    await hanging.close()


async def test_untold_jobs_are_taken_over_and_told_ones_are_not(tmp_path, open_store):
    first = await open_store(tmp_path)
    untold, told = await painted(first), await painted(first)
    await first.set_result_message(told, "1")
    await first.close()
    second = await open_store(tmp_path)
    assert await second._leases.take_over() == [untold]
    assert await second._leases.holds(untold, ("rendered",))
    assert not await second._leases.holds(untold, ("queued",))
    assert not await second._leases.holds(told, ("delivered",))
    assert await second._leases.holds("0" * 32, ("queued",)) is None
    await second.close()


async def test_a_lease_that_cannot_be_renewed_is_tried_again(
    tmp_path, monkeypatch, caplog, open_store
):
    store = await open_store(tmp_path, lease_seconds=0.06)
    renewed = asyncio.Event()
    change, failures = store._database.change, iter([StoreError("The disk is full.")])

    async def failing_once(sql, *values):
        for error in failures:
            raise error
        renewed.set()
        return await change(sql, *values)

    monkeypatch.setattr(store._database, "change", failing_once)
    await asyncio.wait_for(renewed.wait(), 10)
    assert "could not be renewed: The disk is full." in caplog.text
    monkeypatch.undo()
    await store.close()
