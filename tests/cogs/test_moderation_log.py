"""Moderators' actions are logged whatever way they take, in pages, and posted to a log channel."""

from __future__ import annotations

import discord
import pytest

from data.people import LoggedAct
from data.picture_checks import Finding
from tests.cogs.cards import listed
from tests.cogs.conftest import job_id_of, labels
from tests.cogs.test_moderation import LONG, paint, said


async def set_channel(world, here, channel):
    values = {"log_channel": str(channel.id)}
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)


@pytest.fixture
def log_channel(here):
    return here.guild.create_text_channel("log")


async def acts(world, here):
    return [act.act for act in await world.bot.people.acts(str(here.guild.id), 99)]


async def test_buttons_of_moderators_are_logged_and_those_of_requesters_are_not(world, here, held):
    own, theirs = (
        await paint(world, here, here.alice),
        await paint(world, here, here.alice, count=2),
    )
    await here.alice.click(own, label="Delete")
    await here.moderator.click(theirs, label="Delete")
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    await world.until(lambda: "of 900" in world.messages(here.channel)[-1].content, "a preview")
    await here.moderator.click(world.messages(here.channel)[-1], label="Stop")
    await world.painted(here.channel)
    held.hold()
    await here.bob.slash(here.other, "imagine", prompt="in front --iterations 1")
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    await world.env.settle()
    await here.moderator.click(world.messages(here.channel)[-1], label="Cancel")
    log = listed(await here.moderator.slash(here.channel, "mod log"))
    assert await acts(world, here) == ["stop", "finish", "delete"]
    assert f"{here.moderator.mention} stopped a picture by {here.alice.mention} early" in log
    assert job_id_of(theirs)[:8] in log
    assert job_id_of(own)[:8] not in log


async def test_reasons_are_kept_and_escaped(world, here):
    await here.moderator.slash(
        here.channel, "mod ban", person=here.bob, reason="spam **everywhere** @everyone"
    )
    picture = await paint(world, here, here.alice)
    await here.moderator.slash(
        here.channel, "mod delete", job=job_id_of(picture), reason="not this"
    )
    await here.moderator.slash(here.channel, "mod unban", person=here.bob, reason="sorry")
    log = listed(await here.moderator.slash(here.channel, "mod log"))
    assert ": not this" in log
    assert ": sorry" in log
    assert r": spam \*\*everywhere\*\*" in log


async def test_the_log_has_pages(world, here):
    guild = str(here.guild.id)
    for number in range(25):
        await world.bot.people.note(LoggedAct(guild, "1", "ban", "2", reason=f"number {number};"))
    found = [Finding(guild, "0" * 32, "2", "blood", 0.9, "warn")]
    await world.bot.store.picture_checks.add(found)
    pages = [
        listed(await here.moderator.slash(here.channel, "mod log", page=page)) for page in (1, 2, 3)
    ]
    assert "blood" in "".join(pages)
    for number in range(25):
        assert "".join(pages).count(f": number {number};") == 1
    assert ["Older: </mod log:" in page for page in pages] == [True, True, False]
    assert "not that many pages" in said(
        await here.moderator.slash(here.channel, "mod log", page=4)
    )


async def test_each_action_is_posted_to_the_log_channel(world, here, log_channel):
    await set_channel(world, here, log_channel)
    picture = await paint(world, here, here.alice)
    await here.moderator.click(picture, label="Delete")
    await here.moderator.slash(here.channel, "mod limit", person=here.bob, waiting=1, reason="many")
    await here.moderator.slash(here.channel, "mod unlimit", person=here.bob)
    await here.moderator.slash(here.channel, "mod unlimit", person=here.bob)  # nothing to lift
    found = Finding(str(here.guild.id), "0" * 32, "2", "blood", 0.9, "warn")
    await world.bot.store.picture_checks.add([found])
    entries = await world.until(
        lambda: len(found := log_channel.history()) == 4 and found, "the entries"
    )
    assert "deleted a picture" in entries[0].content
    assert entries[1].content.endswith(": many")
    assert "removed the limit" in entries[2].content
    assert "||blood||" in entries[3].content


async def test_a_log_channel_of_another_server_or_without_rights_is_refused(
    world, here, log_channel
):
    managers = here.guild.create_role(
        "managers", permissions=discord.Permissions(manage_guild=True)
    )
    mona = here.guild.add_member(world.env.create_user("mona"), roles=[managers])
    elsewhere = world.env.create_guild("Elsewhere").create_text_channel("general")

    async def choose(value):
        result = await mona.slash(here.channel, "config set", name="log_channel", value=value)
        return said(result)

    assert "text channel of this server" in await choose(f"<#{elsewhere.id}>")
    assert "a channel like #moderators" in await choose("#log")
    assert "log_channel is now" in await choose(f"<#{log_channel.id}>")
    # A file can name any channel, so posting checks again.
    await set_channel(world, here, elsewhere)
    await here.moderator.slash(here.channel, "mod ban", person=here.bob)
    await world.env.settle()
    assert elsewhere.history() == []


async def test_members_report_pictures_once_to_the_log_channel(world, here, log_channel):
    unreported = await paint(world, here, here.alice)
    assert "Report" not in labels(unreported)  # there is no channel for reports yet
    await set_channel(world, here, log_channel)
    picture = await paint(world, here, here.alice, count=2)
    for _ in range(2):
        assert said(await here.bob.click(picture, label="Report")).startswith("Reported.")
    [entry] = log_channel.history()
    assert f"{here.bob.mention} reported a picture by {here.alice.mention}" in entry.content
    assert picture.jump_url in entry.content
    assert await acts(world, here) == ["report"]
    await here.bob.click(picture, label="Video")
    [film] = await world.filmed(here.channel)
    assert labels(film) == ["Delete", "Report"]
    assert said(await here.alice.click(film, label="Report")).startswith("Reported.")
    assert film.jump_url in log_channel.history()[-1].content
    # Its Delete button asks for the rights in the picture's channel.
    assert "Only the person" in said(await here.bob.click(entry, label="Delete"))
    await here.moderator.click(entry, label="Delete")
    assert [message.id for message in world.results(here.channel)] == [unreported.id]
    assert await acts(world, here) == ["delete", "report", "report"]


async def test_styles_of_the_server_are_logged_and_a_member_s_own_are_not(world, here, log_channel):
    await set_channel(world, here, log_channel)

    async def style(person, command, **options):
        result = await person.slash(here.channel, f"style {command}", **options)
        await world.until(lambda: said(result), "the answer")

    moderator = here.moderator
    for words in ("watercolour", "*bold* ink"):
        await style(moderator, "add", name="wash", words=words)
        await style(moderator, "share", name="wash")
    await style(moderator, "remove", name="wash", server=True)
    await style(moderator, "remove", name="wash")
    assert await acts(world, here) == ["unstyle", "restyle", "style"]
    entries = await world.until(
        lambda: len(found := log_channel.history()) == 3 and found, "the entries"
    )
    assert [entry.content.partition("@")[2].partition("> ")[2] for entry in entries] == [
        "added a style of the server: wash: watercolour",
        r"changed a style of the server: wash: \*bold\* ink",
        "removed a style of the server: wash",
    ]
