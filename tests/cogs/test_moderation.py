"""/mod: only moderators manage the pictures and members of their server."""

from __future__ import annotations

import re
from typing import Any

import discord
import pytest

from bot.errors import TermsError
from bot.requests.restrictions import check_not_banned, parse_duration
from data.people import Restriction
from tests.cogs.cards import listed
from tests.cogs.conftest import job_id_of

LONG = "a fox --iterations 900"


async def paint(world, here, person, prompt="a hen --iterations 1", count=1):
    await person.slash(here.channel, "imagine", prompt=prompt)
    return (await world.painted(here.channel, count))[-1]


def said(result):
    assert result.ephemeral
    return result.response.content


async def ask(person, channel, prompt="a cow --iterations 1"):
    return said(await person.slash(channel, "imagine", prompt=prompt))


COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("stop", {"job": "f" * 32}),
    ("delete", {"job": "f" * 32}),
    ("jobs", {}),
    ("log", {}),
    ("bans", {}),
    ("ban", {"person": "bob"}),
    ("unban", {"person": "bob"}),
    ("limit", {"person": "bob", "waiting": 1}),
    ("unlimit", {"person": "bob"}),
    ("purge", {"person": "bob"}),
]


async def test_discord_shows_the_commands_only_to_moderators_in_servers(world):
    [mod] = [
        command.to_dict(world.bot.tree)
        for command in world.bot.tree.get_commands()
        if command.name == "mod"
    ]
    assert mod["default_member_permissions"] == discord.Permissions(manage_messages=True).value
    assert mod["contexts"] == [0]
    assert {option["name"] for option in mod["options"]} == {name for name, _ in COMMANDS}


async def test_members_without_the_right_are_refused_even_if_they_see_the_commands(world, here):
    # Discord's settings can give the command to anyone, so the bot checks the right.
    group = world.bot.tree.get_command("mod")
    group.default_permissions = None
    await world.bot.tree.sync()
    for name, options in COMMANDS:
        given = {
            key: getattr(here, value) if key == "person" else value
            for key, value in options.items()
        }
        assert "You need Manage Messages" in said(
            await here.alice.slash(here.channel, f"mod {name}", **given)
        )
    assert await world.bot.people.acts(str(here.guild.id), 9) == []
    await paint(world, here, here.bob, "bob's secret --iterations 1")
    assert await here.alice.autocomplete(here.channel, "mod delete", "job", "secret") == []


