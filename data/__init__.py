"""What the bot stores: jobs, settings and people in a database, pictures as files."""

from __future__ import annotations

from data.jobs.stored import StoredJob
from data.store import Store, data_folder

__all__ = ["Store", "StoredJob", "data_folder"]
