"""A store on a folder of its own, on each kind of database, and a clock that jumps."""

from __future__ import annotations

import time

import pytest

from data import Store
from data.sqlite.backup import DATABASE
from data.sqlite.database import SqliteDatabase
from tests.postgres import running_server


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request):
    """Where the stores of this test have their database: None for a file in their folder."""
    if request.param == "sqlite":
        return None
    return running_server().clean_database("store")


@pytest.fixture
def open_store(database_url):
    """Opens a folder, as other processes do."""

    async def open_store(folder, **options):
        return await Store.open(folder, database_url=database_url, **options)

    return open_store


@pytest.fixture
async def store(tmp_path, open_store):
    store = await open_store(tmp_path / "data")
    yield store
    await store.close()


@pytest.fixture
async def other(store, open_store):
    """The store as another process has it."""
    other = await open_store(store.folder)
    yield other
    await other.close()


@pytest.fixture
async def stores(open_store, tmp_path):
    """The store as three processes have it."""
    opened = [await open_store(tmp_path / "data") for _ in range(3)]
    yield opened
    for store in opened:
        await store.close()


class EmptyPlace:
    """Where a test has a database of its own, without tables, and the stores on it."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url

    async def database(self, scripts):
        """Open it, migrated by ``scripts``."""
        if self.url is None:
            return await SqliteDatabase.open(self.folder / DATABASE, scripts)
        from data.postgres.database import PostgresDatabase

        return await PostgresDatabase.open(self.url, scripts, patience=5)

    async def store(self):
        """Open it as a store."""
        return await Store.open(self.folder, database_url=self.url)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_place(request, tmp_path):
    """A new database, which takes longer than ``store`` on PostgreSQL."""
    url = None if request.param == "sqlite" else running_server().new_database("empty")
    return EmptyPlace(tmp_path, url)


class Clock:
    """The system's clock, set forward or back by ``offset`` milliseconds."""

    def __init__(self):
        self.offset = 0
        self._real = time.time_ns

    def time_ns(self):
        return self._real() + self.offset * 1_000_000


@pytest.fixture
def clock(monkeypatch):
    """What engine.clock, which all of ``data`` asks, takes its times from."""
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    return clock
