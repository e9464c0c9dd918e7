"""The starboard: starred pictures are posted once, and seen only by who could see them before."""

from __future__ import annotations

import discord
import pytest

from tests.cogs.cards import GALLERY, parts, texts_of
from tests.cogs.channels import channel_for_adults, set_rights
from tests.cogs.conftest import job_id_of
from tests.cogs.imagine.test_grid import painted as painted_grids

STAR = "⭐"


@pytest.fixture(autouse=True)
def _count_at_once(monkeypatch):
    monkeypatch.setattr("bot.delivery.starboard.WAIT_SECONDS", 0)


@pytest.fixture
async def board(world, here):
    """The server's starboard, for pictures with two stars."""
    channel = here.guild.create_text_channel("starboard")
    await configure(world, here, starboard_channel=str(channel.id), starboard_threshold=2)
    return channel


async def configure(world, here, **values):
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)


async def paint(world, here, channel=None, prompt="a fox --iterations 1"):
    channel = channel or here.channel
    before = len(world.results(channel))
    await here.alice.slash(channel, "imagine", prompt=prompt)
    return (await world.painted(channel, before + 1))[-1]


async def star(world, message, *people, emoji=STAR):
    for person in people:
        await person.react(message, emoji)
    await world.env.settle()


async def test_a_picture_with_enough_stars_is_posted_once(world, here, board):
    picture = await paint(world, here)
    await star(world, picture, here.alice)
    assert world.messages(board) == []
    await star(world, picture, here.bob, emoji="👍")
    assert world.messages(board) == []
    await star(world, picture, here.bob)
    [shown] = await world.until(lambda: world.messages(board), "the starboard")
    head, prompt = texts_of(shown)
    assert f"{STAR} **2** · <#{here.channel.id}>" in head
    assert f"/{picture.id})" in head
    assert prompt == "- a fox"
    assert shown.attachments[0].description == "a fox"
    await star(world, picture, here.moderator)
    await here.bob.unreact(picture, STAR)
    await here.bob.react(picture, STAR)
    await world.env.settle()
    assert len(world.messages(board)) == 1
    assert (await world.bot.store.stars.of(job_id_of(picture))).stars == 3


async def test_the_server_chooses_emoji_and_threshold(world, here, board):
    await configure(world, here, starboard_emoji="🔥", starboard_threshold=1)
    picture = await paint(world, here)
    await star(world, picture, here.alice, here.bob)
    assert world.messages(board) == []
    await star(world, picture, here.alice, emoji="🔥")
    await world.until(lambda: world.messages(board), "the starboard")


@pytest.mark.parametrize("how", ["delete", "message", "report", "forget", "grid"])
async def test_what_is_deleted_or_reported_disappears(world, here, board, how):
    await configure(world, here, log_channel=str(here.other.id), starboard_threshold=1)
    if how == "grid":
        await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1", count=2)
        [picture] = await painted_grids(world, here)
    else:
        picture = await paint(world, here)
    await star(world, picture, here.bob)
    await world.until(lambda: world.messages(board), "the starboard")
    if how in ("delete", "grid"):
        await here.alice.click(picture, label="Delete")
    elif how == "message":
        world.env.backend.delete_message(here.channel.id, picture.id)
    elif how == "report":
        await here.bob.click(world.messages(board)[0], label="Report")
    else:
        asked = await here.alice.slash(here.channel, "privacy forget")
        await here.alice.click(asked.response, label="Delete everything")
    await world.until(lambda: not world.messages(board), "the removal")
    if how == "report":
        await star(world, picture, here.moderator)
        assert world.messages(board) == []


async def test_a_picture_from_a_channel_that_others_cannot_see_stays_there(world, here, board):
    await configure(world, here, starboard_threshold=1)
    closed = here.guild.create_text_channel(
        "closed",
        overwrites={
            here.guild.default_role: discord.PermissionOverwrite(view_channel=False),
            here.alice: discord.PermissionOverwrite(view_channel=True),
            here.guild.roles["TestBot"]: discord.PermissionOverwrite(view_channel=True),
        },
    )
    secret = await paint(world, here, closed)
    await star(world, secret, here.alice)
    adults = await channel_for_adults(world, here)
    await star(world, await paint(world, here, adults), here.alice)
    assert world.messages(board) == []
    await star(world, await paint(world, here), here.alice)
    await world.until(lambda: len(world.messages(board)) == 1, "the starboard")


async def test_a_spoiler_stays_one_and_other_messages_are_ignored(world, here, board):
    await configure(world, here, starboard_threshold=1)
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1", spoiler=True)
    [picture] = await world.painted(here.channel)
    talk = await here.bob.send(here.channel, "look at that")
    await star(world, talk, here.alice)
    await star(world, picture, here.alice)
    [shown] = await world.until(lambda: world.messages(board), "the starboard")
    assert shown.attachments[0].filename.startswith("SPOILER_")
    [[item]] = [gallery["items"] for gallery in parts(shown, GALLERY)]
    assert item["spoiler"]


async def test_without_a_channel_stars_are_only_counted(world, here):
    picture = await paint(world, here)
    await star(world, picture, here.alice, here.bob)
    stars = world.bot.store.stars
    await world.env.settle()
    assert (await stars.of(job_id_of(picture))).stars == 2
    assert not (await stars.of(job_id_of(picture))).posted


async def test_a_channel_that_refuses_gets_the_picture_with_the_next_star(world, here, board):
    await configure(world, here, starboard_threshold=1)
    picture = await paint(world, here)
    await set_rights(world, board, world.bot.user, send_messages=False)
    await star(world, picture, here.alice)
    assert world.messages(board) == []
    await set_rights(world, board, world.bot.user, send_messages=True)
    await star(world, picture, here.bob)
    await world.until(lambda: world.messages(board), "the starboard")
