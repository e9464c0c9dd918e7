"""Several open stores that change the same rows at the same time, as several processes do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.guild.rules import GuildSettings
from data.people import Preferences, Restriction
from data.picture_checks import Finding
from tests.data.stored_jobs import added
from tests.made_settings import made_settings
from tests.store_database import database_of


async def test_every_job_has_a_number_of_its_own_in_the_order_of_arrival(stores):
    first = [await added(stores[i % 3], f"first {i}") for i in range(3)]
    ids = await asyncio.gather(*(added(stores[i % 3], f"a fox {i}") for i in range(30)))
    rows = await database_of(stores[0]).fetch("SELECT id, sequence FROM jobs ORDER BY sequence")
    assert len({row["sequence"] for row in rows}) == 33
    assert [row["id"] for row in rows][:3] == first
    assert {row["id"] for row in rows[3:]} == set(ids)


async def test_no_two_take_over_the_same_job(stores, open_store):
    dead = await open_store(stores[0].folder)
    ids = {await added(dead) for _ in range(20)}
    await dead.close()
    taken = await asyncio.gather(*(store.waiting() for store in stores))
    found = [record.id for records in taken for record in records]
    assert len(found) == len(set(found))
    assert set(found) <= ids
    rest = await asyncio.gather(*(store.adopted() for store in stores))
    found += [record.id for records, _ in rest for record in records]
    assert sorted(found) == sorted(ids)


async def test_changes_of_one_setting_follow_each_other_in_the_log(stores):
    await asyncio.gather(
        *(
            stores[i % 3].guilds.change_settings("1", f"mod {i}", {"iterations": i})
            for i in range(12)
        )
    )
    log = await stores[0].guilds.settings_log("1", limit=20)
    assert len(log) == 12
    assert [change.before for change in log] == [*(each.after for each in log[1:]), None]
    assert await stores[1].guilds.settings("1") == {"iterations": log[0].after}


async def test_no_change_of_a_list_or_a_map_is_lost(stores, tmp_path):
    """Each process reads the list, changes it and writes it back."""
    processes = [GuildSettings(store.guilds, made_settings(tmp_path)) for store in stores]

    def add(number):
        def changed(rules):
            by_role = dict(rules.items("jobs_a_day_by_role"))
            return {
                "blocked_words": [*rules.items("blocked_words"), f"word {number}"],
                "jobs_a_day_by_role": {**by_role, str(10**17 + number): number},
            }

        return changed

    await asyncio.gather(*(processes[i % 3].change("1", "mod", add(i)) for i in range(12)))
    rules = await processes[0].rules("1")
    assert sorted(rules.items("blocked_words")) == sorted(f"word {i}" for i in range(12))
    assert sorted(rules.items("jobs_a_day_by_role").values()) == list(range(12))
    log = [each for each in await processes[1].log("1", limit=30) if each.name == "blocked_words"]
    assert [len(each.after) for each in log] == list(range(12, 0, -1))


async def test_no_change_of_a_preference_is_lost(stores):
    given = ({"iterations": 7}, {"model": "tiny"}, {"previews": False})
    await asyncio.gather(
        *(
            store.people.change_preferences(
                "ann", lambda before, each=each: replace(before, **each)
            )
            for store, each in zip(stores, given, strict=True)
        )
    )
    mine = await stores[0].people.preferences("ann")
    assert mine == Preferences(iterations=7, model="tiny", previews=False)


async def test_one_restriction_and_one_lift_are_in_force_and_logged(stores):
    await asyncio.gather(
        *(
            store.people.restrict(Restriction("1", "ann", "ban", moderator=f"mod {i}"))
            for i, store in enumerate(stores * 3)
        )
    )
    assert len(await stores[0].people.restrictions_in("1")) == 1
    lifts = await asyncio.gather(*(store.people.lift("1", "ann", "ban", "mod") for store in stores))
    assert len([act for act in lifts if act is not None]) == 1
    acts = [act.act for act in await stores[0].people.acts("1", 20)]
    assert acts == ["unban", *["ban"] * 9]


async def test_rows_that_all_write_are_written_once(stores):
    finding = Finding("1", "a" * 32, "ann", "blood", 0.9, "warn")
    await asyncio.gather(
        *(store.picture_checks.add([finding]) for store in stores),
        *(store.people.prefer("ann", Preferences(64, 64)) for store in stores),
        *(store.guilds.forget_departed({"2"}, 5) for store in stores),
    )
    assert len(await stores[0].picture_checks.findings("1", 9)) == 1
    assert await stores[0].people.preferences("ann") == Preferences(64, 64)


async def test_a_bot_is_claimed_once(stores):
    claims = await asyncio.gather(
        *(store.running_bots.claim("1") for store in stores), return_exceptions=True
    )
    assert sorted(claim is None for claim in claims) == [False, False, True]
