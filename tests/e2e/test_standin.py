"""The stand-in against the real discord.py, without the bot: what later tests build on."""

from __future__ import annotations

import asyncio

import discord
import pytest
import yarl

from bot.standin.channels import FORUM, NEWS
from bot.standin.commands import RefusedError
from bot.standin.guilds import MEMBER
from tests.e2e.standin_client import Client, running

pytestmark = pytest.mark.timeout(120)
MODERATE = discord.Permissions(manage_messages=True)


@pytest.fixture
def address(standin, monkeypatch):
    monkeypatch.setattr(discord.http.Route, "BASE", f"{standin.url}/api/v10")
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket,
        "DEFAULT_GATEWAY",
        yarl.URL(standin.gateway.url),
    )


@pytest.fixture
async def client(standin, address, channel):
    async with running(Client(), standin.token) as client:
        yield client


async def answered(interaction):
    await asyncio.wait_for(interaction.acknowledged.wait(), 10)
    return interaction


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not happen")


async def test_subcommands_get_people_roles_channels_and_files(client, channel, alice, standin):
    world = standin.world
    painter = world.add_role("Painter")
    bob = world.add_user("bob", painter)
    thread = world.add_thread(channel, "foxes")
    for place in (channel, thread, world.add_channel("posts", FORUM)):
        picture = world.upload(channel, "fox.png", b"a fox")
        await standin.command(
            alice,
            channel,
            "outer inner named",
            member=bob,
            role=painter,
            place=place,
            picture=picture,
            number=0.25,
        )
        name, roles, role, where, kind, file, number = await client.next("named")
        assert (name, roles[1:], role) == ("bob", ["Painter"], "Painter")
        assert (where, kind) == (place.name, discord.ChannelType(place.kind).name)
        assert (file, number) == ("fox.png", 0.25)
    assert await standin.complete(alice, channel, "outer word", "word", "fo") == ["fo!"]


async def test_a_client_does_not_send_what_a_command_does_not_take(client, channel, alice, standin):
    for path, options in (
        ("nothing", {}),
        ("outer", {}),
        ("outer nothing", {}),
        ("outer word", {}),
        ("outer word", {"word": 5}),
        ("outer word", {"words": "a"}),
        ("moderate", {}),
    ):
        with pytest.raises(RefusedError):
            await standin.command(alice, channel, path, **options)
    with pytest.raises(RefusedError, match="sees no command"):
        await standin.command(alice, standin.world.direct(alice.id), "moderate")


@pytest.mark.parametrize("hidden", [False, True])
async def test_components_change_their_message(client, channel, alice, standin, hidden):
    asked = await answered(await standin.command(alice, channel, "panel", hidden=hidden))
    assert asked.ephemeral is hidden
    panel = asked.message
    assert (panel["id"] in channel.messages) is not hidden

    later = await standin.press(alice, channel, panel, "Later")
    await until(lambda: panel["content"] == "later")
    assert later.answer == {"type": 6}

    opened = await answered(await standin.press(alice, channel, panel, "Words"))
    await standin.submit(alice, channel, opened.modal, {"kind": ("Ink",)}, source=panel)
    # The fields have made-up ids, so the values are found by position.
    ids = [label["component"]["custom_id"] for label in opened.modal["components"]]
    opened = await answered(await standin.press(alice, channel, panel, "Words"))
    ids = [label["component"]["custom_id"] for label in opened.modal["components"]]
    filled = await standin.submit(alice, channel, opened.modal, {ids[1]: ("Ink",)}, source=panel)
    await answered(filled)
    assert panel["content"] == "a fox in Ink"
    assert filled.answer["type"] == 7

    done = await answered(await standin.press(alice, channel, panel, "Done"))
    assert done.answer["type"] == 7
    assert (panel["content"], panel["components"]) == ("done", [])


async def test_select_menus_get_channels_roles_and_people(client, channel, alice, bob, standin):
    asked = await answered(await standin.command(alice, channel, "panel"))
    news, role = standin.world.add_channel("news", NEWS), standin.world.add_role("Painter")
    for custom_id, values, expected in (
        ("channels", (channel, news), ["paintings", "news"]),
        ("roles", (role,), ["Painter"]),
        ("people", (bob,), ["bob"]),
    ):
        await standin.select(alice, channel, asked.message, custom_id, *values)
        assert await client.next("selected") == expected
    with pytest.raises(RefusedError):
        await standin.select(alice, channel, asked.message, "people", alice, bob)


async def test_followups_are_edited_and_answers_deleted(client, channel, alice, standin):
    asked = await standin.command(alice, channel, "slow")
    await until(lambda: asked.answer is not None and asked.message is None)
    # The first followup takes the place of the deferred answer.
    assert [message["content"] for message in asked.followups] == ["second, edited"]
    assert channel.messages == {}


async def test_menus_get_the_message_or_the_person(client, channel, alice, bob, standin):
    message = await standin.say(bob, channel, "a fox")
    await standin.menu(alice, channel, "Look at it", message)
    assert await client.next("menu") == ("a fox", "bob")
    await standin.menu(alice, channel, "Look at them", bob)
    assert await client.next("menu") == ("bob", int(bob.id))


