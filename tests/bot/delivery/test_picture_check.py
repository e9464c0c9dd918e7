"""Pictures are checked against their server's list of unwanted concepts."""

from __future__ import annotations

import pytest

from bot.delivery.picture_check import (
    Verdict,
    check_picture,
    judge,
    strictest_action,
    wanted_scores,
)
from engine.events import Failed
from engine.jobs.job import Place
from tests.bot.discord_edge import ALICE
from tests.data.stored_jobs import done, painted

LIST = {
    "snake": {"threshold": 0.5, "action": "warn"},
    "spider": {"threshold": 0.7, "action": "spoiler"},
    "blood": {"threshold": 0.6, "action": "withhold"},
    "clown": {"threshold": 0.1, "action": "off"},
}


@pytest.fixture
async def rules(guild_settings, configure):
    await configure(concepts=LIST)
    return await guild_settings.rules("100")


@pytest.fixture
async def job(store):
    return await store.job(await painted(store, "a fox", str(ALICE), Place("100", "200")))


async def test_concepts_that_are_off_are_neither_scored_nor_acted_on(
    rules, guild_settings, configure
):
    assert set(wanted_scores(rules)) == {"snake", "spider", "blood"}
    assert strictest_action(rules) == "withhold"
    await configure(concepts={"clown": LIST["clown"], "snake": LIST["snake"]})
    rules = await guild_settings.rules("100")
    assert strictest_action(rules) == "warn"
    assert strictest_action(await guild_settings.rules(None)) is None
    assert wanted_scores(await guild_settings.rules(None)) == []


@pytest.mark.parametrize(
    ("scores", "found", "action"),
    [
        ({"snake": 0.49, "spider": 0.69, "blood": 0.59}, set(), None),
        ({"snake": 0.5, "spider": 0.0, "blood": 0.0}, {"snake"}, "warn"),
        ({"snake": 0.9, "spider": 0.7, "blood": 0.0}, {"snake", "spider"}, "spoiler"),
        ({"snake": 0.9, "spider": 0.9, "blood": 0.6}, {"snake", "spider", "blood"}, "withhold"),
        ({"snake": 0.0, "spider": 0.0}, {"blood"}, "withhold"),  # not scored: nothing gets through
        ({"blood": 0.0}, set(), None),  # without a score, only "withhold" acts
        ({"snake": 0.0, "spider": 0.0, "blood": 0.0, "clown": 1.0}, set(), None),
    ],
)
async def test_a_score_at_or_above_the_threshold_is_a_finding(rules, job, scores, found, action):
    verdict = judge(rules, job, scores)
    assert {finding.concept for finding in verdict.findings} == found
    assert verdict.action == action


async def test_a_withheld_picture_is_deleted_and_logged_for_moderators(store, rules, job):
    ending, verdict = await check_picture(
        store.picture_checks, rules, job, done(scores={"snake": 0.9, "spider": 0, "blood": 0.8})
    )
    assert isinstance(ending, Failed)
    assert "seems to show something" in ending.reason
    assert verdict == Verdict()
    assert (await store.job(job.id)).state == "failed"
    assert await store.picture(job.id) is None
    assert {finding.concept for finding in await store.picture_checks.findings("100", 9)} == {
        "snake",
        "blood",
    }


async def test_a_picture_that_could_not_be_checked_is_withheld_with_another_reason(
    store, rules, job
):
    ending, _ = await check_picture(store.picture_checks, rules, job, done(scores={}))
    assert isinstance(ending, Failed)
    assert "couldn't check it" in ending.reason


async def test_a_warning_is_noted_and_the_picture_posted(store, rules, job):
    picture = done(scores={"snake": 0.9, "spider": 0, "blood": 0})
    ending, verdict = await check_picture(store.picture_checks, rules, job, picture)
    assert (ending, verdict.action) == (picture, "warn")
    [finding] = await store.picture_checks.findings("100", 9)
    assert (finding.concept, finding.score, finding.person) == ("snake", 0.9, str(ALICE))


async def test_a_picture_that_was_posted_already_is_not_withheld(store, rules, job):
    await store.set_result_message(job.id, "900")
    picture = done(scores={"blood": 0.9})
    ending, verdict = await check_picture(
        store.picture_checks, rules, await store.job(job.id), picture
    )
    assert ending == picture
    assert verdict.action == "withhold"
    assert await store.picture(job.id) is not None
