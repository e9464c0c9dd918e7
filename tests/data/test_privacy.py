"""What is kept of a person can be had whole and removed whole, by every keeper; and grows old."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile

import pytest

from data import Store
from data.guilds import TABLES
from data.people import LoggedAct, Preferences, Restriction
from data.privacy.alias import is_alias
from data.privacy.archives import archives
from data.privacy.keeper import Exported, TableKeeper
from engine.clock import DAY_MS, now_ms
from tests.data.test_store import HERE, added, painted
from tests.store_database import database_of

ANN, BOB = "123456789012345678", "223456789012345678"
PICTURE = b"ann's own picture"
SHA = hashlib.sha256(PICTURE).hexdigest()


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "data")
    yield store
    await store.close()


def traces(folder, id):
    """Where the bytes of ``id`` are found in a folder: in files, the database's log included."""
    return sorted(path.name for path in folder.rglob("*")
                  if path.is_file() and id.encode() in path.read_bytes())


async def lived(store):
    """All that may be kept of ann, and as much of bob, who has to do with her."""
    people = store.people
    for person in (ANN, BOB):
        await painted(store, f"a fox of {person}", person)
        await people.prefer(person, Preferences(64, 64, direct_message=True))
    mine = await painted(store, "from a picture", ANN, init_image=SHA,
                         pictures={SHA: PICTURE})
    his = await painted(store, "the same again", BOB, init_image=SHA)
    store.state_path(mine).write_bytes(b"half painted")
    await people.restrict(Restriction("100", ANN, "ban", moderator=BOB))
    await people.restrict(Restriction("100", BOB, "limit", 3, moderator=ANN))
    await people.note(LoggedAct("100", ANN, "stop", BOB, his))
    return mine, his


async def test_every_column_that_names_a_person_has_a_keeper(store):
    answered = set().union(*(keeper.columns for keeper in store.privacy.keepers))
    named = await store.privacy.person_columns()
    assert {("jobs", "person"), ("preferences", "person"),
            ("restrictions", "moderator")} <= named
    assert named - answered == set(), "these need a keeper in data.privacy.keepers"
    for table, column in answered:
        rows = await database_of(store).fetch("SELECT name FROM pragma_table_info(?)", table)
        assert column in [row["name"] for row in rows]


async def test_a_column_that_nobody_answers_for_is_noticed(store):
    await database_of(store).change("CREATE TABLE notes (id TEXT, written_by TEXT, author_id TEXT, "
                                "moderator TEXT, standby TEXT, personal TEXT)")
    found = {column for table, column in await store.privacy.person_columns() if table == "notes"}
    assert found == {"written_by", "author_id", "moderator"}


async def test_forgetting_leaves_no_row_no_file_and_no_name(store):
    mine, his = await lived(store)
    assert traces(store.folder, ANN)
    await store.privacy.forget(ANN)
    assert traces(store.folder, ANN) == []
    await store.privacy.forget(ANN)  # a second time does no harm
    # Nothing of bob's is gone but what was hers.
    assert await store.job(mine) is None
    assert await store.picture(his) == his.encode()
    assert await store.attachments(his) == {}
    assert [path.name for path in (store.folder / "pictures").iterdir()
            if mine in path.name] == []
    assert list((store.folder / "attachments").iterdir()) == []
    assert list((store.folder / "states").iterdir()) == []
    people = store.people
    assert await people.preferences(BOB) == Preferences(64, 64, direct_message=True)
    assert [act.moderator for act in await people.acts("100", 9)] == [None, None, BOB]


async def test_forgetting_closes_the_database_s_log_too(store):
    await lived(store)
    assert (store.folder / "imagine-bot.sqlite3-wal").stat().st_size
    await store.privacy.forget(ANN)
    assert (store.folder / "imagine-bot.sqlite3-wal").stat().st_size == 0


async def test_a_ban_outlives_the_name(store):
    people = store.people
    await people.restrict(Restriction("100", ANN, "ban", moderator=BOB))
    for _ in range(2):
        await store.privacy.forget(ANN)
        assert "ban" in await people.restrictions_of("100", ANN)
        [row] = await people.restrictions_in("100")
        assert is_alias(row.person)
        assert await people.restrictions_of("100", BOB) == {}
        # Banned anew under the name, and forgotten once more: still one ban.
        await people.restrict(Restriction("100", ANN, "ban", moderator=BOB))
    await store.privacy.forget(ANN)
    assert await people.lift("100", ANN, "ban", BOB)
    assert await people.restrictions_of("100", ANN) == {}
    assert traces(store.folder, ANN) == []


async def test_an_export_has_one_s_own_and_nobody_else_s_name(store):
    mine, his = await lived(store)
    found = await store.privacy.export(ANN)
    assert set(found.rows) == {"jobs", "restrictions", "moderation_log", "preferences"}
    assert [job["id"] for job in found.rows["jobs"]][1] == mine
    assert found.rows["jobs"][1]["request"]["init_image"] == SHA
    assert set(found.files) == {f"attachments/{SHA}", *(
        f"pictures/{job['id']}.png" for job in found.rows["jobs"])}
    text = json.dumps(found.rows)
    assert ANN in text
    assert BOB not in text
    assert f"pictures/{his}.png" not in found.files
    assert await store.privacy.export("323456789012345678") == Exported({}, {})
    # After she is forgotten, her ban is all there is to tell.
    await store.privacy.forget(ANN)
    assert set((await store.privacy.export(ANN)).rows) == {"restrictions"}