async def test_a_channel_s_overwrite_is_no_power_in_the_server(client, channel, standin):
    world = standin.world
    painter = world.add_role("Painter")
    helper = world.add_user("helper", painter)
    channel.overwrite(painter, allow=MODERATE)
    world.changed(channel)
    await standin.command(helper, channel, "moderate")
    owner = int(world.guild.owner.id)
    assert await client.next("powers") == (True, False, "Painter", owner)
    moderator = world.add_user("moderator", world.add_role("Moderator", MEMBER | MODERATE))
    channel.overwrite(painter)
    await standin.command(moderator, channel, "moderate")
    assert await client.next("powers") == (True, True, "Moderator", owner)
    with pytest.raises(RefusedError):
        await standin.command(helper, channel, "moderate")


async def test_threads_archives_and_forums_refuse_as_discord_does(client, channel, standin):
    world = standin.world
    posts = world.add_channel("posts", FORUM)
    thread = world.add_thread(posts, "foxes")
    place = client.get_partial_messageable(int(thread.id))
    message = await place.send("a fox")
    world_message = thread.messages[str(message.id)]
    thread.archived = True
    world.changed(thread)
    assert await client.next("thread") is True
    with pytest.raises(discord.HTTPException) as caught:
        await message.edit(content="a hen")
    assert (caught.value.status, caught.value.code) == (400, 50083)
    assert world_message["content"] == "a fox"
    await place.send("again")
    assert await client.next("thread") is False
    await message.edit(content="a hen")
    thread.archived = thread.locked = True
    with pytest.raises(discord.HTTPException) as caught:
        await place.send("locked")
    assert caught.value.code == 50083
    await message.delete()  # works in archived threads, too
    assert await client.next("deleted") == message.id
    with pytest.raises(discord.HTTPException) as caught:
        await client.get_partial_messageable(int(posts.id)).send("a fox")
    assert caught.value.code == 50008
    # A thread has its parent's overwrites.
    posts.bot_permissions = MEMBER & ~discord.Permissions(send_messages_in_threads=True)
    with pytest.raises(discord.Forbidden):
        await client.get_partial_messageable(int(world.add_thread(posts, "hens").id)).send("a")


async def test_every_session_gets_the_events_of_its_servers(address, alice, standin):
    world = standin.world
    guilds = [world.guild]
    guilds += [world.add_guild("another", shard, 2) for shard in (0, 1)]
    channels = [world.add_channel("paintings", guild=guild) for guild in guilds]
    sharding, single = Client(2), Client()
    async with running(sharding, standin.token), running(single, standin.token):
        assert standin.gateway.identified == 3
        assert len(sharding.guilds) == len(single.guilds) == len(guilds)
        for channel in (*channels, world.direct(alice.id)):
            await standin.say(alice, channel, f"<@{world.application_id}> hello")
            for client in (sharding, single):
                assert str((await client.next("message")).channel.id) == channel.id
        # Both answer an interaction; Discord takes the first answer only.
        asked = await standin.command(alice, channels[0], "outer word", word="fox")
        await until(lambda: len(standin.requests("POST", "callback")) == 2)
        await until(lambda: all(r.status for r in standin.requests("POST", "callback")))
        statuses = sorted(request.status for request in standin.requests("POST", "callback"))
        assert statuses == [200, 400]
        assert asked.content == "fox"


async def test_deleted_and_hidden_messages(client, channel, alice, standin):
    message = await standin.say(alice, channel, "hello")
    assert (await client.next("message")).content == ""
    await standin.delete(channel, message)
    assert await client.next("deleted") == int(message["id"])
    mine = await client.get_partial_messageable(int(channel.id)).send("a fox")
    assert (await client.next("message")).id == mine.id
    reply = await standin.say(alice, channel, "nice", reply_to=channel.messages[str(mine.id)])
    got = await client.next("message")
    assert (got.content, got.id) == ("nice", int(reply["id"]))
    await standin.say(alice, channel, "nice", reply_to=channel.messages[str(mine.id)], ping=False)
    assert (await client.next("message")).content == ""


async def test_reactions_are_counted_and_told_to_those_who_ask_for_them(
    client, channel, alice, standin
):
    bob = standin.world.add_user("bob")
    message = await standin.say(alice, channel, "a fox")
    direct = await standin.say(alice, standin.world.direct(alice.id), "a hen")

    async def shown():
        found = await client.get_channel(int(channel.id)).fetch_message(int(message["id"]))
        return [(str(each.emoji), each.count, each.me) for each in found.reactions]

    await standin.react(alice, standin.world.direct(alice.id), direct, "⭐")  # without that intent
    for user, emoji in ((alice, "⭐"), (bob, "⭐"), (bob, "⭐"), (bob, "🔥")):
        await standin.react(user, channel, message, emoji)
    emoji, member, author = await client.next("reaction")
    assert (emoji, member.name, author) == ("⭐", "alice", int(alice.id))
    assert await shown() == [("⭐", 2, False), ("🔥", 1, False)]
    await standin.unreact(alice, channel, message, "⭐")
    assert await client.next("no reaction") == ("⭐", int(alice.id))
    with pytest.raises(RefusedError):
        await standin.unreact(alice, channel, message, "⭐")
    with pytest.raises(RefusedError):
        standin.reactions.clear(alice, channel, message)
    moderator = standin.world.add_user("mo", standin.world.add_role("mods", MEMBER | MODERATE))
    standin.reactions.clear(moderator, channel, message, "🔥")
    assert await client.next("cleared") == "🔥"
    assert await shown() == [("⭐", 1, False)]
    standin.reactions.clear(moderator, channel, message)
    assert await client.next("cleared") == int(message["id"])
    assert await shown() == []
    channel.overwrite(channel.guild.roles[0], deny=discord.Permissions(add_reactions=True))
    with pytest.raises(RefusedError, match="Add Reactions"):
        await standin.react(bob, channel, message, "⭐")
