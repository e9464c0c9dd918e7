"""Private pictures: only the requester sees them, and the server's rules still hold."""

from __future__ import annotations

import discord
import pytest

from bot.ui.buttons import AgainButton, EditButton, RemixButton, VideoButton
from tests.cogs.cards import listed, text_of
from tests.cogs.conftest import job_id_of, labels
from tests.cogs.media import png

FOX = "a fox --iterations 2 --seed 1"
ALONE = "send it to you in a direct message"


@pytest.fixture
async def allowed(world, here):
    await allow(world, here)


async def allow(world, here, **more):
    values = {"private": True, **more}
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)


@pytest.fixture
async def private(world, here, allowed):
    """Alice's private picture, in her direct messages."""
    await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    [picture] = await world.painted(here.alice.user.dm_channel)
    return picture


async def test_it_is_refused_unless_the_server_allows_it(world, here):
    refused = await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    assert refused.ephemeral
    assert "doesn't allow private pictures" in refused.response.content
    assert world.bot.queue.overview() == []
    assert world.messages(here.alice.user.dm_channel) == []
    alone = world.env.create_user("dora")
    await alone.slash("imagine", prompt=FOX, private=True)
    [picture] = await world.painted(alone.dm_channel)
    assert (await world.bot.store.job(job_id_of(picture))).place.private


async def test_all_of_it_is_in_direct_messages_and_the_answer_says_so(world, here, allowed):
    asked = await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    assert asked.ephemeral
    assert ALONE in asked.response.content
    direct = here.alice.user.dm_channel
    [picture] = await world.painted(direct)
    assert world.messages(here.channel) == []
    progress, result = world.messages(direct)
    assert progress.content.startswith("Painted in")
    assert result.id == picture.id
    assert f"<@{here.alice.id}>" in picture.content
    stored = await world.bot.store.job(job_id_of(picture))
    assert (stored.guild_id, stored.channel_id) == (str(here.guild.id), str(here.channel.id))


async def test_an_edit_can_be_private_too_and_nothing_can_be_reported(world, here, host):
    await allow(world, here, log_channel=str(here.other.id))
    image = ("fox.png", png())
    await here.alice.slash(here.channel, "edit", image=image, prompt=FOX, private=True)
    [result] = await world.painted(here.alice.user.dm_channel)
    assert "Report" not in labels(result)


async def test_what_is_made_from_it_stays_private(world, here, private):
    id, direct = job_id_of(private), here.alice.user.dm_channel
    shown = await here.alice.slash(here.channel, "history")
    for count, button in enumerate((AgainButton, RemixButton, EditButton), 2):
        pressed = await here.alice.click(shown.response, custom_id=button.custom_id_of(id))
        if pressed.modal is not None:
            name = "prompt" if button is RemixButton else "words"
            pressed = await here.alice.submit_modal(pressed, {name: FOX})
        pictures = await world.painted(direct, count)
        assert ALONE in pressed.response.content, button.label
        assert (await world.bot.store.job(job_id_of(pictures[-1]))).place.private
    await here.alice.click(shown.response, custom_id=VideoButton.custom_id_of(id))
    await world.filmed(direct)
    again = (await here.alice.user.click(private, label="Again")).response
    assert again.content.startswith("Queued")
    newest = (await world.painted(direct, 5))[-1]
    assert (await world.bot.store.job(job_id_of(newest))).place.private
    assert world.messages(here.channel) == []
    # The server can change its mind.
    await allow(world, here, private=False)
    refused = await here.alice.click(shown.response, custom_id=AgainButton.custom_id_of(id))
    assert "doesn't allow private pictures" in refused.response.content


