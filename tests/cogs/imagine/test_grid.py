"""/imagine count: several pictures of one prompt, each a job, shown in one message."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from PIL import Image

from data.people import Restriction
from tests.cogs.conftest import labels

PROMPT = "a red circle --iterations 2 --size 32"
BUTTONS = ["U1", "U2", "U3", "U4", "Again", "V1", "V2", "V3", "V4", "Remix", "Delete"]


def grids(world, channel):
    """The posted grids: messages with a file whose buttons are a grid's."""
    return [m for m in world.messages(channel) if m.attachments and "U1" in labels(m)]


async def jobs_of(world, person):
    return [job async for job in world.bot.store.jobs_of(str(person.id))]


async def opened(world, job):
    """The picture of a job."""
    return Image.open(io.BytesIO(await world.bot.store.picture(job.id)))


async def painted(world, here, count=1):
    await world.until(
        lambda: len(grids(world, here.channel)) >= count and not world.bot.queue.overview(),
        f"{count} grids",
    )
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    return grids(world, here.channel)


def shown(world, message):
    """The picture of a message, as Discord has it."""
    return Image.open(io.BytesIO(world.env.backend.cdn.get(message.attachments[0].url)))


async def test_four_seeds_are_shown_in_one_message_and_kept_by_themselves(world, here):
    result = await here.alice.slash(here.channel, "imagine", prompt=f"{PROMPT} --seed 7", count=4)
    assert result.response.content.endswith(" · 4 pictures.")
    [message] = await painted(world, here)
    jobs = await jobs_of(world, here.alice)
    assert [job.seed for job in jobs] == [7, 8, 9, 10]
    assert {job.grid for job in jobs} == {jobs[0].id}
    assert {(job.request.count, job.state) for job in jobs} == {(None, "delivered")}
    assert {job.result_message_id for job in jobs} == {str(message.id)}
    assert labels(message) == BUTTONS
    assert "seeds 7, 8, 9, 10" in message.embeds[0].footer.text
    whole = shown(world, message)
    assert whole.size == (64, 64)
    for i, job in enumerate(jobs):
        alone = (await opened(world, job)).convert("RGB")
        place = 32 * (i % 2), 32 * (i // 2)
        assert whole.crop((*place, place[0] + 32, place[1] + 32)).tobytes() == alone.tobytes()
        written = await world.bot.store.picture(job.id)
        assert f'"seed": {job.seed}'.encode() in written
    progress = world.messages(here.channel)[0]
    assert str(message.id) in progress.content


async def test_stop_ends_all_four_and_shows_what_there_is(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900", count=4)
    await world.until(lambda: world.messages(here.channel)[0].attachments, "a preview of the grid")
    [progress] = world.messages(here.channel)
    assert progress.embeds[0].title == "4 pictures"
    assert labels(progress)[:3] == ["Stop", "Cancel", "Remix"]
    stopped = await here.alice.click(progress, label="Stop")
    await world.until(lambda: stopped.response and stopped.response.content, "the answer")
    assert stopped.response.content == "Stopping. I'll post the picture so far."
    [message] = await painted(world, here)
    states = [job.state for job in await jobs_of(world, here.alice)]
    assert states.count("delivered") >= 1
    assert set(states) <= {"delivered", "cancelled"}
    assert "stopped early" in message.embeds[0].footer.text


async def test_cancel_cancels_all_four(world, here, held):
    held.hold()
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=4)
    await world.until(lambda: world.messages(here.channel), "the progress")
    [progress] = world.messages(here.channel)
    await here.alice.click(progress, label="Cancel")
    held.release()
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert [job.state for job in await jobs_of(world, here.alice)] == ["cancelled"] * 4
    [progress] = world.messages(here.channel)
    assert progress.content == "Cancelled."
    assert labels(progress) == ["Again", "Remix"]


async def test_again_paints_as_many_with_new_seeds_and_remix_says_how_many(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=f"{PROMPT} --seed 7", count=2)
    [first] = await painted(world, here)
    opened = await here.bob.click(first, label="Remix")
    assert "a red circle --count 2" in str(opened.modal)
    await here.bob.click(first, label="Again")
    await painted(world, here, 2)
    jobs = await jobs_of(world, here.bob)
    assert len(jobs) == 2
    assert not {job.seed for job in jobs} & {7, 8}


async def test_delete_removes_all_and_deleting_one_keeps_the_others(world, here):
    for _ in range(2):
        await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=2)
    _, second = await painted(world, here, 2)
    jobs = await jobs_of(world, here.alice)
    await world.bot.removal.remove(jobs[0])  # as /mod delete does
    await world.env.settle()
    assert grids(world, here.channel) == [second]
    left = await world.bot.store.job(jobs[1].id)
    assert (left.removed_at, left.state) == (None, "delivered")
    await here.bob.click(second, label="Delete")
    assert grids(world, here.channel) == [second]  # it is not bob's
    await here.alice.click(second, label="Delete")
    await world.until(lambda: not grids(world, here.channel), "the deletion")
    await world.until(lambda: world.messages(here.channel) == [], "the progress messages")
    assert [job.id for job in await jobs_of(world, here.alice)] == [jobs[1].id]


