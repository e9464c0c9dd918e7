"""What the bot remembers: jobs and their places in SQLite, pictures as files beside it."""

from __future__ import annotations

from data.store import Store, data_folder
from data.stored import StoredJob

__all__ = ["Store", "StoredJob", "data_folder"]
