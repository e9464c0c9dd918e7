"""Findings in pictures, and pictures that are withheld because of them."""

from __future__ import annotations

from data.picture_checks import Finding
from tests.data.stored_jobs import added, painted


def finding(job_id, concept="blood", action="warn", guild_id="100", score=0.75):
    return Finding(guild_id, job_id, "ann", concept, score, action)


async def test_findings_are_listed_newest_first_for_their_server(store):
    id = await painted(store)
    await store.picture_checks.add([finding(id), finding(id, "a snake", score=None)])
    await store.picture_checks.add([finding(id, guild_id="101", concept="gore")])
    found = await store.picture_checks.findings("100", 9)
    assert [(each.concept, each.score) for each in found] == [("a snake", None), ("blood", 0.75)]
    assert found[0].created_at > 0
    assert [each.concept for each in await store.picture_checks.findings("100", 1)] == ["a snake"]
    assert await store.picture_checks.findings("102", 9) == []


async def test_the_same_finding_is_written_down_once(store):
    id = await painted(store)
    await store.picture_checks.add([finding(id)])
    await store.picture_checks.add([finding(id, action="spoiler", score=0.9)])
    [found] = await store.picture_checks.findings("100", 9)
    assert (found.action, found.score) == ("warn", 0.75)


async def test_only_a_spoiler_hides_a_picture(store):
    warned, hidden = await painted(store), await painted(store)
    await store.picture_checks.add([finding(warned), finding(hidden, action="spoiler")])
    assert not await store.picture_checks.needs_spoiler(warned)
    assert await store.picture_checks.needs_spoiler(hidden)


async def test_a_withheld_picture_is_gone_and_its_job_has_failed(store):
    id = await painted(store)
    store.state_path(id).write_bytes(b"half painted")
    found = finding(id, action="withhold")
    assert await store.picture_checks.withhold(id, [found], "It was withheld.")
    job = await store.job(id)
    assert (job.state, job.error, job.has_picture, job.result) == (
        "failed",
        "It was withheld.",
        False,
        None,
    )
    assert not store.files.picture(id).exists()
    assert not store.state_path(id).exists()
    assert [each.concept for each in await store.picture_checks.findings("100", 9)] == ["blood"]
    assert [job.id for job in await store.undelivered()] == [id]  # the person is still to be told
    assert not await store.picture_checks.withhold(id, [finding(id, "gore")], "Again.")


async def test_what_is_not_rendered_or_was_posted_cannot_be_withheld(store):
    queued, posted = await added(store), await painted(store)
    await store.set_result_message(posted, "9")
    for id in (queued, posted):
        assert not await store.picture_checks.withhold(id, [finding(id)], "No.")
    assert await store.picture(posted) is not None
    assert await store.picture_checks.findings("100", 9) == []
