"""`python -m bot migrate`: everything of a SQLite file is in PostgreSQL afterwards, or nothing."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from bot.__main__ import main
from data import Store
from data.errors import StoreError
from data.migrations import migrations
from data.sqlite.backup import DATABASE
from data.sqlite.database import SqliteDatabase
from tests.data.stored_jobs import added, painted
from tests.data.test_query_plans import use_jobs, use_learnt, use_servers_and_people
from tests.databases import open_database
from tests.postgres import in_thread, require_driver
from tests.store_database import database_of

require_driver()
from data.transfer import Summed, transfer  # noqa: E402


async def lived(folder):
    """A data folder in which every table has rows."""
    store = await Store.open(folder)
    try:
        await use_learnt(store)
        await use_jobs(store)
        await use_servers_and_people(store)
        shown = await painted(store, "ä, \U0001f98a, \"quoted\" \\ 'so'")
        await store.history.toggle_favourite("ann", shown)
        await store.stars.count(shown, "100", 3)
        await store.denied_servers.add("9")
        await store.running_bots.claim("1")
        await store.shards.claim("2", 2, (0, 1))
        await database_of(store).change("INSERT INTO claims VALUES ('work', 'dead', 0)")
        await store.share("1").publish(1, 1, "{}")
        await added(store)
        await store.purges.ask("100", "bob", "ann", None, "why")
        await store.messages.keep("https://example.org")
        await store.guilds.change_settings("100", "ann", {"iterations": 7})
        await store.styles.use("ann", "ink")
        await store.set_meta("a", "a \0 in a text")
    finally:
        await store.close()


@pytest.fixture
def url(server):
    return server.new_database("moved")


@pytest.fixture
def file(tmp_path):
    in_thread(lambda: lived(tmp_path))
    return tmp_path / DATABASE


def rows_of(file, table):
    with open_database(file) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608


def by_text(rows):
    return sorted(map(str, rows))


def test_every_row_of_every_table_is_there(server, url, file):
    before = file.read_bytes()
    proofs = transfer(file, url)
    with open_database(file) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {name for (name,) in tables} - {"sqlite_sequence"} == set(proofs)
    for table, proof in proofs.items():
        here = rows_of(file, table)
        [there] = server.run("moved", f"SELECT * FROM {table}")  # noqa: S608
        assert len(there) == proof.rows > 0, table
        assert by_text(there) == by_text(
            {name: _without_nul(value) for name, value in row.items()} for row in here
        )
    assert file.read_bytes() == before


def _without_nul(value):
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def test_the_bot_goes_on_there(url, file):
    transfer(file, url)
    last = max(row["sequence"] for row in rows_of(file, "jobs"))

    async def go_on():
        store = await Store.open(file.parent, database_url=url)
        new = await added(store)
        [row] = await store._database.fetch("SELECT sequence FROM jobs WHERE id = ?", new)
        assert row["sequence"] > last
        await store.guilds.change_settings("100", "ann", {"iterations": 9})
        log = await store.guilds.settings_log("100")
        assert (log[0].before, log[0].after) == (7, 9)
        await store.close()

    in_thread(go_on)


def test_an_older_file_is_updated_on_its_way(server, url, tmp_path):
    async def older():
        database = await SqliteDatabase.open(tmp_path / DATABASE, migrations()[:7])
        await database.change("INSERT INTO meta (key, value) VALUES ('a', 'b')")
        await database.close()

    in_thread(older)
    transfer(tmp_path / DATABASE, url)
    assert server.run("moved", "SELECT * FROM meta") == [[{"key": "a", "value": "b"}]]
    with open_database(tmp_path / DATABASE) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (7,)


def test_a_database_with_rows_is_refused(server, url, file):
    transfer(file, url)
    with pytest.raises(StoreError, match="has rows already"):
        transfer(file, url)


def test_a_difference_copies_nothing(server, url, file, monkeypatch):
    add, added_rows = Summed.add, []

    def forgetful(self, row):
        added_rows.append(row)
        if len(added_rows) != 3:
            add(self, row)

    monkeypatch.setattr(Summed, "add", forgetful)
    with pytest.raises(StoreError, match="jobs differs"):
        transfer(file, url)
    assert server.run("moved", "SELECT id FROM jobs") == [[]]


def test_nothing_is_copied_while_a_bot_uses_the_file(url, file):
    async def try_it():
        store = await Store.open(file.parent)
        try:
            with pytest.raises(StoreError, match="A bot is using"):
                await asyncio.to_thread(transfer, file, url)
        finally:
            await store.close()

    in_thread(try_it)


def test_the_command_prints_counts_and_hashes(url, file, capsys, monkeypatch):
    monkeypatch.setattr("bot.__main__.set_up_logs", lambda **_: None)
    assert main(["migrate", str(file), url]) == 0
    said = capsys.readouterr().out
    assert f"jobs: {len(rows_of(file, 'jobs'))} rows, SHA-256 " in said
    assert "the same on both sides" in said
    assert main(["migrate", str(file), url]) == 1
    assert "has rows already" in capsys.readouterr().err
    assert main(["migrate", str(file)]) == 1
    assert "postgresql://" in capsys.readouterr().err
