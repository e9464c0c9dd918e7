"""Deleting what was kept long enough, and orphaned files."""

from __future__ import annotations

import os

from data.people import LoggedAct, Restriction
from engine.clock import DAY_MS, now_ms
from tests.data.stored_jobs import HERE, added, painted
from tests.store_database import database_of

ANN, BOB = "123456789012345678", "223456789012345678"
SHA = "c" * 64


async def test_jobs_expire_by_the_days_of_their_server(store):
    now = now_ms()
    ids = {}
    for name, days, guild in (
        ("old", 31, "100"),
        ("young", 29, "100"),
        ("kept", 400, "101"),
        ("direct", 8, None),
        ("waiting", 500, "100"),
    ):
        place = HERE if guild == "100" else type(HERE)(guild, "200")
        ids[name] = await (added if name == "waiting" else painted)(
            store, name, place=place, created_at=now - days * DAY_MS
        )
        if name != "waiting":
            await database_of(store).change(
                "UPDATE jobs SET ended_at = ? WHERE id = ?", now - days * DAY_MS, ids[name]
            )
    people = store.people
    await people.restrict(Restriction("100", ANN, "ban", expires_at=now - 1))
    await people.restrict(Restriction("101", ANN, "ban", expires_at=now + DAY_MS))
    await people.note(LoggedAct("100", BOB, "stop"))
    await database_of(store).change(
        "UPDATE moderation_log SET created_at = ? WHERE act = 'stop'", now - 31 * DAY_MS
    )

    async def days_of(guild_id):
        return {"100": 30, "101": None, None: 7}[guild_id]

    assert await store.retention.expire(days_of, 30) == 2
    rows = await database_of(store).fetch("SELECT prompt FROM jobs ORDER BY prompt")
    assert [row["prompt"] for row in rows] == ["kept", "waiting", "young"]
    assert not store.files.picture(ids["old"]).exists()
    assert store.files.picture(ids["young"]).exists()
    rows = await database_of(store).fetch("SELECT guild_id FROM restrictions")
    assert [row["guild_id"] for row in rows] == ["101"]
    assert [act.act for act in await people.acts("100", 9)] == ["ban"]
    assert await store.retention.expire(days_of, None) == 0


async def test_old_orphaned_files_are_deleted(store):
    id = await painted(store, "a fox")
    stray, young = "a" * 32, "b" * 32
    paths = [
        store.files.picture(stray),
        store.files.state(stray),
        store.files.attachment(SHA),
        store.folder / "pictures" / f".{id}.png.17.part",
    ]
    for path in [
        *paths,
        store.files.picture(young),
        store.files.picture(id),
        store.folder / "pictures" / "my own notes.txt",
    ]:
        path.write_bytes(b"x")
        if path != store.files.picture(young):
            os.utime(path, (0, 0))
    assert await store.retention.sweep() == len(paths)
    assert sorted(path.name for path in (store.folder / "pictures").iterdir()) == sorted(
        [f"{id}.png", f"{young}.png", "my own notes.txt"]
    )
