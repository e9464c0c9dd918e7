"""The SQLite file: opened, migrated, one transaction at a time."""

from __future__ import annotations

import asyncio

import pytest

from data.errors import StoreError
from data.migrations import migrations
from data.sqlite.database import SqliteDatabase
from tests.databases import open_database

TWO = [
    (1, "CREATE TABLE a (x TEXT PRIMARY KEY);"),
    (2, "INSERT INTO a VALUES ('two');"),
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


def test_migrations_are_numbered_without_gaps_and_leave_the_transaction_to_the_code():
    found = migrations()
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    for _, script in found:
        lines = [line for line in script.splitlines() if line and not line.startswith("--")]
        assert lines[-1].endswith(";")
        assert not [line for line in lines if line.startswith(("BEGIN ", "COMMIT", "PRAGMA"))]


async def test_the_database_is_opened_with_its_settings(database):
    assert (await database.fetch("PRAGMA journal_mode"))[0]["journal_mode"] == "wal"
    async with database.transaction() as transaction:
        assert await transaction.fetch("PRAGMA foreign_keys") == [{"foreign_keys": 1}]
        assert await transaction.fetch("PRAGMA secure_delete") == [{"secure_delete": 1}]
    assert (await database.fetch("PRAGMA user_version"))[0]["user_version"] == 2


async def test_only_missing_migrations_run(path):
    for scripts in (TWO[:1], TWO, TWO):
        database = await SqliteDatabase.open(path, scripts)
        found = await database.fetch("SELECT x FROM a")
        await database.close()
        assert len(found) == len(scripts) - 1


async def test_a_migration_that_fails_changes_nothing(path):
    broken = "CREATE TABLE b (y TEXT);\nINSERT INTO c VALUES (1);"
    with pytest.raises(StoreError, match="no such table: c"):
        await SqliteDatabase.open(path, [TWO[0], (2, broken)])
    assert version(path) == 1
    with open_database(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert [name for (name,) in tables] == ["a"]


async def test_processes_that_start_together_migrate_once(tmp_path):
    # These scripts would succeed twice, as one that rebuilds a table does.
    scripts = [(1, "CREATE TABLE IF NOT EXISTS a (x INTEGER);")]
    scripts += [(number, "INSERT INTO a SELECT 1 + COUNT(*) FROM a;") for number in range(2, 9)]
    for attempt in range(5):
        path = tmp_path / f"{attempt}.sqlite3"
        opened = await asyncio.gather(*(SqliteDatabase.open(path, scripts) for _ in range(4)))
        rows = await opened[0].fetch("SELECT x FROM a ORDER BY rowid")
        assert [row["x"] for row in rows] == list(range(1, 8))
        for database in opened:
            await database.close()
        assert version(path) == 8


async def test_a_trigger_of_a_migration_is_one_statement(path):
    trigger = """CREATE TRIGGER t AFTER INSERT ON a
    BEGIN
        DELETE FROM a WHERE x = 'two';
        INSERT INTO a VALUES ('three; four');
    END;
    INSERT INTO a VALUES ('five')"""
    database = await SqliteDatabase.open(path, [*TWO, (3, trigger)])
    found = [row["x"] for row in await database.fetch("SELECT x FROM a ORDER BY x")]
    await database.close()
    assert found == ["five", "three; four"]


async def test_a_file_that_is_not_a_database_is_refused(path):
    path.write_bytes(b"PNG, say" * 200)
    with pytest.raises(StoreError, match="not a database"):
        await SqliteDatabase.open(path)
    with pytest.raises(StoreError, match="can't be opened"):
        await SqliteDatabase.open(path.parent / "nowhere" / "x.sqlite3")


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


SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"


async def test_no_read_waits_for_a_write_or_for_a_long_scan(database):
    async with database.transaction() as transaction:
        await transaction.change("INSERT INTO a VALUES ('three')")
        scanning = asyncio.create_task(database.scan(SLOW))  # it never ends by itself
        # Readers see the state before the transaction.
        reads = asyncio.gather(*(database.fetch("SELECT x FROM a") for _ in range(20)))
        assert await asyncio.wait_for(reads, 30) == [[{"x": "two"}]] * 20
    assert len(await database.fetch("SELECT x FROM a")) == 2
    scanner = database._scanners._connections[0]
    await scanner.interrupt()
    with pytest.raises(StoreError, match="interrupted"):
        await scanning


async def test_the_log_is_not_emptied_while_somebody_reads_and_nobody_waits(database, path):
    await database.change("INSERT INTO a VALUES ('three')")
    with open_database(path) as other:  # as a backup does, for minutes
        other.execute("BEGIN")
        other.execute("SELECT x FROM a").fetchall()
        assert not await asyncio.wait_for(database.scrub(), 5)
        assert await database.change("INSERT INTO a VALUES ('four')") == 1
    assert await database.scrub()
    assert path.with_name(f"{path.name}-wal").stat().st_size == 0


async def test_a_large_file_is_not_rebuilt(database, path, monkeypatch):
    await database.change("INSERT INTO a VALUES (?)", "x" * 100_000)
    await database.change("DELETE FROM a WHERE LENGTH(x) > 9")
    monkeypatch.setattr("data.sqlite.database.REBUILD_BYTES", 1000)
    assert await database.scrub()
    large = path.stat().st_size
    assert b"x" * 50 not in path.read_bytes()  # overwritten all the same
    monkeypatch.undo()
    assert await database.scrub()
    assert path.stat().st_size < large
