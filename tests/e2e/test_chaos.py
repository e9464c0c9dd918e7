"""A short run of bench.chaos, and tests for what it has found."""

from __future__ import annotations

import random

import pytest

from bench.bot.fleet import FLEET_FAULTS
from bench.chaos import Chaos, measure
from tests.cogs.media import png
from tests.e2e.faults import FAULTS, shuffled_faults
from tests.e2e.jobs import job_id_of, row_of
from tests.postgres import MISSING, programs

pytestmark = pytest.mark.timeout(900)
SEED, KILLS = 24, 21


@pytest.mark.parametrize("rounds", [5, pytest.param(10, marks=pytest.mark.slow)])
async def test_faults_lose_nothing_and_post_nothing_twice(tmp_path, rounds):
    outcome = await measure(rounds, SEED, tmp_path, verbose=True)
    assert outcome.rounds == rounds
    assert outcome.accepted == outcome.delivered + outcome.refused
    assert (outcome.lost, outcome.twice) == (0, 0)
    assert outcome.delivered >= rounds // 2


@pytest.mark.slow
async def test_two_processes_and_their_database_lose_nothing_and_post_nothing_twice(tmp_path):
    if programs() is None:
        pytest.skip(MISSING)
    kinds = set(shuffled_faults(random.Random(KILLS), 6, FLEET_FAULTS))
    assert kinds >= {"bot_killed", "bot_replaced", "worker_killed", "database_killed"}
    outcome = await measure(6, KILLS, tmp_path, verbose=True, processes=2)
    assert outcome.accepted == outcome.delivered + outcome.refused
    assert (outcome.lost, outcome.twice) == (0, 0)
    assert outcome.delivered >= 3
    assert outcome.takeover_s_max is not None
    assert outcome.takeover_s_max < 30
    assert outcome.broken_across == 0


def test_every_fault_happens_before_any_is_repeated():
    faults = shuffled_faults(random.Random(1), 2 * len(FAULTS))
    assert sorted(faults[: len(FAULTS)]) == sorted(FAULTS) == sorted(faults[len(FAULTS) :])
    assert set(shuffled_faults(random.Random(SEED), 10)) >= {
        "bot_killed",
        "worker_killed",
        "kicked",
        "answers_lost",
        "nonces_forgotten",
        "threads_archived",
    }


async def test_a_failure_sent_as_a_direct_message_is_counted_once(channel, alice, standin, bot):
    standin.fail("POST", rf"/channels/{channel.id}/messages$", 403, times=99, code=50001)
    image = standin.world.upload(channel, "start.png", png())
    black = standin.world.upload(channel, "mask.png", png("black"))
    await standin.command(alice, channel, "edit", prompt="a fox", image=image, mask=black)
    posted = Chaos(standin, bot, random.Random(SEED)).posted
    await bot.until(lambda: posted("again"), "the message about the failure")
    assert sum(posted("again").values()) == 1
    assert not posted("video")
    assert not channel.messages


@pytest.mark.slow
async def test_a_lost_answer_and_a_forgotten_nonce_do_not_post_twice(channel, alice, standin, bot):
    lost = standin.fail("POST", rf"/channels/{channel.id}/messages$", 0, times=99, done=True)
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=3)
    await bot.until(lambda: standin.results(channel), "the result whose answer was lost")
    standin.rest.forget_nonces()
    lost.times = 0
    [result] = standin.results(channel)
    await bot.until(
        lambda: row_of(bot, job_id_of(result))["result_message_id"] == result["id"], "the row"
    )
    assert len(standin.results(channel)) == 1
    await bot.until(
        lambda: any(
            message["content"].startswith("Painted in") for message in channel.messages.values()
        ),
        "the final progress",
    )
    assert len(channel.messages) == 2  # the progress message was posted once, too


@pytest.mark.slow
async def test_a_file_that_cannot_be_made_small_enough_is_reported(channel, alice, standin, bot):
    standin.rest.max_file = 100
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=3)
    [result] = await bot.until(lambda: standin.results(channel), "the message")
    assert result["content"].startswith(f"<@{alice.id}> Painted, but the file is too large")
    assert result["attachments"] == []
    await bot.until(lambda: row_of(bot, job_id_of(result))["state"] == "delivered", "the row")


@pytest.mark.slow
async def test_an_undeliverable_result_is_posted_when_the_bot_is_invited_again(
    channel, alice, standin, bot
):
    alice.takes_dms = False
    await standin.command(alice, channel, "imagine", prompt="a fox", iterations=60)
    [progress] = await bot.until(lambda: list(channel.messages.values()), "the progress")
    job_id = job_id_of(progress)
    await standin.kick()
    await bot.until(lambda: row_of(bot, job_id)["state"] == "rendered", "the picture")
    await bot.until(lambda: "Could not send the result" in bot.log_text(), "the refusal")
    assert row_of(bot, job_id)["delivered_at"] is None
    await standin.invite()
    await bot.until(lambda: standin.results(channel), "the result")
    assert len(standin.results(channel)) == 1
