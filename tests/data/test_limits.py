"""A person's limits hold however many processes they ask at the same time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.errors import LimitError
from bot.guild.rules import GuildSettings
from bot.host.settings import LimitSettings
from bot.requests.asking import Asking
from bot.requests.busy import BusyPeople
from bot.requests.gate import Gate
from bot.requests.intake import Intake
from engine.errors import OvertakenError
from engine.jobs.queue import PaintQueue
from engine.request.request import make_request
from tests.bot.requests.origins import DIRECT, HERE, origin
from tests.data.stored_jobs import record
from tests.made_settings import made_settings

LIMITS = LimitSettings(max_jobs_per_person=3)


class Follower:
    """Nobody follows these jobs."""

    def follow(self, jobs, rules, **values):
        pass

    async def open_private(self, person, locale):
        raise AssertionError(person)


def intake(store, folder):
    """What a process has between a command and the store."""
    queue = PaintQueue(store)
    settings = GuildSettings(store.guilds, made_settings(folder, limits=LIMITS))
    return Intake(queue, settings, Gate(store, queue, LIMITS, BusyPeople()), Follower())


@pytest.mark.parametrize(
    ("place", "limits", "most"),
    [
        (DIRECT, {}, 3),  # the host's, of jobs in the queue
        (HERE, {"jobs_waiting": 2}, 2),
        (HERE, {"jobs_a_day": 2}, 2),
        (HERE, {"cooldown": 60}, 1),
    ],
)
async def test_processes_that_are_asked_at_once_accept_no_more_than_one_would(
    stores, tmp_path, place, limits, most
):
    await stores[0].guilds.change_settings(HERE.guild_id, "mod", limits)
    processes = [intake(store, tmp_path) for store in stores]
    asked = await asyncio.gather(
        *(processes[i % 3].ask(Asking(origin(place), make_request(f"fox {i}"))) for i in range(9)),
        return_exceptions=True,
    )
    refused = [answer for answer in asked if isinstance(answer, BaseException)]
    assert all(isinstance(answer, LimitError) for answer in refused), refused
    assert len(asked) - len(refused) == most
    assert len(await stores[1].unfinished_of(origin().person)) == most


async def test_a_job_is_added_only_after_the_one_that_was_seen(stores):
    newest = await stores[0].newest_of("ann")
    assert newest == 0
    await stores[0].add(replace(record("a fox", "ann"), after=newest), {})
    late = replace(record("a hen", "ann"), after=newest)
    with pytest.raises(OvertakenError):
        await stores[1].add(late, {})
    assert await stores[1].job(late.id) is None
    await stores[1].add(replace(record("a hen", "bob"), after=0), {})  # of somebody else
    await stores[1].add(replace(late, after=await stores[1].newest_of("ann")), {})


async def test_a_grid_counts_as_its_pictures_in_every_process(stores, tmp_path):
    first, second = (intake(store, tmp_path) for store in stores[:2])
    assert len(await first.ask(Asking(origin(), make_request("a fox", count=2)))) == 2
    with pytest.raises(LimitError, match="room for 1 more"):
        await second.ask(Asking(origin(), make_request("a fox", count=2)))
    assert len(await second.ask(Asking(origin(), make_request("a fox")))) == 1
