"""A PostgreSQL server: the same tables and statements, restarts, and clocks that differ."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from data.dialect import NUMBERED
from data.errors import StoreError
from data.sqlite.database import SqliteDatabase
from tests.data.stored_jobs import added, done
from tests.data.test_query_plans import use_everything
from tests.postgres import require_driver
from tests.store_database import database_of

require_driver()
import asyncpg  # noqa: E402

from data.postgres.connections import NotWrittenError  # noqa: E402
from data.postgres.database import PostgresDatabase, PostgresTransaction  # noqa: E402

ROOT = Path(__file__).resolve().parents[3]


async def test_every_statement_of_the_store_runs(store):
    await use_everything(store)


async def test_the_tables_are_sqlite_s(store, tmp_path):
    other = await SqliteDatabase.open(tmp_path / "other.sqlite3")
    here = set(await database_of(store).columns()) - {("schema_version", "version")}
    assert here == set(await other.columns())
    numbered = {table for table, column in here if column == "sequence"} - {"job_words"}
    assert numbered == set(NUMBERED)
    await other.close()


async def test_text_sorts_by_its_bytes_and_holds_no_nul(store):
    database = database_of(store)
    for key in ("b", "A", "Z", "a", "ä", "\U0001f98a"):
        await store.set_meta(key, "x\0y")
    rows = await database.fetch("SELECT key FROM meta WHERE value LIKE 'x%' ORDER BY key")
    assert [row["key"] for row in rows] == ["A", "Z", "a", "b", "ä", "\U0001f98a"]
    assert await store.get_meta("a") == "x\ufffdy"


async def test_deleted_rows_are_vacuumed(store):
    id = await added(store)
    await store.delete(id)
    assert await database_of(store).scrub()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://tests@/nowhere?host={folder}", "does not exist"),
        ("postgresql://tests@/store?host={folder}/nowhere", "can't be opened"),
        ("mysql://localhost/store", "can't be opened"),
        ("postgresql://somebody:secret@127.0.0.1:1/store", "127.0.0.1"),
    ],
)
async def test_a_server_that_cannot_be_used_is_named_without_its_password(server, url, words):
    with pytest.raises(StoreError, match=words) as caught:
        await PostgresDatabase.open(url.format(folder=server.folder), patience=0)
    assert "IMAGINE_DATABASE_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def restart_soon(server, how):
    """Stop the server now, and start it again in half a second."""

    async def start():
        await asyncio.sleep(0.5)
        server.start()  # blocks for a moment; it would end with another thread

    server.stop(how)
    return asyncio.create_task(start())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_everything_waits_for_a_server_that_restarts(store, server, how):
    id = await added(store)
    await store.job(id)  # there are open connections now
    starting = restart_soon(server, how)
    job, started, new = await asyncio.gather(store.job(id), store.started(id), added(store))
    assert job is not None
    assert started
    assert await store.job(new) is not None
    async with database_of(store).transaction() as transaction:
        assert await transaction.fetch("SELECT 1 AS one") == [{"one": 1}]
    assert await store.rendered(id, done())
    await starting


async def test_a_transaction_that_is_cut_off_is_not_written_down(store, server):
    database = database_of(store)

    async def write():
        async with database.transaction() as transaction:
            await transaction.change("INSERT INTO meta (key, value) VALUES ('a', 'b')")
            restarting.append(restart_soon(server, signal.SIGQUIT))
            await transaction.change("INSERT INTO meta (key, value) VALUES ('c', 'd')")

    restarting: list[asyncio.Task[None]] = []
    with pytest.raises(NotWrittenError):
        await write()
    assert await store.get_meta("a") is None
    await restarting[0]


class LosesAnswers:
    """A writers' connection whose COMMIT is cut off: ``crash`` happens instead of its answer."""

    def __init__(self, connection, crash):
        self._connection, self._crash = connection, crash

    def __getattr__(self, name):
        return getattr(self._connection, name)

    async def execute(self, sql, *values):
        if sql != "COMMIT":
            return await self._connection.execute(sql, *values)
        await self._crash(self._connection)
        self._connection.terminate()
        raise ConnectionResetError


async def cut_off_before(connection, server):
    pass


async def cut_off_after(connection, server):
    await connection.execute("COMMIT")


async def crashed(connection, server):
    server.stop(signal.SIGQUIT)
    server.start()


async def crashed_and_used_by_others(connection, server):
    [[before]] = server.run("store", "SELECT pg_snapshot_xmax(pg_current_snapshot())::TEXT AS n")
    await crashed(connection, server)
    # It has the number of the lost transaction, unless that was in the log already.
    [_, [after]] = server.run(
        "store",
        "INSERT INTO meta (key, value) VALUES ('other', 'x')",
        "SELECT pg_snapshot_xmax(pg_current_snapshot())::TEXT AS n",
    )
    assert int(after["n"]) >= int(before["n"])


