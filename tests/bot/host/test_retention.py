"""Pictures are deleted after the host's or the server's number of days, the lower one."""

from __future__ import annotations

import pytest

from bot.host.retention import LAST_RUN, Retention
from bot.host.settings import PrivacySettings
from data.people import Restriction
from engine.clock import DAY_MS, now_ms
from engine.jobs.job import Place
from tests.data.stored_jobs import painted
from tests.store_database import database_of


def made_retention(store, host_days, server_days=None, servers=None):
    async def chosen(guild_id):
        return server_days

    return Retention(store, PrivacySettings(retention_days=host_days), chosen, lambda: servers)


@pytest.mark.parametrize(
    ("host", "server", "days"),
    [(365, None, 365), (365, 30, 30), (30, 365, 30), (0, 30, 30), (0, None, None)],
)
async def test_the_lower_number_of_days_counts(store, host, server, days):
    retention = made_retention(store, host, server)
    assert await retention.days_of("100") == days
    assert await retention.days_of(None) == (host or None)


async def test_a_run_deletes_old_jobs_and_records_that_it_ran(store):
    here, direct = Place("100", "200"), Place(None, "300")
    ids = [await painted(store, place=place) for place in (here, direct)]
    for id in ids:
        await database_of(store).change(
            "UPDATE jobs SET delivered_at = 1, ended_at = ended_at - ? WHERE id = ?", 8 * DAY_MS, id
        )
    assert await made_retention(store, 365, server_days=7).run() == 1
    assert [await store.job(id) is None for id in ids] == [True, False]
    assert int(await store.get_meta(LAST_RUN)) > 0
    assert await made_retention(store, 7).run() == 1
    assert await store.job(ids[1]) is None


@pytest.mark.parametrize(("servers", "kept"), [(None, True), ({"100"}, True), (set(), False)])
async def test_a_server_is_forgotten_only_if_the_bot_is_known_to_have_left(
    store, monkeypatch, servers, kept
):
    people = store.people
    await people.restrict(Restriction("100", "1", "ban", moderator="2"))
    retention = made_retention(store, 365, servers=servers)
    await retention.run()
    later = now_ms() + 31 * DAY_MS
    monkeypatch.setattr("bot.host.retention.now_ms", lambda: later)
    await retention.run()
    assert bool(await people.restrictions_in("100")) is kept
