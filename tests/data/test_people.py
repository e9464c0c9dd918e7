"""Bans, limits, the moderators' log and preferences, as they are written down."""

from __future__ import annotations

import time

import pytest

from data import Store
from data.errors import StoreError
from data.people import LoggedAct, Preferences, Restriction
from data.privacy.alias import KEY_FILE, Aliases, is_alias
from tests.data.test_store import added, painted
from tests.store_database import database_of

HERE, THERE = "100", "101"


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "data")
    yield store
    await store.close()


@pytest.fixture
def people(store):
    return store.people


def now():
    return time.time_ns() // 1_000_000


def ban(person="ann", guild_id=HERE, **values):
    return Restriction(guild_id, person, "ban", moderator="mod", **values)


async def test_a_ban_holds_in_its_server_until_it_is_lifted(people):
    await people.restrict(ban())
    [(kind, found)] = (await people.restrictions_of(HERE, "ann")).items()
    assert (kind, found.person, found.moderator, found.expires_at) == ("ban", "ann", "mod", None)
    assert await people.restrictions_of(THERE, "ann") == {}
    assert await people.restrictions_of(HERE, "bob") == {}
    assert not await people.lift(HERE, "ann", "limit", "mod")
    assert not await people.lift(THERE, "ann", "ban", "mod")
    assert await people.lift(HERE, "ann", "ban", "other")
    assert await people.restrictions_in(HERE) == []
    assert [(act.act, act.person, act.moderator) for act in await people.acts(HERE, 9)] == [
        ("unban", "ann", "other"), ("ban", "ann", "mod")]
    assert await people.acts(THERE, 9) == []


async def test_one_that_has_run_out_holds_no_longer(people):
    await people.restrict(ban(expires_at=now() - 1))
    assert await people.restrictions_of(HERE, "ann") == {}
    assert await people.restrictions_in(HERE) == []
    assert not await people.lift(HERE, "ann", "ban", "mod")
    await people.restrict(ban(expires_at=now() + 60_000))
    assert "ban" in await people.restrictions_of(HERE, "ann")


async def test_a_newer_one_takes_the_place_of_the_older(people):
    await people.restrict(Restriction(HERE, "ann", "limit", 3, None, "mod"))
    await people.restrict(Restriction(HERE, "ann", "limit", None, 2, "mod"))
    await people.restrict(ban())
    found = await people.restrictions_of(HERE, "ann")
    assert set(found) == {"ban", "limit"}
    assert (found["limit"].a_day, found["limit"].waiting) == (None, 2)
    assert len(await people.acts(HERE, 9)) == 3


async def test_preferences_are_kept_whole_and_the_defaults_leave_no_row(people, store):
    assert await people.preferences("ann") == Preferences()
    mine = Preferences(64, 32, 9, "tiny", direct_message=True, previews=False)
    await people.prefer("ann", Preferences(64, 64))
    await people.prefer("ann", mine)
    assert await people.preferences("ann") == mine
    assert await people.preferences("bob") == Preferences()
    await people.prefer("ann", Preferences())
    assert await database_of(store).fetch("SELECT * FROM preferences") == []


async def test_an_alias_is_of_one_person_and_one_folder(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    one, again, two = Aliases(folders[0]), Aliases(folders[0]), Aliases(folders[1])
    assert await one.find("123456789012345678") is None
    assert list(folders[0].iterdir()) == []  # nobody was forgotten: no key is needed
    alias = await one.of("123456789012345678")
    assert is_alias(alias)
    assert not is_alias("123456789012345678")
    assert alias == await again.find("123456789012345678")
    assert alias == await again.of("123456789012345678")
    assert alias != await one.of("123456789012345679")
    assert alias != await two.of("123456789012345678")
    key = folders[0] / KEY_FILE
    assert [path.name for path in folders[0].iterdir()] == [KEY_FILE]
    assert key.stat().st_mode & 0o077 == 0
    key.write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes instead of 32"):
        await Aliases(folders[0]).of("1")


async def test_jobs_of_a_server_are_found_by_words_id_and_message(store):
    jobs = store.server_jobs
    fox = await painted(store, "A red fox", "ann")
    hen = await added(store, "a hen: 100%", "bob")
    await store.set_result_message(fox, "900000000000000001")
    assert [job.id for job in await jobs.recent("100")] == [hen, fox]
    assert [job.id for job in await jobs.recent("100", person="ann")] == [fox]
    assert [job.id for job in await jobs.recent("100", words="RED")] == [fox]
    assert [job.id for job in await jobs.recent("100", words="0%")] == [hen]
    assert await jobs.recent("100", words="r%x") == []
    assert [job.id for job in await jobs.recent("100", words=hen[:8])] == [hen]
    for text in (fox, fox[:8].upper(), "900000000000000001",
                 "https://discord.com/channels/100/200/900000000000000001"):
        found = await jobs.find("100", text)
        assert found is not None
        assert found.id == fox
        assert await jobs.find("101", text) is None
    for text in ("", "fox", "%", "______", fox[:5], "900000000000000002"):
        assert await jobs.find("100", text) is None


async def test_what_was_deleted_since_was_asked_for_all_the_same(store):
    jobs, began = store.server_jobs, now()
    id = await added(store, "a fox", "ann", created_at=began)
    await store.guilds.add_usage("100", "ann", id, began)
    await store.guilds.add_usage("100", "ann", "f" * 32, began + 5)
    await added(store, "a hen", "ann", created_at=began - 10)
    assert await jobs.asked_since("100", "ann", began - 1) == [began, began + 5]
    await store.delete(id)
    assert await jobs.asked_since("100", "ann", began - 1) == [began, began + 5]
    assert await jobs.asked_since("101", "ann", 0) == []


async def test_acts_are_listed_newest_first(people):
    for act in ("stop", "delete"):
        await people.note(LoggedAct(HERE, "mod", act, "ann", "f" * 32))
    assert [act.act for act in await people.acts(HERE, 1)] == ["delete"]
