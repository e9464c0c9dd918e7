"""The numbered scripts that make the tables, for every kind of database.

They are written for SQLite; data.dialect says what is replaced for PostgreSQL.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from data.errors import StoreError

_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")


def migrations() -> list[tuple[int, str]]:
    """(version, script) of every migration in the package, in ascending order."""
    found = []
    for file in resources.files("data.migrations").iterdir():
        name = _NAME.fullmatch(file.name)
        if name is not None:
            found.append((int(name[1]), file.read_text("utf-8")))
    return sorted(found)


def check_known(version: int, scripts: Sequence[tuple[int, str]], name: object) -> None:
    """Raise StoreError if the database ``name`` has a newer ``version`` than the last script."""
    newest = max((number for number, _ in scripts), default=0)
    if version > newest:
        raise StoreError(
            "The database {path} was written by a newer imagine-bot (version "
            "{version}; this one knows {newest}). Update the bot.",
            path=name,
            version=version,
            newest=newest,
        )
