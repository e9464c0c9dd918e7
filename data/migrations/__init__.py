"""The numbered scripts that make the tables, for every kind of database.

They are written for SQLite; data.dialect says what is replaced for PostgreSQL.
"""

from __future__ import annotations

import re
from importlib import resources

_NAME = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")


def migrations() -> list[tuple[int, str]]:
    """(version, script) of every migration in the package, in ascending order."""
    found = []
    for file in resources.files("data.migrations").iterdir():
        name = _NAME.fullmatch(file.name)
        if name is not None:
            found.append((int(name[1]), file.read_text("utf-8")))
    return sorted(found)