async def test_stop_cancels_running_and_waiting_jobs(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    await here.bob.slash(here.channel, "imagine", prompt="a waiting hen")
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    shown = await here.moderator.autocomplete(here.channel, "mod stop", "job", "")
    assert [re.sub(r" · [0-9a-f]{8}", "", choice["name"]) for choice in shown] == [
        "running · a fox",
        "queued · a waiting hen",
    ]
    for choice in shown:
        result = await here.moderator.slash(here.channel, "mod stop", job=choice["value"])
        # The answer comes once the worker has stopped.
        assert await world.until(lambda result=result: said(result), "the answer") == (
            "Cancelled. Nothing will be posted."
        )
    assert world.bot.queue.overview() == []
    assert world.results(here.channel) == []
    again = await here.moderator.slash(here.channel, "mod stop", job=shown[0]["value"])
    assert "no longer in the queue" in said(again)
    log = listed(await here.moderator.slash(here.channel, "mod log"))
    assert log.count("cancelled a picture by") == 2
    assert f"{here.moderator.mention} cancelled a picture by {here.alice.mention}" in log


async def test_delete_removes_message_row_and_file_by_id_or_link(world, here):
    first = await paint(world, here, here.alice)
    second = await paint(world, here, here.bob, count=2)
    [choice] = await here.moderator.autocomplete(
        here.channel, "mod delete", "job", job_id_of(first)[:8]
    )
    assert "a hen" in choice["name"]
    for job, message in ((choice["value"], first), (second.jump_url, second)):
        path = world.bot.store.files.picture(job_id_of(message))
        assert path.exists()
        assert said(await here.moderator.slash(here.channel, "mod delete", job=job)) == "Deleted."
        assert message.id not in [each.id for each in world.messages(here.channel)]
        assert await world.bot.store.job(job_id_of(message)) is None
        assert not path.exists()
    assert world.messages(here.channel) == []  # the progress messages are gone too


async def test_a_running_job_is_deleted_completely(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    [job] = world.bot.queue.overview()
    result = await here.moderator.slash(here.channel, "mod delete", job=job.id)
    assert await world.until(lambda: said(result), "the answer") == "Deleted."
    assert world.messages(here.channel) == []
    assert await world.bot.store.job(job.id) is None
    assert list((world.bot.store.folder / "states").iterdir()) == []


async def test_another_server_s_pictures_are_out_of_reach(world, here):
    picture = await paint(world, here, here.alice)
    there = world.env.create_guild("Elsewhere")
    role = there.create_role("moderators", permissions=discord.Permissions(manage_messages=True))
    carol = there.add_member(world.env.create_user("carol"), roles=[role])
    channel = there.create_text_channel("general")
    assert await carol.autocomplete(channel, "mod delete", "job", "hen") == []
    for job in (job_id_of(picture), picture.jump_url, str(picture.id)):
        assert "can't find that picture in this server" in said(
            await carol.slash(channel, "mod delete", job=job)
        )
    assert "Nobody has made" in said(await carol.slash(channel, "mod jobs"))
    assert len(world.results(here.channel)) == 1
    # A ban applies only in its own server.
    await carol.slash(channel, "mod ban", person=here.alice.user)
    assert (await ask(here.alice, here.channel)).startswith("Queued")
    await world.painted(here.channel, 2)


async def test_jobs_shows_who_requested_each_picture(world, here):
    await paint(world, here, here.alice, "alice's hen --iterations 1")
    await paint(world, here, here.bob, "bob's hen --iterations 1", count=2)
    text = listed(await here.moderator.slash(here.channel, "mod jobs"))
    assert text.index("bob's hen") < text.index("alice's hen")
    assert here.alice.mention in text
    mine = listed(await here.moderator.slash(here.channel, "mod jobs", person=here.alice))
    assert "bob's hen" not in mine


async def test_a_ban_holds_until_it_ends_or_is_lifted(world, here):
    text = said(
        await here.moderator.slash(here.channel, "mod ban", person=here.alice, duration="7d")
    )
    assert re.search(r"is banned from making pictures here until <t:\d+:f>\.$", text)
    refused = await ask(here.alice, here.channel)
    assert re.fullmatch(
        r"You're banned from making pictures in this server until <t:\d+:f>\.", refused
    )
    assert world.bot.queue.overview() == []
    assert (await ask(here.bob, here.channel)).startswith("Queued")
    # A server's ban does not apply in direct messages.
    direct = await here.alice.user.slash("imagine", prompt="a hen --iterations 1")
    assert direct.response.content.startswith("Queued")
    bans = listed(await here.moderator.slash(here.channel, "mod bans"))
    assert f"{here.alice.mention} · banned: until <t:" in bans
    assert "can make pictures here again" in said(
        await here.moderator.slash(here.channel, "mod unban", person=here.alice)
    )
    assert "isn't banned" in said(
        await here.moderator.slash(here.channel, "mod unban", person=here.alice)
    )
    assert (await ask(here.alice, here.channel)).startswith("Queued")
    await world.painted(here.channel, 2)


async def test_a_banned_user_cannot_request_pictures_with_buttons(world, here):
    picture = await paint(world, here, here.bob)
    await here.moderator.slash(here.channel, "mod ban", person=here.alice)
    assert "banned from making pictures" in said(await here.alice.click(picture, label="Again"))
    await here.alice.click(picture, label="Remix")
    assert world.bot.queue.overview() == []
    with pytest.raises(Exception, match="banned from making pictures"):
        await check_not_banned(world.bot.people, str(here.guild.id), str(here.alice.id))


async def test_a_user_s_waiting_and_daily_pictures_can_be_limited(world, here):
    await here.moderator.slash(here.channel, "mod limit", person=here.alice, waiting=1)
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    refused = await ask(here.alice, here.channel)
    assert "limited you to 1 picture in the queue at a time. Wait for one" in refused
    assert (await ask(here.bob, here.channel)).startswith("Queued")
    [job, _] = world.bot.queue.overview()
    result = await here.moderator.slash(here.channel, "mod stop", job=job.id)
    await world.until(lambda: said(result), "the answer")
    await world.painted(here.channel)
    text = said(await here.moderator.slash(here.channel, "mod limit", person=here.alice, a_day=2))
    assert "2 pictures a day" in text
    assert (await ask(here.alice, here.channel)).startswith("Queued")  # the second of today
    refused = await ask(here.alice, here.channel)
    assert re.search(
        r"limited you to 2 pictures a day\. You can make the next one <t:\d+:R>\.", refused
    )
    await here.moderator.slash(here.channel, "mod unlimit", person=here.alice)
    assert (await ask(here.alice, here.channel)).startswith("Queued")
    await world.painted(here.channel, 3)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("ban", {"duration": "soon"}, '"soon" isn\'t a duration; try 30m'),
        ("ban", {"duration": "0d"}, "Use 1m to 3650d"),
        ("ban", {"duration": "9999w"}, "Use 1m to 3650d"),
        ("limit", {}, "Set a_day, waiting or both"),
        ("unlimit", {}, "has no limit here"),
    ],
)
async def test_wrong_options_are_refused_with_the_reason(world, here, name, options, words):
    result = await here.moderator.slash(here.channel, f"mod {name}", person=here.alice, **options)
    assert words in said(result)
    guild = str(here.guild.id)
    assert await world.bot.people.restrictions_in(guild) == []
    assert await world.bot.people.acts(guild, 9) == []


def test_durations_are_parsed():
    assert [parse_duration(text) for text in ("30m", "12h", "7d", " 2W ", "1d 12h", "1d12h")] == [
        1800,
        43_200,
        604_800,
        1_209_600,
        129_600,
        129_600,
    ]
    for text in ("", "7", "d", "-7d", "7 days", "1.5d", "7dd", "٣d" * 40, "9" * 30 + "d"):
        with pytest.raises(TermsError):
            parse_duration(text)


async def test_a_restriction_of_a_deleted_user_is_listed_without_a_name(world, here):
    guild = str(here.guild.id)
    alias = await world.bot.people.aliases.of("1")
    await world.bot.people.restrict(Restriction(guild, alias, "ban", moderator=None))
    text = listed(await here.moderator.slash(here.channel, "mod bans"))
    assert text.startswith("someone who deleted their data · banned")
    assert alias not in text
