"""/mod purge removes all of a member's pictures, after a preview, and through a restart."""

from __future__ import annotations

from bot.requests.removal import Removal
from tests.cogs.cards import listed
from tests.cogs.conftest import job_id_of
from tests.cogs.test_moderation import paint, said


async def preview(here, **options):
    return await here.moderator.slash(here.channel, "mod purge", person=here.alice, **options)


async def done(world, channel):
    return await world.until(
        lambda: (
            not world.bot.purges.busy
            and [each for each in channel.history() if each.content.startswith("Removed")]
        ),
        "the end of the purge",
    )


async def test_a_member_s_pictures_are_counted_and_removed_everywhere(world, here):
    first = await paint(world, here, here.alice)
    await here.bob.click(first, label="Video")
    await world.filmed(here.channel)
    other = await paint(world, here, here.bob, count=2)
    await here.alice.slash(here.other, "imagine", prompt="a hen --iterations 1")
    await world.painted(here.other)
    asked = await preview(here, reason="spam")
    assert said(asked).startswith(f"This removes 2 pictures by {here.alice.mention}")
    assert len(world.results(here.other)) == 1  # nothing is removed yet
    await here.moderator.click(asked.response, label="Remove 2")
    [progress] = await done(world, here.channel)
    assert progress.content == f"Removed 2 pictures by {here.alice.mention}."
    assert [message.id for message in world.results(here.channel)] == [other.id]
    assert world.results(here.other) == []
    assert not any(
        file.filename.endswith(".mp4")
        for message in world.messages(here.channel)
        for file in message.attachments
    )
    assert await world.bot.store.count_of(str(here.alice.id)) == 0
    log = listed(await here.moderator.slash(here.channel, "mod log"))
    assert f"removed 2 pictures by {here.alice.mention}: spam" in log
    assert "no pictures here" in said(await preview(here))
    assert await world.bot.store.purges.running() == []


async def test_it_can_be_declined_and_bounded_by_time(world, here):
    picture = await paint(world, here, here.alice)
    asked = await preview(here, since="7d")
    await here.moderator.click(asked.response, label="Keep them")
    await world.env.settle()
    again = await here.moderator.click(asked.response, label="Remove 1")
    assert "confirmed or dropped before" in again.response.content
    assert [message.id for message in world.results(here.channel)] == [picture.id]
    assert "isn't a duration" in said(await preview(here, since="soon"))
    people = (str(here.guild.id), str(here.alice.id), str(here.moderator.id))
    for since, count in ((0, 1), (4_102_444_800_000, 0)):  # from 1970 on, from 2100 on
        purge = await world.bot.store.purges.ask(*people, since, None)
        assert await world.bot.store.purges.count(purge) == count


async def test_moderators_cannot_purge_those_they_must_not_act_on(world, here):
    refused = await here.moderator.slash(here.channel, "mod purge", person=here.moderator)
    assert "yourself" in said(refused)
    assert await world.bot.store.purges.asked("0" * 32) is None


async def test_it_continues_after_a_restart(world, here, monkeypatch):
    pictures = [await paint(world, here, here.alice, count=number) for number in (1, 2, 3)]
    asked = await preview(here)
    take_away = Removal.take_away
    taken: list[str] = []

    async def one(removal, job):
        if taken:
            raise ZeroDivisionError("the process ends here")
        taken.append(job.id)
        return await take_away(removal, job)

    monkeypatch.setattr(Removal, "take_away", one)
    world.expect_error("a purge failed")
    await here.moderator.click(asked.response, label="Remove 3")
    await world.until(lambda: taken and not world.bot.purges.busy, "the crash")
    monkeypatch.setattr(Removal, "take_away", take_away)
    await world.restart()
    [progress] = await done(world, here.channel)
    assert progress.content == f"Removed 3 pictures by {here.alice.mention}."
    assert taken == [job_id_of(pictures[0])]
    assert world.results(here.channel) == []
