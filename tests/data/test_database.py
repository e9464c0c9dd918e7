"""What every kind of database does: transactions, reads next to them, what is told to others."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from data.errors import StoreError

TWO = [
    (1, "CREATE TABLE a (x TEXT PRIMARY KEY);"),
    (2, "INSERT INTO a VALUES ('two');"),
]


@pytest.fixture
async def database(empty_place):
    database = await empty_place.database(TWO)
    yield database
    await database.close()


async def test_a_newer_database_is_not_touched(empty_place, database):
    with pytest.raises(StoreError, match="newer imagine-bot"):
        await empty_place.database(TWO[:1])
    again = await empty_place.database(TWO)
    assert await again.fetch("SELECT x FROM a") == [{"x": "two"}]
    await again.close()


async def test_a_transaction_is_all_or_nothing(database):
    async def write(*names):
        async with database.transaction() as transaction:
            for name in names:
                if name is None:
                    raise ZeroDivisionError
                await transaction.change("INSERT INTO a VALUES (?)", name)

    with pytest.raises(StoreError, match=r"(?i)unique"):
        await write("three", "two")
    with pytest.raises(ZeroDivisionError):
        await write("four", None)
    assert await database.fetch("SELECT x FROM a") == [{"x": "two"}]


async def test_a_cancelled_transaction_is_undone_and_blocks_nobody(database):
    begun = asyncio.Event()

    async def dawdle():
        async with database.transaction() as transaction:
            await transaction.change("INSERT INTO a VALUES (?)", "never")
            begun.set()
            await asyncio.sleep(100)

    task = asyncio.create_task(dawdle())
    await begun.wait()
    task.cancel()
    assert await database.change("INSERT INTO a VALUES (?)", "after") == 1
    assert task.cancelled()
    assert await database.fetch("SELECT x FROM a ORDER BY x") == [{"x": "after"}, {"x": "two"}]


async def test_cancelling_at_any_moment_leaves_no_transaction_open(database):
    """Also while BEGIN waits for the connection's thread, which still executes it."""
    for turns in range(12):
        task = asyncio.create_task(database.change("INSERT INTO a VALUES (?)", f"x{turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.change("INSERT INTO a VALUES (?)", f"y{turns}")
    written = await database.fetch("SELECT x FROM a WHERE x LIKE 'y%'")
    assert len(written) == 12


async def test_a_cancelled_read_gives_its_connection_back(database):
    for _ in range(20):
        task = asyncio.create_task(database.fetch("SELECT x FROM a"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    reads = asyncio.gather(*(database.fetch("SELECT x FROM a") for _ in range(20)))
    assert len(await asyncio.wait_for(reads, 30)) == 20


async def test_readers_cannot_write_and_end_with_the_database(empty_place):
    database = await empty_place.database(TWO)
    with pytest.raises(StoreError, match=r"read-?only"):
        await database.fetch("DELETE FROM a")
    await database.close()
    with pytest.raises(StoreError, match="is closed"):
        await database.fetch("SELECT x FROM a")


async def test_a_migration_that_fails_changes_nothing(empty_place, database):
    broken = "CREATE TABLE b (y TEXT);\nINSERT INTO c VALUES (1);"
    with pytest.raises(StoreError, match=r"no such table: c|\"c\" does not exist"):
        await empty_place.database([*TWO, (3, broken)])
    assert {table for table, _ in await database.columns()} - {"schema_version"} == {"a"}
    mended = await empty_place.database([*TWO, (3, "CREATE TABLE b (y TEXT);")])
    assert ("b", "y") in await mended.columns()
    await mended.close()


async def test_locks_of_the_same_are_waited_for_and_end_with_the_transaction(database):
    async def add_one(name):
        async with database.transaction() as transaction:
            await transaction.lock("counting", "b", "a")
            rows = await transaction.fetch("SELECT COUNT(*) AS n FROM a")
            await asyncio.sleep(0.001)
            await transaction.change("INSERT INTO a VALUES (?)", f"{rows[0]['n']}")

    await asyncio.gather(*(add_one(i) for i in range(10)))
    found = await database.fetch("SELECT x FROM a WHERE x <> 'two'")
    assert {row["x"] for row in found} == {str(n) for n in range(1, 11)}


async def test_what_is_told_is_heard_when_it_is_written_down(database):
    heard = asyncio.Event()
    database.listen("news", heard.set)
    await asyncio.sleep(0.2)  # PostgreSQL also says when something may have been missed
    heard.clear()
    with contextlib.suppress(ZeroDivisionError):
        async with database.transaction() as transaction:
            await transaction.tell("news")
            raise ZeroDivisionError
    async with database.transaction() as transaction:
        await transaction.tell("news")
        await transaction.tell("other news")
        await transaction.change("INSERT INTO a VALUES ('three')")
        assert not heard.is_set()
    await asyncio.wait_for(heard.wait(), 10)
