"""Bans, limits, the moderators' log and preferences in the database."""

from __future__ import annotations

import time

import pytest

from data.people import LoggedAct, Preferences, Restriction
from tests.store_database import database_of

HERE, THERE = "100", "101"


@pytest.fixture
def people(store):
    return store.people


def now():
    return time.time_ns() // 1_000_000


def ban(person="ann", guild_id=HERE, **values):
    return Restriction(guild_id, person, "ban", moderator="mod", **values)


async def test_a_ban_is_in_force_in_its_server_until_it_is_lifted(people):
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
        ("unban", "ann", "other"),
        ("ban", "ann", "mod"),
    ]
    assert await people.acts(THERE, 9) == []


async def test_an_expired_ban_is_not_in_force(people):
    await people.restrict(ban(expires_at=now() - 1))
    assert await people.restrictions_of(HERE, "ann") == {}
    assert await people.restrictions_in(HERE) == []
    assert not await people.lift(HERE, "ann", "ban", "mod")
    await people.restrict(ban(expires_at=now() + 60_000))
    assert "ban" in await people.restrictions_of(HERE, "ann")


async def test_a_new_restriction_replaces_an_older_one_of_its_kind(people):
    await people.restrict(Restriction(HERE, "ann", "limit", 3, None, "mod"))
    await people.restrict(Restriction(HERE, "ann", "limit", None, 2, "mod"))
    await people.restrict(ban())
    found = await people.restrictions_of(HERE, "ann")
    assert set(found) == {"ban", "limit"}
    assert (found["limit"].a_day, found["limit"].waiting) == (None, 2)
    assert len(await people.acts(HERE, 9)) == 3


async def test_preferences_are_stored_and_defaults_leave_no_row(people, store):
    assert await people.preferences("ann") == Preferences()
    mine = Preferences(64, 32, 9, "tiny", direct_message=True, previews=False, relax=True)
    await people.prefer("ann", Preferences(64, 64))
    await people.prefer("ann", mine)
    assert await people.preferences("ann") == mine
    assert await people.preferences("bob") == Preferences()
    await people.prefer("ann", Preferences())
    assert await database_of(store).fetch("SELECT * FROM preferences") == []


async def test_moderators_actions_are_listed_newest_first(people):
    for act in ("stop", "delete"):
        await people.note(LoggedAct(HERE, "mod", act, "ann", "f" * 32))
    assert [act.act for act in await people.acts(HERE, 1)] == ["delete"]