@pytest.mark.parametrize(
    "crash", [cut_off_before, cut_off_after, crashed, crashed_and_used_by_others]
)
async def test_a_commit_without_an_answer_is_neither_lost_nor_done_twice(
    store, server, monkeypatch, crash
):
    database = database_of(store)
    await database.change("CREATE TABLE counts (n BIGINT)")
    await database.change("INSERT INTO counts VALUES (0)")
    assert isinstance(database, PostgresDatabase)
    begin = database._begin
    lost: list[bool] = []

    async def begin_badly():
        connection = await begin()
        if lost:
            return connection
        lost.append(True)
        return LosesAnswers(connection, lambda each: crash(each, server))

    end = database._end
    monkeypatch.setattr(database, "_end", lambda each: end(getattr(each, "_connection", each)))
    monkeypatch.setattr(database, "_begin", begin_badly)
    assert await database.change("UPDATE counts SET n = n + 1") == 1
    assert lost
    assert await database.fetch("SELECT n FROM counts") == [{"n": 1}]


@pytest.mark.parametrize("steps", range(4))
async def test_a_connection_that_is_ending_is_replaced(store, server, steps):
    database = database_of(store)
    await database.change("CREATE TABLE counts (n BIGINT)")
    await database.fetch("SELECT n FROM counts")
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'store'"
    server.run("postgres", end)  # meanwhile the event loop does not run
    for _ in range(steps):  # of the event loop: it hears the server's last words, then the end
        await asyncio.sleep(0)
    change = database.change("INSERT INTO counts VALUES (1)")
    changed, read = await asyncio.gather(change, database.fetch("SELECT 1 AS one"))
    assert (changed, read) == (1, [{"one": 1}])
    assert await database.fetch("SELECT n FROM counts") == [{"n": 1}]


async def test_a_connection_that_ends_in_a_transaction_or_after_it(store, monkeypatch):
    database = database_of(store)
    await database.change("CREATE TABLE counts (n BIGINT)")

    async def ends_between_statements():
        async with database.transaction() as transaction:
            await transaction.change("INSERT INTO counts VALUES (1)")
            assert isinstance(transaction, PostgresTransaction)
            transaction._connection._con._transport.abort()
            await asyncio.sleep(0)
            await transaction.change("INSERT INTO counts VALUES (2)")

    with pytest.raises(NotWrittenError):
        await ends_between_statements()
    release = asyncpg.pool.Pool.release

    async def ends_first(pool, connection):
        connection._con._transport.abort()
        await release(pool, connection)

    monkeypatch.setattr(asyncpg.pool.Pool, "release", ends_first)
    assert await database.change("INSERT INTO counts VALUES (3)") == 1
    assert await database.fetch("SELECT n FROM counts") == [{"n": 3}]


async def test_a_deadlock_is_tried_again(store):
    database = database_of(store)
    await store.set_meta("a", "0")
    await store.set_meta("b", "0")
    second = None
    async with database.transaction() as first:
        await first.change("UPDATE meta SET value = '1' WHERE key = 'a'")
        # It has b, and waits for a.
        second = asyncio.create_task(
            database.change(
                "WITH b AS (UPDATE meta SET value = '2' WHERE key = 'b' RETURNING key) "
                "UPDATE meta SET value = '2' WHERE key = 'a' AND EXISTS (SELECT key FROM b)"
            )
        )
        await asyncio.sleep(0.1)
        # The server ends the one that has waited longer.
        await first.change("UPDATE meta SET value = '1' WHERE key = 'b'")
    assert await second == 1
    assert await store.get_meta("a") == "2"


async def test_leases_follow_the_server_s_clock(clock, open_store, tmp_path):
    clock.offset = 3_600_000
    ahead = await open_store(tmp_path / "one")
    clock.offset = 0
    right = await open_store(tmp_path / "two")
    clock.offset = 3_600_000
    skewed = database_of(ahead).now()
    clock.offset = 0
    assert abs(skewed - database_of(right).now()) < 2000
    await ahead.close()
    await right.close()


def test_sqlite_and_the_folder_alone_load_no_extra(tmp_path):
    program = (
        "import asyncio, sys; from pathlib import Path; from data import Store\n"
        "async def main():\n"
        "    store = await Store.open(Path(sys.argv[1])); await store.close()\n"
        "asyncio.run(main())\n"
        "print([name for name in sys.modules if name.startswith(('asyncpg', 'data.postgres', "
        "'obstore', 'data.pictures.bucket'))])"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert ended.stdout.strip() == "[]"
