"""A person's data can be exported and deleted completely, by every keeper."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from data.people import LoggedAct, Preferences, Restriction
from data.privacy.alias import is_alias
from data.privacy.keeper import Exported, TableKeeper
from tests.data.stored_jobs import painted
from tests.databases import open_database
from tests.store_database import database_of

ANN, BOB = "123456789012345678", "223456789012345678"
PICTURE = b"ann's own picture"
SHA = hashlib.sha256(PICTURE).hexdigest()


ON_FILE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def traces(folder, id):
    """The files of a folder that contain the bytes of ``id``, the database's log included."""
    return sorted(
        path.name
        for path in folder.rglob("*")
        if path.is_file() and id.encode() in path.read_bytes()
    )


async def all_traces(store, id):
    """These files, and the tables of a server."""
    found, database = traces(store.folder, id), database_of(store)
    for table in {table for table, _ in await database.columns()}:
        if not store.on_file and id in str(await database.scan(f"SELECT * FROM {table}")):  # noqa: S608
            found.append(table)
    return found


async def lived(store):
    """Store all kinds of data about ann, and about bob, who has to do with her."""
    people = store.people
    for person in (ANN, BOB):
        await painted(store, f"a fox of {person}", person)
        await people.prefer(person, Preferences(64, 64, direct_message=True))
    mine = await painted(store, "from a picture", ANN, init_image=SHA, pictures={SHA: PICTURE})
    his = await painted(store, "the same again", BOB, init_image=SHA)
    store.state_path(mine).write_bytes(b"half painted")
    for person in (ANN, BOB):
        await store.styles.add(person, "ink", f"ink of {person}", 5)
        await store.styles.use(person, "ink")
    await store.styles.share("100", ANN, "wash", "watercolour", 5)
    await people.restrict(Restriction("100", ANN, "ban", moderator=BOB))
    await people.restrict(Restriction("100", BOB, "limit", 3, moderator=ANN))
    await people.note(LoggedAct("100", ANN, "stop", BOB, his))
    return mine, his


async def test_every_column_that_names_a_person_has_a_keeper(store):
    answered = set().union(*(keeper.columns for keeper in store.privacy.keepers))
    named = await store.privacy.person_columns()
    assert {("jobs", "person"), ("preferences", "person"), ("restrictions", "moderator")} <= named
    assert named - answered == set(), "these need a keeper in Privacy.keepers"
    for table, column in answered:
        assert (table, column) in await database_of(store).columns()


async def test_a_column_without_a_keeper_is_noticed(store):
    await database_of(store).change(
        "CREATE TABLE notes (id TEXT, written_by TEXT, author_id TEXT, "
        "moderator TEXT, standby TEXT, personal TEXT)"
    )
    found = {column for table, column in await store.privacy.person_columns() if table == "notes"}
    assert found == {"written_by", "author_id", "moderator"}


async def test_forgetting_leaves_no_row_no_file_and_no_name(store):
    mine, his = await lived(store)
    assert await all_traces(store, ANN)
    await store.privacy.forget(ANN)
    assert await all_traces(store, ANN) == []
    await store.privacy.forget(ANN)  # a second time changes nothing
    # Bob has lost only what was hers.
    assert await store.job(mine) is None
    assert await store.picture(his) == his.encode()
    assert await store.attachments(his) == {}
    assert [path.name for path in (store.folder / "pictures").iterdir() if mine in path.name] == []
    assert list((store.folder / "attachments").iterdir()) == []
    assert list((store.folder / "states").iterdir()) == []
    people = store.people
    assert await people.preferences(BOB) == Preferences(64, 64, direct_message=True)
    assert [act.moderator for act in await people.acts("100", 9)] == [None, None, BOB]
    assert await store.styles.of_person(ANN) == []
    assert [style.name for style in await store.styles.of_person(BOB)] == ["ink"]
    assert [style.words for style in await store.styles.of_server("100")] == ["watercolour"]


@ON_FILE
async def test_forgetting_empties_the_database_s_log(store):
    await lived(store)
    assert (store.folder / "imagine-bot.sqlite3-wal").stat().st_size
    await store.privacy.forget(ANN)
    assert (store.folder / "imagine-bot.sqlite3-wal").stat().st_size == 0


@ON_FILE
async def test_a_log_that_is_in_use_is_emptied_later(store, monkeypatch):
    monkeypatch.setattr("data.privacy.personal_data.AGAIN_SECONDS", 0.05)
    await lived(store)
    with open_database(store.folder / "imagine-bot.sqlite3") as backup:
        backup.execute("BEGIN")
        backup.execute("SELECT id FROM jobs").fetchall()
        await store.privacy.forget(ANN)
        assert (store.folder / "imagine-bot.sqlite3-wal").stat().st_size
    for _ in range(200):
        if not await all_traces(store, ANN):
            break
        await asyncio.sleep(0.05)
    assert await all_traces(store, ANN) == []


async def test_a_ban_stays_in_force_after_the_person_was_forgotten(store):
    people = store.people
    await people.restrict(Restriction("100", ANN, "ban", moderator=BOB))
    for _ in range(2):
        await store.privacy.forget(ANN)
        assert "ban" in await people.restrictions_of("100", ANN)
        [row] = await people.restrictions_in("100")
        assert is_alias(row.person)
        assert await people.restrictions_of("100", BOB) == {}
        # Banned again under the name, and forgotten again: still one ban.
        await people.restrict(Restriction("100", ANN, "ban", moderator=BOB))
    await store.privacy.forget(ANN)
    assert await people.lift("100", ANN, "ban", BOB)
    assert await people.restrictions_of("100", ANN) == {}
    assert await all_traces(store, ANN) == []


async def test_an_export_has_no_other_person_s_name(store):
    mine, his = await lived(store)
    found = await store.privacy.export(ANN)
    assert set(found.rows) == {
        "jobs",
        "guild_usage",
        "restrictions",
        "moderation_log",
        "preferences",
        "styles",
        "used_styles",
        "server_styles",
    }
    assert [job["id"] for job in found.rows["jobs"]][1] == mine
    assert found.rows["jobs"][1]["request"]["init_image"] == SHA
    assert set(found.files) == {
        f"attachments/{SHA}",
        *(f"pictures/{job['id']}.png" for job in found.rows["jobs"]),
    }
    text = json.dumps(found.rows)
    assert ANN in text
    assert BOB not in text
    assert f"pictures/{his}.png" not in found.files
    assert await store.privacy.export("323456789012345678") == Exported({}, [])
    # Once she is forgotten, only her ban is left.
    await store.privacy.forget(ANN)
    assert set((await store.privacy.export(ANN)).rows) == {"restrictions"}


async def test_a_required_name_is_replaced(store):
    await database_of(store).change("CREATE TABLE notes (author TEXT NOT NULL)")
    await database_of(store).change("INSERT INTO notes (author) VALUES (?)", ANN)
    keeper = TableKeeper(database_of(store), "notes", names=["author"], instead="forgotten")
    await keeper.forget(ANN)
    assert await database_of(store).fetch("SELECT * FROM notes") == [{"author": "forgotten"}]
