"""The open database of a store, for tests that look at its rows or change them."""

from __future__ import annotations

from data import Store
from data.database import Database


def database_of(store: Store) -> Database:
    """The database that the store hides from everything above ``data``."""
    return store._database
