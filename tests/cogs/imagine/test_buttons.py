"""The buttons under a picture: who can press them, what they do, also after a restart."""

from __future__ import annotations

import copy

import discord
import pytest

from tests.cogs.conftest import job_id_of, labels

LONG = "a fox --iterations 900"


async def start_job(world, here, prompt=LONG):
    """Return alice's progress message once her job is running."""
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    return world.messages(here.channel)[0]


async def paint(world, here, prompt="a red circle"):
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    [picture] = await world.painted(here.channel)
    return picture


async def test_stop_finishes_the_picture_early(world, here):
    progress = await start_job(world, here)
    assert labels(progress)[:3] == ["Stop", "Cancel", "Remix"]
    pressed = await here.alice.click(progress, label="Stop")
    assert pressed.ephemeral
    assert pressed.response.content.startswith("Stopping")
    [picture] = await world.painted(here.channel)
    assert "stopped early" in picture.embeds[0].footer.text
    assert (await world.bot.store.job(job_id_of(picture))).result["iterations"] < 900


async def test_cancel_posts_nothing(world, here):
    progress = await start_job(world, here)
    pressed = await here.alice.click(progress, label="Cancel")
    assert pressed.response.content == "Cancelled. Nothing will be posted."
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    [message] = world.messages(here.channel)
    assert message.content == "Cancelled."
    assert message.attachments == []
    assert (await world.bot.store.job(job_id_of(progress))).state == "cancelled"


async def test_a_queued_job_is_cancelled_at_once(world, here):
    progress = await start_job(world, here)
    await here.alice.slash(here.channel, "imagine", prompt="a hen")
    waiting = await world.until(
        lambda: [
            message
            for message in world.messages(here.channel)
            if message.content.startswith("Queued: 2nd")
        ],
        "the 2nd",
    )
    pressed = await here.alice.click(waiting[0], label="Stop")
    assert "hasn't started yet" in pressed.response.content
    await here.alice.click(waiting[0], label="Cancel")
    assert [job.id for job in world.bot.queue.overview()] == [job_id_of(progress)]
    await here.alice.click(progress, label="Cancel")
    await world.until(lambda: not world.bot.delivery.busy, "the end")


@pytest.mark.parametrize("label", ["Stop", "Cancel"])
async def test_another_member_cannot_stop_or_cancel(world, here, label):
    progress = await start_job(world, here)
    pressed = await here.bob.click(progress, label=label)
    assert pressed.ephemeral
    assert "Only the person who requested this picture or a moderator" in pressed.response.content
    assert [job.state for job in world.bot.queue.overview()] == ["running"]
    await here.moderator.click(progress, label="Cancel")
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert world.results(here.channel) == []


async def test_again_queues_a_job_with_a_new_seed_for_the_member_who_pressed_it(world, here):
    first = await paint(world, here, "a red circle --seed 7 --iterations 3")
    pressed = await here.bob.click(first, label="Again")
    assert pressed.response.content.startswith("Queued")
    _, second = await world.painted(here.channel, 2)
    job = await world.bot.store.job(job_id_of(second))
    assert job.person == str(here.bob.id)
    assert second.content == here.bob.mention
    assert job.seed != 7
    assert job.request.prompt == "a red circle"
    assert job.request.iterations == 3


async def test_remix_asks_for_the_prompt_in_a_modal(world, here):
    first = await paint(world, here, "a red circle --iterations 3")
    shown = await here.bob.click(first, label="Remix")
    assert shown.modal["components"][0]["component"]["value"] == "a red circle"
    sent = await here.bob.submit_modal(shown, {"prompt": "a blue square --seed 4"})
    assert sent.response.content.startswith("Queued")
    _, second = await world.painted(here.channel, 2)
    job = await world.bot.store.job(job_id_of(second))
    assert (job.person, job.request.prompt, job.seed) == (str(here.bob.id), "a blue square", 4)
    assert job.request.iterations == 3


async def test_an_aspect_in_a_remix_reshapes_the_former_size(world, here):
    first = await paint(world, here, "a red circle --iterations 2 --size 64x64")
    assert "64×64" in first.embeds[0].footer.text
    shown = await here.bob.click(first, label="Remix")
    await here.bob.submit_modal(shown, {"prompt": "a red circle --ar 4:1"})
    _, second = await world.painted(here.channel, 2)
    job = await world.bot.store.job(job_id_of(second))
    assert (job.result["width"], job.result["height"]) == (128, 32)
    # The card shows the size that the picture has, and no other.
    assert "128×32" in second.embeds[0].footer.text
    assert "64×64" not in second.embeds[0].footer.text


async def test_a_remix_that_cannot_be_painted_is_refused_with_the_reason(world, here):
    first = await paint(world, here)
    shown = await here.bob.click(first, label="Remix")
    sent = await here.bob.submit_modal(shown, {"prompt": "--seed 4"})
    assert sent.ephemeral
    assert "prompt is empty" in sent.response.content


async def test_a_video_is_posted_where_it_was_requested(world, here):
    picture = await paint(world, here)
    pressed = await here.bob.click(picture, label="Video")
    assert pressed.response.content.startswith("Queued")
    [video] = await world.filmed(here.channel)
    assert video.content.startswith(here.bob.mention)
    data = world.env.backend.cdn.get(video.attachments[0].url)
    assert data[4:8] == b"ftyp"


async def test_delete_removes_the_picture_and_its_job(world, here):
    picture = await paint(world, here)
    job = await world.bot.store.job(job_id_of(picture))
    refused = await here.bob.click(picture, label="Delete")
    assert "Only the person who requested" in refused.response.content
    path = world.bot.store.files.picture(job.id)
    assert path.exists()
    pressed = await here.alice.click(picture, label="Delete")
    assert pressed.response.content == "Deleted."
    assert world.results(here.channel) == []
    assert await world.bot.store.job(job.id) is None
    assert not path.exists()