async def test_a_deleted_progress_message_cancels_all(world, here, held):
    held.hold()
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=3)
    await world.until(lambda: world.messages(here.channel), "the progress")
    [progress] = world.messages(here.channel)
    await world.bot.deletions.note(here.channel.id, [progress.id])
    held.release()
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert {job.state for job in await jobs_of(world, here.alice)} == {"cancelled"}


async def test_a_picture_that_fails_leaves_its_place_empty_and_says_why(world, here, held):
    held.hold()
    await here.alice.slash(here.channel, "imagine", prompt=f"{PROMPT} --seed 7", count=2)
    _, second = world.bot.queue.overview()
    second.request = second.request.with_values(model="nothing")
    held.release()
    [message] = await painted(world, here)
    fields = {field.name: field.value for field in message.embeds[0].fields}
    assert fields["Notes"].startswith("- Picture 2: ")
    assert labels(message) == ["U1", "Again", "V1", "Remix", "Delete"]
    assert "seeds 7 ·" in message.embeds[0].footer.text
    assert shown(world, message).size == (64, 32)
    states = [job.state for job in await jobs_of(world, here.alice)]
    assert states == ["delivered", "failed"]


async def test_a_grid_is_continued_and_posted_once_after_a_restart(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 60", count=2)
    await world.until(lambda: world.messages(here.channel), "the progress")
    [progress] = world.messages(here.channel)

    await world.restart()
    [message] = await painted(world, here)
    assert world.messages(here.channel)[0].id == progress.id
    assert [job.state for job in await jobs_of(world, here.alice)] == ["delivered"] * 2

    async def forget():  # as if the bot had died before it wrote down one of the two
        from data import Store

        store = await Store.open(world.settings.painting.data_folder)
        [_, job] = [each async for each in store.jobs_of(str(here.alice.id))]
        await store._database.change(
            "UPDATE jobs SET delivered_at = NULL, state = 'rendered' WHERE id = ?", job.id
        )
        await store.close()

    await world.restart(forget)
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    assert grids(world, here.channel) == [message]
    assert [job.state for job in await jobs_of(world, here.alice)] == ["delivered"] * 2


async def test_limits_count_each_picture_and_nothing_is_queued_above_them(
    world, here, monkeypatch, held
):
    held.hold()
    monkeypatch.setattr(world.bot.settings.limits, "max_jobs_per_person", 3)
    guild = str(here.guild.id)

    async def ask(count):
        return await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=count)

    assert "room for 3 more" in (await ask(4)).response.content
    await world.bot.store.guilds.change_settings(guild, "1", {"jobs_a_day": 2})
    assert "allows 2 more today" in (await ask(3)).response.content
    await world.bot.store.guilds.change_settings(guild, "1", {"jobs_a_day": None, "max_count": 2})
    assert "count can be at most 2 in this server, not 3" in (await ask(3)).response.content
    await world.bot.store.guilds.change_settings(guild, "1", {"max_count": None, "cooldown": 60})
    terms = Restriction(guild, str(here.alice.id), "limit", moderator="1", waiting=1)
    await world.bot.people.restrict(terms)
    assert "limited you to 1 picture in the queue at a time" in (await ask(2)).response.content
    await world.bot.people.restrict(replace(terms, waiting=None, a_day=1))
    assert "limited you to 1 picture a day" in (await ask(2)).response.content
    assert world.bot.queue.overview() == []
    await world.bot.people.lift(guild, str(here.alice.id), "limit", "1")
    assert (await ask(3)).response.content.startswith("Queued")  # one cooldown for all of them
    assert len(world.bot.queue.overview()) == 3
    usage = await world.bot.store.guilds.usage(guild, str(here.alice.id), 0)
    assert usage.jobs == 3


@pytest.mark.parametrize("count", ["0", "5", "many"])
async def test_other_numbers_are_refused(world, here, count):
    result = await here.alice.slash(here.channel, "imagine", prompt=f"a fox --count {count}")
    assert "count must be" in result.response.content
    assert world.bot.queue.overview() == []
