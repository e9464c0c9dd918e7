"""What the bot remembers: jobs and their places in SQLite, pictures as files beside it."""

from __future__ import annotations

from data.jobs.stored import StoredJob
from data.store import Store, data_folder

__all__ = ["Store", "StoredJob", "data_folder"]
