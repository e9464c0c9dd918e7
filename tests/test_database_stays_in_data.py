"""Nobody above data/ sees a connection, a cursor or SQL: the store has a method for it.

A second storage back end has to offer the store's methods, and nothing else may be in its way.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ABOVE = ("bot", "cogs")
DATABASE_MODULES = {"aiosqlite", "sqlite3", "asyncpg"}
DATABASE_NAMES = {"database", "_database", "connection", "_connection", "cursor"}
_SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|"
    r"CREATE\s+TABLE|PRAGMA\s+\w+)\b",
    re.DOTALL,
)


def complaints(source: str) -> list[str]:
    """What in ``source`` knows about the database."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in DATABASE_NAMES:
            found.append(f"line {node.lineno}: .{node.attr}")
        elif isinstance(node, ast.Import):
            found += [
                f"line {node.lineno}: import {name.name}"
                for name in node.names
                if name.name.split(".")[0] in DATABASE_MODULES
            ]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = {name.name for name in node.names}
            if module.split(".")[0] in DATABASE_MODULES or (
                module == "data.database"
                or names & {"Database", "SqliteDatabase", "PostgresDatabase"}
            ):
                found.append(f"line {node.lineno}: from {module} import {', '.join(names)}")
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and _SQL.search(node.value)
        ):
            found.append(f"line {node.lineno}: SQL")
    return found


@pytest.mark.parametrize("package", ABOVE)
def test_nothing_above_data_knows_the_database(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = {str(file.relative_to(ROOT)): complaints(file.read_text("utf-8")) for file in files}
    assert {file: lines for file, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "bot.store.database.fetch('x')",
        "store._database",
        "import sqlite3",
        "from aiosqlite import connect",
        "from data.sqlite.database import SqliteDatabase",
        "import aiosqlite.core",
        "rows = find('SELECT id FROM jobs')",
        "f'DELETE FROM {table}'",
        "change('UPDATE jobs SET kept = 1')",
    ],
)
def test_what_is_forbidden_is_found(source):
    assert complaints(source)


@pytest.mark.parametrize(
    "source",
    [
        "await bot.store.check()",
        "logging.getLogger('aiosqlite')",
        "text = 'Select one from the list, or insert into it'",
        "from data.migrations import migrations",
    ],
)
def test_what_is_allowed_is_not(source):
    assert complaints(source) == []
