"""Deleting the bot's messages in Discord ends jobs and removes pictures; Delete finds them all."""

from __future__ import annotations

import discord

from bot.requests import deletions
from bot.ui.buttons import AgainButton, ContinueButton, EditButton, VideoButton
from bot.ui.job_button import view_of
from tests.cogs.cards import text_of
from tests.cogs.conftest import job_id_of, labels

SLOW = "a fox --iterations 900"


async def paint(world, person, channel, prompt="a fox --iterations 1", count=1):
    await person.slash(channel, "imagine", prompt=prompt)
    return (await world.painted(channel, count))[-1]


async def delete(world, channel, *messages):
    """Delete messages in Discord, several as moderators' bots do."""
    ids = [message.id for message in messages]
    if len(ids) == 1:
        world.env.backend.delete_message(channel.id, ids[0])
    else:
        world.env.backend.bulk_delete_messages(channel.id, ids)
    await world.env.settle()


async def test_without_its_progress_message_a_job_is_cancelled(world, here, held):
    held.hold()
    await here.alice.slash(here.channel, "imagine", prompt=SLOW)
    await here.bob.slash(here.channel, "imagine", prompt=SLOW)
    first, second = world.messages(here.channel)
    waiting = job_id_of(second)
    await delete(world, here.channel, second)
    await world.until(lambda: len(world.bot.queue.overview()) == 1, "the end")
    await world.until(lambda: world.bot.queue.get(waiting) is None, "the end")
    assert (await world.bot.store.job(waiting)).state == "cancelled"
    held.release()
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    await delete(world, here.channel, first)
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert world.messages(here.channel) == []
    assert (await world.bot.store.job(job_id_of(first))).state == "cancelled"


async def test_the_bot_s_own_deletions_cancel_nothing(world, here):
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", {"progress": "remove"})
    picture = await paint(world, here.alice, here.channel)
    assert world.messages(here.channel) == [picture]
    stored = await world.bot.store.job(job_id_of(picture))
    assert (stored.state, stored.removed_at) == ("delivered", None)


async def test_a_picture_whose_message_was_deleted_is_not_shown_again(world, here):
    first = await paint(world, here.alice, here.channel)
    second = await paint(world, here.alice, here.channel, count=2)
    await delete(world, here.channel, first, second)
    for message in (first, second):
        assert (await world.bot.store.job(job_id_of(message))).removed_at is not None
    shown = await here.alice.slash(here.channel, "history")
    assert text_of(shown).count("its message was deleted") == 2
    assert "discord.com" not in text_of(shown)
    for button in (VideoButton, ContinueButton, EditButton):
        pressed = await here.alice.click(
            shown.response, custom_id=button.custom_id_of(job_id_of(first))
        )
        assert pressed.ephemeral
        assert "message was deleted" in pressed.response.content, button.label
    # The words are still theirs.
    id = AgainButton.custom_id_of(job_id_of(first))
    again = await here.alice.click(shown.response, custom_id=id)
    assert again.response.content.startswith("Queued")
    await world.painted(here.channel)


async def test_a_result_in_a_direct_message_is_linked_and_deleted_there(world, here):
    world.env.inject_error(
        "POST", f"/channels/{here.channel.id}/messages", status=403, code=50001, times=None
    )
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    direct = here.alice.user.dm_channel
    [picture] = await world.painted(direct)
    shown = await here.alice.slash(here.channel, "history")
    assert f"https://discord.com/channels/@me/{direct.id}/{picture.id}" in text_of(shown)
    jobs = await here.moderator.slash(here.channel, "mod jobs")
    assert "discord.com" not in text_of(jobs)  # it is only alice's
    deleted = await here.moderator.slash(here.channel, "mod delete", job=job_id_of(picture))
    assert await world.until(lambda: deleted.response.content) == "Deleted."
    assert world.messages(direct) == []


