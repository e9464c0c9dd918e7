"""Data folders with jobs in them, and damage to their database."""

from __future__ import annotations

import os
import uuid

from data import Store
from engine.jobs.job import JobRecord, Place
from engine.request.request import make_request
from tests.store_database import database_of

NAME = "imagine-bot.sqlite3"


async def asked(store, prompt="a fox"):
    id = uuid.uuid4().hex
    await store.add(JobRecord(id, make_request(prompt, seed=7), "ann", Place("1", "2"), 1_000), {})
    return id


async def filled(folder, count=300):
    """A closed data folder with enough jobs for several pages; returns their ids."""
    store = await Store.open(folder)
    ids = [await asked(store, "of a fox " * 20)]
    ids += [uuid.uuid4().hex for _ in range(count - 1)]
    async with database_of(store).transaction() as transaction:
        for id in ids[1:]:
            await transaction.change(
                "INSERT INTO jobs (id, sequence, person, channel_id, locale, request, prompt, "
                "seed, state, created_at) SELECT ?, (SELECT MAX(sequence) + 1 FROM jobs), person, "
                "channel_id, locale, request, prompt, seed, state, created_at FROM jobs "
                "WHERE id = ?",
                id,
                ids[0],
            )
    await store.close()
    return ids


def spoil(path, start=3):
    """Write garbage into the middle of the file, from page ``start`` on; the header stays."""
    with path.open("r+b") as file:
        file.seek(start * 4096)
        file.write(os.urandom(8 * 4096))


async def ids_in(folder):
    store = await Store.open(folder)
    try:
        return {row["id"] for row in await database_of(store).fetch("SELECT id FROM jobs")}
    finally:
        await store.close()