async def test_what_must_hold_a_name_gets_another(store):
    await database_of(store).change("CREATE TABLE notes (author TEXT NOT NULL)")
    await database_of(store).change("INSERT INTO notes (author) VALUES (?)", ANN)
    keeper = TableKeeper(database_of(store), "notes", names=["author"], instead="forgotten")
    await keeper.forget(ANN)
    assert await database_of(store).fetch("SELECT * FROM notes") == [{"author": "forgotten"}]


@pytest.mark.parametrize("limit", [3_000, 10_000, 1_000_000])
def test_archives_hold_all_within_the_limit(tmp_path, limit):
    noise = {f"pictures/{n}.png": os.urandom(size) for n, size in enumerate((10, 2_500, 9_000, 0))}
    for name, data in noise.items():
        (tmp_path / name.replace("/", "-")).write_bytes(data)
    files = {name: tmp_path / name.replace("/", "-") for name in noise}
    files["pictures/gone.png"] = tmp_path / "gone"
    rows = {"jobs": [{"prompt": f"a fox 🦊 {n}"} for n in range(300)]}
    found = {}
    parts = list(archives(Exported(rows, files), limit))
    for part in parts:
        assert len(part) <= limit
        with zipfile.ZipFile(io.BytesIO(part)) as archive:
            assert archive.testzip() is None
            for name in archive.namelist():
                assert name not in found
                found[name] = archive.read(name)
    assert len(parts) > 1 or limit == 1_000_000
    whole: dict[str, bytes] = {}
    for name in sorted(found, key=lambda name: (name.partition(".part")[0],
                                                int(name.partition(".part")[2] or 0))):
        whole[name.partition(".part")[0]] = whole.get(name.partition(".part")[0], b"") + (
            found[name])
    assert {name: data for name, data in whole.items() if name in noise} == noise
    assert json.loads(whole["jobs.json"]) == rows["jobs"]
    assert "README.txt" in whole
    assert "pictures/gone.png" not in whole


async def test_what_is_old_enough_goes_by_the_days_of_its_place(store):
    now = now_ms()
    ids = {}
    for name, days, guild in (("old", 31, "100"), ("young", 29, "100"), ("kept", 400, "101"),
                              ("direct", 8, None), ("waiting", 500, "100")):
        place = HERE if guild == "100" else type(HERE)(guild, "200")
        ids[name] = await (added if name == "waiting" else painted)(
            store, name, place=place, created_at=now - days * DAY_MS)
        if name != "waiting":
            await database_of(store).change("UPDATE jobs SET ended_at = ? WHERE id = ?",
                                        now - days * DAY_MS, ids[name])
    people = store.people
    await people.restrict(Restriction("100", ANN, "ban", expires_at=now - 1))
    await people.restrict(Restriction("101", ANN, "ban", expires_at=now + DAY_MS))
    await people.note(LoggedAct("100", BOB, "stop"))
    await database_of(store).change("UPDATE moderation_log SET created_at = ? WHERE act = 'stop'",
                                now - 31 * DAY_MS)

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


async def test_files_of_no_row_are_swept_away_once_they_are_old(store):
    id = await painted(store, "a fox")
    stray, young = "a" * 32, "b" * 32
    paths = [store.files.picture(stray), store.files.state(stray), store.files.attachment(SHA),
             store.folder / "pictures" / f".{id}.png.17.part"]
    for path in [*paths, store.files.picture(young), store.files.picture(id),
                 store.folder / "pictures" / "my own notes.txt"]:
        path.write_bytes(b"x")
        if path != store.files.picture(young):
            os.utime(path, (0, 0))
    assert await store.retention.sweep() == len(paths)
    assert sorted(path.name for path in (store.folder / "pictures").iterdir()) == sorted(
        [f"{id}.png", f"{young}.png", "my own notes.txt"])


async def test_what_servers_set_goes_a_while_after_the_bot_left_them(store):
    people, database = store.people, database_of(store)
    for guild in ("100", "200", "300"):
        await store.guilds.change_settings(guild, BOB, {"iterations": 5})
        await people.restrict(Restriction(guild, ANN, "ban", moderator=BOB))

    async def left():
        return {row["guild_id"] for name in TABLES
                for row in await database.fetch(f"SELECT guild_id FROM {name}")}  # noqa: S608

    day = DAY_MS
    assert await store.guilds.forget_departed({"100"}, 0) == 0
    assert await store.guilds.forget_departed({"100", "300"}, 10 * day) == 0  # 300 is back
    assert await store.guilds.forget_departed({"100"}, 29 * day) == 0  # and gone again
    assert await left() == {"100", "200", "300"}
    assert await store.guilds.forget_departed({"100"}, 30 * day) == 1
    assert await left() == {"100", "300"}
    assert await store.guilds.forget_departed({"100"}, 59 * day) == 1
    assert await left() == {"100"}
    assert await database.fetch("SELECT key FROM meta WHERE key LIKE 'left server %'") == []


async def test_every_table_of_servers_goes_with_them(store):
    of_servers = {table for table, column in await database_of(store).columns()
                  if column == "guild_id"}
    assert of_servers == {*TABLES, "jobs"}