async def test_nobody_else_sees_more_than_that_there_is_one(world, here, private, held):
    id = job_id_of(private)
    held.hold()
    await here.bob.slash(here.other, "imagine", prompt="in front --iterations 1")
    await here.alice.slash(here.channel, "imagine", prompt="a secret --iterations 1", private=True)
    waiting = world.bot.queue.overview()[-1].id
    for person in (here.bob, here.moderator):
        queue = await person.slash(here.channel, "queue")
        assert "secret" not in listed(queue)
        for button in (AgainButton, RemixButton, EditButton, VideoButton):
            message = await world.bot.get_channel(here.other.id).send(view=button_view(button, id))
            pressed = await person.click(message, custom_id=button.custom_id_of(id))
            assert pressed.response.content == "That picture is private.", button.label
    assert "secret" in listed(await here.alice.slash(here.channel, "queue"))
    jobs = await here.moderator.slash(here.channel, "mod jobs")
    text = listed(jobs)
    assert f"<@{here.alice.id}>" in text
    assert waiting[:8] in text
    assert "private" in text
    assert "fox" not in text
    assert "secret" not in text
    assert "discord.com" not in text
    for command in ("mod stop", "mod delete"):
        for typed, found in (("secret", False), ("sec", False), (waiting[:6], True), ("", True)):
            offered = await here.moderator.autocomplete(here.channel, command, "job", typed)
            assert (waiting in [choice["value"] for choice in offered]) == found, (command, typed)
            assert not any("secret" in choice["name"] for choice in offered)
    stopped = await here.moderator.slash(here.channel, "mod stop", job=waiting)
    await world.until(lambda: stopped.response.content)
    assert (await world.bot.store.job(waiting)).state == "cancelled"
    deleted = await here.moderator.slash(here.channel, "mod delete", job=id)
    assert await world.until(lambda: deleted.response.content) == "Deleted."
    held.release()
    assert private.id not in [each.id for each in world.messages(here.alice.user.dm_channel)]


def button_view(button, id):
    view = discord.ui.View(timeout=None)
    view.add_item(button(id))
    view.stop()
    return view


async def test_the_history_marks_it_for_its_requester(world, here, private):
    shown = await here.alice.slash(here.channel, "history")
    assert "private" in text_of(shown)
    assert f"https://discord.com/channels/@me/{here.alice.user.dm_channel.id}" in text_of(shown)


async def test_the_server_s_rules_still_hold(world, here):
    await allow(world, here, blocked_words=["fox"])
    refused = await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    assert "||fox|| is blocked" in refused.response.content
    concepts = {"blood": {"threshold": 0.0, "action": "withhold"}}
    await allow(world, here, blocked_words=None, concepts=concepts)
    await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    direct = here.alice.user.dm_channel
    await world.until(
        lambda: any("withheld" in each.content for each in world.messages(direct)), "a refusal"
    )
    assert world.messages(here.channel) == []


async def test_closed_direct_messages_are_told_before_anything_is_queued(world, here, allowed):
    direct = await (await world.bot.fetch_user(here.alice.id)).create_dm()
    address = f"/channels/{direct.id}/messages"
    world.env.inject_error("POST", address, status=403, code=50007)
    refused = await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    assert "I can't DM you, so I can't make a private picture" in refused.response.content
    assert world.bot.queue.overview() == []
    assert await world.bot.store.count_of(str(here.alice.id)) == 0


async def test_if_they_are_closed_meanwhile_it_is_told_and_kept(world, here, allowed, held):
    held.hold()
    asked = await here.alice.slash(here.channel, "imagine", prompt=FOX, private=True)
    [id] = [job.id for job in world.bot.queue.overview()]
    address = f"/channels/{here.alice.user.dm_channel.id}/messages"
    world.env.inject_error("POST", address, status=403, code=50007, times=None)
    held.release()
    await world.until(lambda: not world.bot.delivery.busy and not world.bot.queue.overview())
    assert asked.response.content.startswith("Painted, but I can't DM you. Find it in </history:")
    assert world.messages(here.channel) == []
    stored = await world.bot.store.job(id)
    assert stored.is_painted
    assert stored.has_picture
    shown = await here.alice.slash(here.channel, "history")
    assert "private" in text_of(shown)


async def test_it_stays_private_through_a_restart(world, here, allowed):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 30", private=True)
    direct = here.alice.user.dm_channel
    await world.until(lambda: "of 30" in world.messages(direct)[0].content, "a preview")
    await world.restart()
    await world.painted(direct)
    assert len(world.messages(direct)) == 2
    assert world.messages(here.channel) == []


async def test_help_tells_of_it_where_it_is_allowed(world, here):
    assert "private" not in text_of(await here.alice.slash(here.channel, "help"))
    await allow(world, here)
    assert "option private" in text_of(await here.alice.slash(here.channel, "help"))
