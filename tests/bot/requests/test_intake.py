"""Requests pass the gates, are queued, followed and acknowledged, one at a time per user."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest

from bot.errors import ClosingError, GoneError, LimitError
from bot.guild.rules import GuildSettings
from bot.host.settings import LimitSettings
from bot.requests.asking import Asking
from bot.requests.busy import BusyPeople
from bot.requests.continuation import continuation_of
from bot.requests.gate import Gate
from bot.requests.intake import Intake
from bot.requests.picture import picture_from_bytes
from bot.requests.time_lapse import time_lapse_of
from engine.errors import RequestError, UnknownModelError
from engine.jobs.queue import PaintQueue
from engine.request.request import make_request
from tests.bot.discord_edge import ALICE, BOB, refusal
from tests.bot.requests.origins import HERE, origin
from tests.data.stored_jobs import painted


class CountedSettings(GuildSettings):
    """Server settings that count how often they are loaded."""

    loads = 0

    async def rules(self, guild_id):
        self.loads += 1
        return await super().rules(guild_id)


class Follower:
    """Records the jobs that it is given to follow."""

    def __init__(self):
        self.followed = []

    def follow(self, jobs, rules, *, answers=None, message_id=None, tell=None):
        self.followed += [(job, rules, answers) for job in jobs]


@pytest.fixture
def guild_settings(store, settings):
    return CountedSettings(store.guilds, settings)


@pytest.fixture
def queue(store):
    return PaintQueue(store)


@pytest.fixture
def follower():
    return Follower()


@pytest.fixture
def gate(store, queue):
    return Gate(store, queue, LimitSettings(max_jobs_per_person=2), BusyPeople())


@pytest.fixture
def intake(queue, guild_settings, gate, follower):
    return Intake(queue, guild_settings, gate, follower)


def asked(who, prompt, **values):
    return Asking(who, make_request(prompt, **values))


async def test_a_job_is_stored_and_followed_before_it_is_acknowledged(
    store, intake, queue, follower
):
    told = []

    async def tell(text):
        [job] = queue.overview()
        assert await store.job(job.id) is not None
        told.append(text)

    await intake.ask(asked(origin(tell=tell), "a fox"))
    [(job, _, answers)] = follower.followed
    assert (job.person, job.place, answers) == (str(ALICE), HERE, None)
    assert len(told) == 1
    assert told[0].startswith("Queued")


async def test_a_message_is_answered_only_by_the_progress_message(intake, follower):
    await intake.ask(asked(origin(message_id=77), "a fox"))
    assert [answers for _, _, answers in follower.followed] == [77]


async def test_the_rules_are_loaded_once_and_passed_along(
    intake, gate, guild_settings, follower, configure
):
    await configure(language="de")
    guild_settings.loads, seen = 0, []

    async def check(asking, request, rules):
        seen.append(rules)
        return request

    gate.checks += [check, check]
    await intake.ask(asked(origin(), "a fox"))
    [(job, rules, _)] = follower.followed
    assert guild_settings.loads == 1
    assert seen == [rules, rules]
    assert job.place.locale == "de"


async def test_each_gate_gets_the_request_from_the_gate_before(intake, gate, queue):
    async def first(asking, request, rules):
        return request.with_values(iterations=7)

    async def second(asking, request, rules):
        return request.with_values(cutouts=request.iterations)

    gate.checks += [first, second]
    await intake.ask(asked(origin(), "a fox"))
    [job] = queue.overview()
    assert (job.request.iterations, job.request.cutouts) == (7, 7)


async def test_refused_requests_are_not_queued(intake, gate, queue, follower):
    async def check(asking, request, rules):
        if request.prompt == "a hen":
            raise LimitError("no hens")
        return request

    gate.checks.append(check)
    for request, error in (
        (make_request("a hen"), LimitError),
        (make_request("a fox", iterations=5000), LimitError),
        (make_request("a fox", width=2048, height=2048), LimitError),
        (make_request("a fox", model="none"), UnknownModelError),
    ):
        with pytest.raises(error):
            await intake.ask(Asking(origin(), request))
    with pytest.raises(RequestError):  # its picture is not there
        await intake.ask(asked(origin(), "a fox", init_image="0" * 64))
    assert queue.overview() == follower.followed == []


async def test_pictures_are_stored_with_the_job(store, intake, queue):
    picture = picture_from_bytes(b"a picture")
    await intake.ask(Asking(origin(), make_request("a fox", init_image=picture.sha256), [picture]))
    [job] = queue.overview()
    assert await store.attachments(job.id) == {picture.sha256: b"a picture"}


async def test_requests_of_one_user_are_handled_one_at_a_time(intake, gate, queue):
    running, most = 0, 0
    waits_for_another, another = False, asyncio.Event()

    async def check(asking, request, rules):
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            another.set()
        await (asyncio.wait_for(another.wait(), 10) if waits_for_another else asyncio.sleep(0.01))
        running -= 1
        return request

    gate.checks.append(check)
    outcomes = await asyncio.gather(
        *(intake.ask(asked(origin(), "a fox")) for _ in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes].count(LimitError) == 3
    assert len(queue.overview()) == 2
    assert most == 1
    waits_for_another = True
    await asyncio.gather(
        *(intake.ask(asked(origin(person=person), "a fox")) for person in (BOB, 333))
    )
    assert most == 2  # different people do not wait for each other


async def test_asked_waits_for_requests_in_progress(intake, gate, queue):
    go_on = asyncio.Event()

    async def check(asking, request, rules):
        await go_on.wait()
        return request

    gate.checks.append(check)
    taking = asyncio.create_task(intake.ask(asked(origin(), "a fox")))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(intake.asked(str(ALICE)))
    await intake.asked(str(BOB))
    assert not waiting.done()
    go_on.set()
    await waiting
    assert len(queue.overview()) == 1
    await taking


@pytest.mark.parametrize("trouble", [refusal(500), aiohttp.ClientError(), TimeoutError()])
async def test_a_lost_acknowledgement_loses_no_job(intake, queue, follower, trouble):
    async def tell(text):
        raise trouble

    await intake.ask(asked(origin(tell=tell), "a fox"))
    assert len(queue.overview()) == len(follower.followed) == 1


async def test_a_continuation_is_limited_by_its_remaining_work(store, intake, gate, queue):
    stored = await store.job(await painted(store, "a fox", str(ALICE), HERE, iterations=900))
    store.state_path(stored.id).write_bytes(b"half painted")
    continuation = continuation_of(stored)
    judged = []

    async def check(asking, request, rules):
        judged.append(request)
        return request.with_values(iterations=1)

    gate.checks.append(check)
    await intake.ask(Asking(origin(), continuation.request, continues=continuation))
    [job] = queue.overview()
    assert judged == [continuation.work]
    assert job.request.iterations == 900
    assert store.state_path(job.id).read_bytes() == b"half painted"


async def test_an_edit_that_changed_nothing_is_not_continued(store):
    stored = await store.job(await painted(store, "a fox", str(ALICE), HERE))
    request = make_request("a fox", init_image="a" * 64, strength=0)
    with pytest.raises(GoneError, match="strength 0"):
        continuation_of(replace(stored, request=request))
    with pytest.raises(GoneError, match="no time-lapse"):
        time_lapse_of(replace(stored, request=request))


async def test_nothing_is_accepted_after_closing(intake, queue):
    intake.close()
    with pytest.raises(ClosingError, match="restarting"):
        await intake.ask(asked(origin(), "a fox"))
    assert queue.overview() == []