async def test_a_moderator_can_delete(world, here):
    picture = await paint(world, here)
    await here.moderator.click(picture, label="Delete")
    assert world.results(here.channel) == []


async def test_a_moderator_of_another_server_cannot_delete(world, here):
    """A forged custom_id: the button of one server's picture, pressed in another's."""
    picture = await paint(world, here)
    there = world.env.create_guild("Elsewhere")
    moderators = there.create_role(
        "moderators", permissions=discord.Permissions(manage_messages=True)
    )
    mallory = there.add_member(world.env.create_user("mallory"), roles=[moderators])
    channel = there.create_text_channel("general")
    await mallory.slash(channel, "imagine", prompt="a hen")
    [own] = await world.painted(channel)
    stored = world.env.backend.get_message(channel.id, own.id)
    for row in stored.components:
        for button in row["components"]:
            button["custom_id"] = button["custom_id"].replace(job_id_of(own), job_id_of(picture))
    refused = await mallory.click(own, label="Delete")
    assert "Only the person who requested" in refused.response.content
    assert world.results(here.channel) == [picture]


async def test_buttons_of_a_deleted_job_say_that_it_was_deleted(world, here):
    picture = await paint(world, here)
    await world.bot.store.delete(job_id_of(picture))
    for label in ("Again", "Remix", "Video", "Delete"):
        pressed = await here.alice.click(picture, label=label)
        assert "was deleted" in pressed.response.content


@pytest.mark.parametrize("label", ["Again", "Remix", "Video", "Delete"])
async def test_an_unexpected_error_is_answered_with_a_reference(world, here, label, monkeypatch):
    """discord.py would only log it, and the member would see "This interaction failed"."""
    picture = await paint(world, here)

    async def broken(_):
        raise ZeroDivisionError("secret detail")

    world.expect_error("bot.errors")
    monkeypatch.setattr(world.bot.store, "job", broken)
    pressed = await here.alice.click(picture, label=label)
    assert pressed.ephemeral
    assert "send the bot's host this reference" in pressed.response.content
    assert "secret" not in pressed.response.content


async def test_every_button_works_after_a_restart(world, here):
    picture = await paint(world, here, "a red circle --iterations 3")
    await world.restart()
    again = await here.alice.click(picture, label="Again")
    assert again.response.content.startswith("Queued")
    await world.painted(here.channel, 2)
    shown = await here.bob.click(picture, label="Remix")
    assert shown.modal is not None
    video = await here.bob.click(picture, label="Video")
    assert video.response.content.startswith("Queued")
    await world.filmed(here.channel)
    deleted = await here.alice.click(picture, label="Delete")
    assert deleted.response.content == "Deleted."


async def test_a_running_job_s_buttons_work_after_a_restart(world, here):
    progress = await start_job(world, here)
    await world.restart()
    [job] = world.bot.queue.overview()
    assert job.id == job_id_of(progress)
    message = await world.until(
        lambda: (
            "of 900" in world.messages(here.channel)[0].content and world.messages(here.channel)[0]
        ),
        "a preview in the same message",
    )
    stopped = await here.alice.click(message, label="Stop")
    assert stopped.response.content.startswith("Stopping")
    await world.painted(here.channel)
    assert len(world.messages(here.channel)) == 2


async def test_running_and_waiting_jobs_can_be_cancelled_after_a_restart(world, here):
    progress = await start_job(world, here)
    await here.bob.slash(here.channel, "imagine", prompt="a hen --iterations 900")
    waiting = await world.until(
        lambda: [
            message
            for message in world.messages(here.channel)
            if message.content.startswith("Queued: 2nd")
        ],
        "the 2nd",
    )
    await world.restart()
    assert [job.id for job in world.bot.queue.overview()] == [
        job_id_of(progress),
        job_id_of(waiting[0]),
    ]
    refused = await here.alice.click(waiting[0], label="Cancel")
    assert "Only the person who requested" in refused.response.content
    for person, message in ((here.bob, waiting[0]), (here.alice, progress)):
        pressed = await person.click(message, label="Cancel")
        assert pressed.ephemeral
        assert pressed.response.content == "Cancelled. Nothing will be posted."
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert world.bot.queue.overview() == []
    assert [message.content for message in world.messages(here.channel)] == ["Cancelled."] * 2
    for message in (progress, waiting[0]):
        assert (await world.bot.store.job(job_id_of(message))).state == "cancelled"
    # The next start does not resume them.
    await world.restart()
    assert world.bot.queue.overview() == []
    assert await world.bot.store.undelivered() == []


async def test_cancelling_again_after_a_restart_says_that_the_job_is_over(world, here):
    progress = await start_job(world, here)
    stored = world.env.backend.get_message(here.channel.id, progress.id)
    shown = copy.deepcopy(stored.components)
    await here.alice.click(progress, label="Cancel")
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    await world.restart()
    stored.components = shown  # an old client still has the button
    pressed = await here.alice.click(progress, label="Cancel")
    assert pressed.response.content == "That picture is no longer in the queue."


async def test_a_modal_opened_before_a_restart_can_be_submitted_after_it(world, here):
    picture = await paint(world, here)
    shown = await here.bob.click(picture, label="Remix")
    await world.restart()
    sent = await here.bob.submit_modal(shown, {"prompt": "a blue square"})
    assert sent.response.content.startswith("Queued")
    _, second = await world.painted(here.channel, 2)
    assert second.content == here.bob.mention