async def test_a_picture_s_time_lapses_are_deleted_wherever_they_are(world, here):
    picture = await paint(world, here.alice, here.channel, "a fox --iterations 2")
    await here.bob.click(picture, label="Video")
    [film] = await world.filmed(here.channel)
    assert "Delete" in labels(film)
    pressed = await here.alice.click(picture, label="Delete")
    assert await world.until(lambda: pressed.response.content) == "Deleted."
    left = world.messages(here.channel)
    assert film.id not in [message.id for message in left]
    assert await world.bot.store.job(job_id_of(film)) is None


async def while_offline(world, channel, *messages):
    """Restart the bot; meanwhile somebody deletes messages, of which Discord tells nobody."""

    async def meanwhile():
        for message in messages:
            world.env.backend.delete_message(channel.id, message.id)

    await world.restart(meanwhile)


async def test_a_job_whose_progress_message_was_deleted_while_offline_is_cancelled(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=SLOW)
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    [message] = world.messages(here.channel)
    await while_offline(world, here.channel, message)
    await world.until(lambda: not world.bot.queue.overview(), "the end")
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert (await world.bot.store.job(job_id_of(message))).state == "cancelled"
    assert world.messages(here.channel) == []


async def test_a_picture_whose_message_was_deleted_while_offline_is_not_used_again(world, here):
    first = await paint(world, here.alice, here.channel)
    second = await paint(world, here.alice, here.channel, count=2)
    await while_offline(world, here.channel, first)
    for button in (VideoButton, ContinueButton):
        view = view_of(job_id_of(first), (button,))
        message = await world.bot.get_channel(here.channel.id).send(view=view)
        pressed = await here.alice.click(message, custom_id=button.custom_id_of(job_id_of(first)))
        assert "message was deleted" in pressed.response.content, button.label
    assert (await world.bot.store.job(job_id_of(first))).removed_at is not None
    world.env.backend.delete_message(here.channel.id, message.id)
    fetched = fetches(world)
    for _ in range(2):
        shown = await here.alice.slash(here.channel, "history")
        assert text_of(shown).count("its message was deleted") == 1
        assert f"{here.channel.id}/{second.id}" in text_of(shown)
    assert fetched == [second.id]  # once in a connection


def fetches(world):
    """The messages that the bot asks for from now on."""
    asked, fetch = [], discord.PartialMessageable.fetch_message

    async def noted(channel, id):
        asked.append(id)
        return await fetch(channel, id)

    world.monkeypatch.setattr(discord.PartialMessageable, "fetch_message", noted)
    return asked


async def test_the_newest_pictures_are_looked_for_after_a_start(world, here, monkeypatch):
    oldest, gone, newest = [
        await paint(world, here.alice, here.channel, count=count) for count in (1, 2, 3)
    ]
    monkeypatch.setattr(deletions, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(deletions, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(deletions, "SWEPT", 2)
    fetched = fetches(world)
    await while_offline(world, here.channel, oldest, gone)
    await world.until(lambda: len(fetched) == 2 and world.bot.deletions._sweeping.done())
    assert fetched == [newest.id, gone.id]
    removed = [
        (await world.bot.store.job(job_id_of(each))).removed_at is not None
        for each in (oldest, gone, newest)
    ]
    assert removed == [False, True, False]


async def test_what_cannot_be_looked_at_counts_as_there(world, here):
    picture = await paint(world, here.alice, here.channel)
    await world.restart()
    address = f"/channels/{here.channel.id}/messages/{picture.id}"
    world.env.inject_error("GET", address, status=403, code=50001)
    shown = await here.alice.slash(here.channel, "history")
    assert str(picture.id) in text_of(shown)
    assert (await world.bot.store.job(job_id_of(picture))).removed_at is None


def test_no_privileged_intent_is_needed(world):
    intents = world.bot.intents
    privileged = discord.Intents(message_content=True, members=True, presences=True)
    assert not intents.value & privileged.value
