"""The SQLite file: opened, migrated, one transaction at a time."""

from __future__ import annotations

import asyncio

import pytest

from data.errors import StoreError
from data.sqlite.database import SqliteDatabase, migrations
from tests.databases import open_database

TWO = [
    (1, "BEGIN; CREATE TABLE a (x TEXT PRIMARY KEY); PRAGMA user_version = 1; COMMIT;"),
    (2, "BEGIN; INSERT INTO a VALUES ('two'); PRAGMA user_version = 2; COMMIT;"),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.sqlite3"


@pytest.fixture
async def database(path):
    database = await SqliteDatabase.open(path, TWO)
    yield database
    await database.close()


def version(path):
    with open_database(path) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_migrations_are_numbered_without_gaps_and_set_their_number():
    found = migrations()
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    for number, script in found:
        lines = [line for line in script.splitlines() if line and not line.startswith("--")]
        assert lines[0] == "BEGIN IMMEDIATE;"
        assert lines[-2:] == [f"PRAGMA user_version = {number};", "COMMIT;"]


async def test_the_database_is_opened_with_its_settings(database):
    assert (await database.fetch("PRAGMA journal_mode"))[0]["journal_mode"] == "wal"
    assert (await database.fetch("PRAGMA foreign_keys"))[0]["foreign_keys"] == 1
    assert (await database.fetch("PRAGMA user_version"))[0]["user_version"] == 2


async def test_only_missing_migrations_run(path):
    for scripts in (TWO[:1], TWO, TWO):
        database = await SqliteDatabase.open(path, scripts)
        found = await database.fetch("SELECT x FROM a")
        await database.close()
        assert len(found) == len(scripts) - 1


async def test_a_migration_that_fails_changes_nothing(path):
    broken = "BEGIN; CREATE TABLE b (y TEXT); PRAGMA user_version = 2; INSERT INTO c VALUES (1);"
    with pytest.raises(StoreError, match="no such table: c"):
        await SqliteDatabase.open(path, [TWO[0], (2, f"{broken} COMMIT;")])
    assert version(path) == 1
    with open_database(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert [name for (name,) in tables] == ["a"]


async def test_processes_that_start_together_migrate_once(path):
    opened = await asyncio.gather(*(SqliteDatabase.open(path) for _ in range(4)))
    for database in opened:
        assert await database.fetch("SELECT * FROM jobs") == []
        await database.close()


async def test_a_newer_database_is_not_touched(path):
    await (await SqliteDatabase.open(path, TWO)).close()
    with pytest.raises(StoreError, match="newer imagine-bot"):
        await SqliteDatabase.open(path, TWO[:1])
    assert version(path) == 2


async def test_a_file_that_is_not_a_database_is_refused(path):
    path.write_bytes(b"PNG, say" * 200)
    with pytest.raises(StoreError, match="not a database"):
        await SqliteDatabase.open(path)
    with pytest.raises(StoreError, match="can't be opened"):
        await SqliteDatabase.open(path.parent / "nowhere" / "x.sqlite3")


async def test_a_transaction_is_all_or_nothing(database):
    async def write(*names):
        async with database.transaction() as transaction:
            for name in names:
                if name is None:
                    raise ZeroDivisionError
                await transaction.change("INSERT INTO a VALUES (?)", name)

    with pytest.raises(StoreError, match="UNIQUE"):
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


async def test_tasks_that_write_together_do_not_mix(database):
    async def write(name):
        async with database.transaction() as transaction:
            rows = await transaction.fetch("SELECT COUNT(*) AS n FROM a")
            await asyncio.sleep(0)
            await transaction.change("INSERT INTO a VALUES (?)", f"{rows[0]['n']}")
            return name

    await asyncio.gather(*(write(i) for i in range(10)))
    found = await database.fetch("SELECT x FROM a WHERE x <> 'two'")
    assert {row["x"] for row in found} == {str(n) for n in range(1, 11)}
