"""A PostgreSQL server for tests: a temporary cluster, started from the system's packages."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

MISSING = "PostgreSQL is not installed here (Debian: apt install postgresql), so not tested"
NO_DRIVER = "asyncpg is not installed (make setup installs it), so PostgreSQL is not tested"
# Nobody: PostgreSQL refuses to run as root.
_NOBODY = 65534
_INITDB = ("--no-sync", "-A", "trust", "-U", "tests", "-E", "UTF8", "--locale=C")
# Nothing has to survive the machine's end.
_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "autovacuum": "off",
    "deadlock_timeout": "250ms",
    "max_wal_size": "64MB",
}


def programs() -> Path | None:
    """The folder of the newest ``initdb`` and ``postgres`` of this machine, or None."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return None if on_path is None else Path(on_path).resolve().parent


class Server:
    """A running cluster, reached by a socket in its own folder."""

    def __init__(self, bin: Path, **options: str) -> None:
        """Start one; ``options`` replace those that make tests fast."""
        self._bin = bin
        self._options = {**_OPTIONS, **options}
        # A socket's path must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        self._as_user: dict[str, Any] = {}
        if os.getuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
            self._as_user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
        made = subprocess.run(
            [str(bin / "initdb"), "-D", str(self._data), *_INITDB],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            **self._as_user,
        )
        assert made.returncode == 0, made.stderr
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [f"--{name}={value}" for name, value in self._options.items()]
        command: list[str | Path] = [self._bin / "postgres", "-D", self._data, "-k", self.folder]
        end_with_us = shutil.which("setpriv")
        if end_with_us is not None:
            user = ["--reuid", str(_NOBODY), "--regid", str(_NOBODY), "--clear-groups"]
            command = [
                end_with_us,
                *(user if self._as_user else []),
                "--pdeathsig",
                "INT",
                *command,
            ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd="/",
                **({} if end_with_us else self._as_user),
            )
        self._wait()

    def _wait(self) -> None:
        ready = [str(self._bin / "pg_isready"), "-q", "-h", str(self.folder)]
        until = time.monotonic() + 60
        while subprocess.run(ready, check=False).returncode != 0:
            assert self._process is not None
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, (self.folder / "log").read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT ends all connections, SIGQUIT is like a crash."""
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(60)

    def remove(self) -> None:
        """Stop it for good."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """The address of a database, as in IMAGINE_DATABASE_URL."""
        return f"postgresql://tests@/{database}?host={self.folder}"

    def run(self, database: str, *statements: str) -> list[list[dict[str, Any]]]:
        """Run statements in a database, and return the rows of each."""
        import asyncpg

        async def run() -> list[list[dict[str, Any]]]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return [[dict(row) for row in await connection.fetch(each)] for each in statements]
            finally:
                await connection.close()

        return in_thread(run)

    def new_database(self, name: str) -> str:
        """Create an empty database, in place of one with that name; returns its address."""
        self.run("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.run("postgres", f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def clean_database(self, name: str) -> str:
        """The same with our tables in it, all empty; faster than a new one."""
        self._execute(name, _cleaning(self, name))
        return self.url(name)

    def _execute(self, database: str, script: str) -> None:
        """Run statements in a database, all at once."""
        import asyncpg

        async def run() -> None:
            connection = await asyncpg.connect(self.url(database))
            try:
                await connection.execute(script)
            finally:
                await connection.close()

        in_thread(run)


def _numbered() -> tuple[str, ...]:
    from data.dialect import NUMBERED

    return NUMBERED


# What a failed test left behind may hold locks, and may be tables.
_CLEANING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename NOT IN ({own})
        LOOP EXECUTE format('DROP TABLE %I', name); END LOOP;
    END $$;
    {rest}
"""


@lru_cache(maxsize=1)
def _cleaning(server: Server, name: str) -> str:
    """The statements that empty our tables in the database, which it makes first."""
    tables = _tables_of(server, name)
    rest = [
        *(f"DELETE FROM {table};" for table in tables if table != "schema_version"),  # noqa: S608
        *(f"ALTER SEQUENCE {table}_numbers RESTART;" for table in _numbered()),
    ]
    return _CLEANING.format(own=", ".join(f"'{table}'" for table in tables), rest=" ".join(rest))


def _tables_of(server: Server, name: str) -> tuple[str, ...]:
    from data.postgres.database import PostgresDatabase

    async def migrated() -> tuple[str, ...]:
        database = await PostgresDatabase.open(server.new_database(name))
        try:
            return tuple({table for table, _ in await database.columns()})
        finally:
            await database.close()

    return in_thread(migrated)


def in_thread(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run asynchronous work to its end, whatever loop is running in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


@lru_cache(maxsize=1)
def _server(bin: Path) -> Server:
    server = Server(bin)
    atexit.register(server.remove)
    return server


def require_driver() -> None:
    """Skip a module that imports the driver where it is not installed; CI fails there."""
    if find_spec("asyncpg") is None and not os.environ.get("CI"):
        pytest.skip(NO_DRIVER, allow_module_level=True)


def running_server() -> Server:
    """This process's server; skips the test where it cannot be had, and fails it in CI."""
    bin = programs()
    reason = MISSING if bin is None else NO_DRIVER if find_spec("asyncpg") is None else None
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    assert bin is not None
    return _server(bin)
