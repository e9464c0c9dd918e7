"""What people do in servers, one running bot for all: rights, accidents, moderators.

Each story has a server of its own.
"""

from __future__ import annotations

import io
import json

import discord
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw

from bot.standin import StandIn
from bot.standin.channels import FORUM
from bot.standin.commands import RefusedError
from bot.standin.components import buttons, texts
from bot.standin.guilds import MEMBER
from tests.cogs.media import png, sha256
from tests.e2e.conftest import check_described, host_environment, running_bot
from tests.e2e.jobs import rows
from tests.e2e.story_server import Server, by_label, from_bot

pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]
MANAGE_MESSAGES = discord.Permissions(manage_messages=True)
VIEW = discord.Permissions(view_channel=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory, catalogue):
    """The stand-in and a bot that is connected to it."""
    folder = tmp_path_factory.mktemp("stories")
    standin = StandIn()
    await standin.start()
    environment = host_environment(standin, folder / "data", catalogue, "tiny")
    environment["DISCORD_HOST_SERVER"] = standin.world.guild_id
    async with running_bot(standin, folder, environment) as bot:
        yield standin, bot
    await standin.stop()
    check_described(standin)


@pytest_asyncio.fixture(loop_scope="module")
async def server(running):
    standin, bot = running
    guild = standin.world.add_guild("Studio")
    return Server(standin, bot, guild, standin.world.add_channel("paintings", guild=guild))


@pytest_asyncio.fixture(loop_scope="module")
async def alice(running):
    return running[0].world.add_user("alice")


@pytest_asyncio.fixture(loop_scope="module")
async def bob(running):
    return running[0].world.add_user("bob")


async def test_a_picture_to_start_from_needs_the_edit_right_whatever_the_way_in(server, alice, bob):
    standin, channel = server.standin, server.channel
    painter = server.add_role("Painter")
    alice.roles.append(painter)
    await server.run(server.owner, "config roles allow", right="edit", role=painter)
    upload = standin.world.upload(channel, "red.png", png())
    started = {"prompt": "a fox", "iterations": 2, "init_image": upload}
    assert (await server.run(alice, "imagine", **started)).startswith("Queued")
    edited = await server.result()

    refusal = f"You need <@&{painter.id}> to edit pictures here."
    assert await server.run(bob, "imagine", **started) == refusal
    assert await server.run(bob, "edit", prompt="a hen", image=upload) == refusal
    assert await server.answer(await server.press(bob, edited, "Again")) == refusal
    assert await server.answer(await server.press(bob, edited, "Continue")) == refusal
    for label in ("Remix", "Edit"):
        opened = await server.press(bob, edited, label)
        assert await server.fill_in(bob, opened, "a hen --iterations 2") == refusal
    menu = await standin.menu(bob, channel, "Edit this image", edited)
    assert await server.fill_in(bob, menu, "a hen --iterations 2") == refusal
    await standin.say(bob, channel, "edit: a hen", reply_to=edited)
    await server.bot.until(
        lambda: [m for m in channel.messages.values() if m["content"] == refusal], "the refusal"
    )
    assert server.jobs(bob) == []
    # Words alone need no such right.
    assert (await server.run(bob, "imagine", prompt="a hen", iterations=2)).startswith("Queued")
    await server.result(2)
    assert [job["prompt"] for job in server.jobs(bob)] == ["a hen"]


async def test_power_over_one_channel_is_no_power_over_the_server(server, alice, bob):
    standin, channel = server.standin, server.channel
    helpers = server.add_role("Helper")
    bob.roles.append(helpers)
    boss = standin.world.add_user(
        "boss", server.add_role("Admin", discord.Permissions(administrator=True), position=2)
    )
    channel.overwrite(helpers, allow=MANAGE_MESSAGES)
    standin.world.changed(channel)
    secret = server.add_channel("secret")
    secret.overwrite(helpers, deny=VIEW)
    standin.world.changed(secret)

    told = await server.run(alice, "imagine", where=secret, prompt="a secret", iterations=2)
    assert told.startswith("Queued")
    hidden = await server.result(where=secret)
    assert (await server.run(alice, "imagine", prompt="a fox", iterations=2)).startswith("Queued")
    shown = await server.result()

    # In the channel that the overwrite is for: its pictures, and nothing else.
    jobs = await server.run(bob, "mod jobs")
    assert "a fox" in jobs
    assert "a secret" not in jobs
    assert await standin.complete(bob, channel, "mod delete", "job", "secret") == []
    for person in (alice, boss, server.owner):
        assert "in the whole server" in await server.run(bob, "mod ban", person=person)
    job = by_label(hidden, "Delete").rsplit(":", 1)[1]
    assert "in that picture's channel" in await server.run(bob, "mod delete", job=job)
    for label in ("Delete", "Remix", "Again"):
        forged = await server.press(bob, hidden, label)
        assert (await server.answer(forged)) in (
            "Only the person who requested this picture or a moderator can delete it.",
            "That picture is in a channel that you can't see.",
        )
        assert forged.modal is None
    assert hidden["id"] in secret.messages
    assert await server.run(bob, "mod delete", job=by_label(shown, "Delete").rsplit(":", 1)[1])
    assert shown["id"] not in channel.messages

    # A moderator of the server acts on members below them only.
    moderator = standin.world.add_user(
        "moderator", server.add_role("Moderator", MEMBER | MANAGE_MESSAGES)
    )
    assert "highest role isn't below" in await server.run(moderator, "mod ban", person=boss)
    assert "server's owner" in await server.run(moderator, "mod ban", person=server.owner)
    assert "is banned" in await server.run(moderator, "mod ban", person=alice)
    assert "banned" in await server.run(alice, "imagine", prompt="a fox", iterations=2)


async def test_a_direct_message_s_picture_is_shown_to_nobody_else(server, alice, bob):
    """Not even if Discord passed on what a changed client claims."""
    standin = server.standin
    direct = standin.world.direct(alice.id)
    await server.run(alice, "imagine", where=direct, prompt="a diary", iterations=2)
    mine = await server.result(where=direct)
    before = len(rows(server.bot, "SELECT id FROM jobs"))
    for user in (bob, server.owner):
        for label in ("Remix", "Again", "Edit", "Continue", "Video", "Delete"):
            forged = await server.press(user, mine, label)
            assert "diary" not in await server.answer(forged)
            assert forged.modal is None
        for label in ("Remix", "Edit"):
            opened = await server.press(alice, mine, label, where=direct)
            await server.bot.until(opened.acknowledged.is_set, "the modal")
            filled = await standin.submit(user, server.channel, opened.modal, "a hen")
            assert "can't see" in await server.answer(filled)
    assert len(rows(server.bot, "SELECT id FROM jobs")) == before
    assert mine["id"] in direct.messages


async def test_a_video_obeys_the_rules_of_the_place_where_it_is_asked_for(server, alice, bob):
    channel = server.channel
    assert (await server.run(alice, "imagine", prompt="a fox", iterations=2)).startswith("Queued")
    fox = await server.result()

    async def refused(part, user=bob):
        assert part in await server.answer(await server.press(user, fox, "Video"))

    await server.run(server.owner, "config channels deny", channel=channel)
    await refused("I can't paint in this channel")
    await server.run(server.owner, "config channels clear", channel=channel)
    await server.run(server.owner, "config words add", words="fox")
    await refused("||fox|| is blocked")
    await server.run(server.owner, "config words remove", word="fox")
    painter = server.add_role("Painter")
    await server.run(server.owner, "config roles allow", right="use", role=painter)
    await refused(f"You need <@&{painter.id}>")
    await server.run(server.owner, "config roles remove", right="use", role=painter)
    await server.run(server.owner, "config set", name="jobs_a_day", value="1")
    await refused("You've made 1 picture in the last 24 hours", alice)
    assert server.videos() == []
    assert server.jobs(bob) == []

    # It is a job like any other: it waits for its turn, and counts.
    assert (await server.answer(await server.press(bob, fox, "Video"))).startswith("Queued")
    await server.bot.until(server.videos, "the time-lapse")
    await refused("You've made 1 picture in the last 24 hours")
    assert len(server.videos()) == 1
    assert len(server.jobs(bob)) == 1


async def test_comments_start_nothing(server, alice, bob):
    standin, bot, channel = server.standin, server.bot, server.channel
    assert (await server.run(alice, "imagine", prompt="a fox", iterations=2)).startswith("Queued")
    fox = await server.result()
    me = f"<@{standin.world.application_id}>"
    for comment in ("lol nice", "what a fox! 10/10", "a hen would be better", "😂", f"{me} thanks"):
        await standin.say(bob, channel, comment, reply_to=fox)
    await standin.say(
        bob, channel, "edit: without a ping the bot can't read it", reply_to=fox, ping=False
    )
    # Help for bare mentions comes once, although two people ask.
    await standin.say(alice, channel, me)
    await standin.say(bob, channel, f"{me} hi")
    # In direct messages, plain words get the help text.
    direct = standin.world.direct(bob.id)
    for words in ("hi", "help"):
        await standin.say(bob, direct, words)
    await bot.until(lambda: len(from_bot(direct)) == 2, "the help")
    assert all("/imagine" in message["content"] for message in from_bot(direct))

    # The reply that says so is an edit; whatever came before it has been handled by then.
    await standin.say(bob, channel, "edit: a hen --iterations 2", reply_to=fox)
    await server.result(2)
    assert [job["prompt"] for job in server.jobs(bob)] == ["a hen"]
    helps = [message for message in from_bot(channel) if "/imagine" in message["content"]]
    assert len(helps) == 1
    assert len(from_bot(channel)) == 2 * 2 + len(helps)  # progress and result of two pictures

    # The server can turn replies off.
    await server.run(server.owner, "config set", name="replies", value="off")
    await standin.say(bob, channel, "edit: a goose --iterations 2", reply_to=fox)
    assert (await server.run(alice, "imagine", prompt="an owl", iterations=2)).startswith("Queued")
    await server.result(3)
    assert [job["prompt"] for job in server.jobs(bob)] == ["a hen"]


async def test_a_deleted_message_ends_its_job_or_removes_its_picture(server, alice):
    standin, bot, channel = server.standin, server.bot, server.channel
    # The bot removes this message itself when the picture is there, which ends nothing.
    await server.run(server.owner, "config set", name="progress", value="remove")
    assert (await server.run(alice, "imagine", prompt="a fox", iterations=2)).startswith("Queued")
    fox = await server.result()
    await bot.until(lambda: from_bot(channel) == [fox], "only the result")

    assert (await server.run(alice, "imagine", prompt="a hen", iterations=900)).startswith("Queued")
    progress = await bot.until(
        lambda: [m for m in from_bot(channel) if m is not fox and m["edited_timestamp"]],
        "the first change of the progress",
    )
    await standin.delete(channel, progress[0])
    await bot.until(lambda: server.states() == ["delivered", "cancelled"], "the end")

    await standin.delete(channel, fox)
    await bot.until(
        lambda: rows(bot, "SELECT id FROM jobs WHERE removed_at IS NOT NULL"), "the mark"
    )
    assert "its message was deleted" in await server.run(alice, "history")
    assert from_bot(channel) == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(running):
    """The host's own server, in which the host is an administrator."""
    standin, bot = running
    world = standin.world
    own = Server(standin, bot, world.guild, world.add_channel("desk"))
    world.host.roles.append(own.add_role("Host", discord.Permissions(administrator=True)))
    return own


async def test_only_the_host_s_own_server_is_shown_the_host_s_commands(server, desk):
    host, administrator = server.standin.world.host, desk.owner
    assert "Queue" in await desk.run(host, "admin stats")
    assert "Queue" not in await desk.run(administrator, "admin stats")
    with pytest.raises(RefusedError, match="sees no command 'admin'"):
        await server.run(server.owner, "admin stats")


async def test_the_host_keeps_people_and_servers_away(server, desk, alice, bob):
    standin, bot = server.standin, server.bot
    host = standin.world.host
    await desk.run(host, "admin people ban", person=bob)
    direct = standin.world.direct(bob.id)
    for place in (server.channel, direct):
        told = await server.run(bob, "imagine", where=place, prompt="a fox", iterations=2)
        assert not told.startswith("Queued")
    assert rows(bot, "SELECT id FROM jobs WHERE person = ?", bob.id) == []
    await desk.run(host, "admin people unban", person=bob)
    told = await server.run(bob, "imagine", where=direct, prompt="a fox", iterations=2)
    assert told.startswith("Queued")

    await desk.run(host, "admin servers deny", server=server.guild.id)
    assert server.guild.kicked
    await standin.invite(server.guild)
    await bot.until(lambda: server.guild.kicked, "leaving again")
    await desk.run(host, "admin servers allow", server=server.guild.id)
    await standin.invite(server.guild)
    assert (await server.run(alice, "imagine", prompt="a fox", iterations=2)).startswith("Queued")
    await server.result()
    assert not server.guild.kicked


async def test_pictures_in_forum_posts_and_archived_threads(server, alice):
    standin, bot = server.standin, server.bot
    forum = server.add_channel("posts", kind=FORUM)
    post = standin.world.add_thread(forum, "foxes")
    # A locked post takes nothing from the bot; the picture goes to its person.
    locked = standin.world.add_thread(forum, "hens")
    for place, direct in ((post, False), (locked, True)):
        began = len(standin.rest.requests)
        told = await server.run(alice, "imagine", where=place, prompt="a fox", iterations=15)
        assert told.startswith("Queued")
        await bot.until(lambda place=place: list(place.messages.values()), "the progress")
        place.archived, place.locked = True, direct
        standin.world.changed(place)
        await server.result(where=standin.world.direct(alice.id) if direct else place)
        codes = [
            request.path.startswith(f"/api/v10/channels/{place.id}/") and request.status == 400
            for request in standin.rest.requests[began:]
        ]
        assert any(codes)  # the archive refused an edit
    assert not post.archived
    assert not standin.results(locked)

    # What is denied in a forum is denied in its posts.
    await server.run(server.owner, "config channels deny", channel=forum)
    refusal = "I can't paint in this channel. Try another one."
    assert await server.run(alice, "imagine", where=post, prompt="a fox") == refusal


def grids(channel) -> list[dict]:
    """The posted grids, oldest first."""
    return [
        message
        for message in channel.messages.values()
        if "U1" in [button["label"] for button in buttons(message)]
    ]


async def test_from_a_grid_to_variations_of_one_picture_to_a_larger_one(server, alice):
    channel, bot = server.channel, server.bot
    told = await server.run(server.owner, "config set", name="max_size", value="64x64")
    assert "64x64" in told
    told = await server.run(
        alice, "imagine", prompt="a red circle", count=4, iterations=3, size="32x32"
    )
    assert told.endswith(" · 4 pictures.")
    [grid] = await bot.until(lambda: grids(channel), "the grid")
    assert [button["label"] for button in buttons(grid)] == [
        *("U1", "U2", "U3", "U4", "Again", "V1", "V2", "V3", "V4", "Remix", "Delete")
    ]
    varied = await server.press(alice, grid, "V2")
    assert (await server.answer(varied)).startswith("Queued")
    [_, second] = await bot.until(lambda: grids(channel)[1:] and grids(channel), "the variations")
    larger = await server.press(alice, second, "U1")
    assert (await server.answer(larger)).startswith("Queued")
    result = await server.result()
    await bot.until(lambda: server.states() == ["delivered"] * 9, "all of them stored")
    sql = "SELECT id, request, result FROM jobs WHERE guild_id = ? ORDER BY sequence"
    jobs = rows(bot, sql, server.guild.id)
    requests = [json.loads(job["request"]) for job in jobs]
    assert [each.get("parent") for each in requests] == [
        *[None] * 4,
        *[jobs[1]["id"]] * 4,
        jobs[4]["id"],
    ]
    assert len({each["seed"] for each in requests[:4]}) == 4
    assert {each["vary"] for each in requests[4:8]} == {0.6}
    made = [json.loads(job["result"]) for job in jobs]
    assert [(each["width"], each["height"]) for each in made] == [(32, 32)] * 8 + [(64, 64)]
    assert "64×64" in result["embeds"][0]["footer"]["text"]


async def test_nudged_and_frozen_while_it_paints_by_its_requester_alone(server, alice, bob):
    channel, bot = server.channel, server.bot
    told = await server.run(alice, "imagine", prompt="a red circle", iterations=900, seed=7)
    assert told.startswith("Queued")

    def painting() -> list[dict]:
        return [
            message
            for message in channel.messages.values()
            if "Nudge" in [button["label"] for button in buttons(message)]
        ]

    [progress] = await bot.until(painting, "a preview with the buttons")
    refused = await server.press(bob, progress, "Nudge")
    assert "Only the person who requested" in await server.answer(refused)
    assert refused.modal is None
    opened = await server.press(alice, progress, "Nudge")
    answer = await server.fill_in(alice, opened, "a blue circle")
    assert answer == "From the next iteration on: a blue circle"
    offered = await server.press(alice, progress, "Freeze")
    await bot.until(lambda: offered.message and buttons(offered.message), "what can be frozen")
    assert offered.ephemeral
    frozen = await server.press(alice, offered.message, "Left half")
    assert await server.answer(frozen) == "From the next iteration on: frozen: @left"

    def steering() -> list[dict]:
        [job] = server.jobs(alice)
        return job.get("steering", [])

    await bot.until(lambda: len(steering()) == 2, "both changes in the row")
    nudge, freeze = steering()
    assert (nudge["paint"], freeze["freeze"]) == ("a blue circle", "@left")
    assert 0 <= nudge["at"] <= freeze["at"] < 900
    await server.answer(await server.press(alice, progress, "Stop"))
    result = await server.result()
    description = result["embeds"][0]["description"]
    assert f"from iteration {nudge['at']}\n- a blue circle" in description
    assert "- frozen: @left" in description


async def test_a_picture_with_enough_stars_is_on_the_starboard_once(server, alice, bob):
    standin, bot, channel = server.standin, server.bot, server.channel
    board = server.add_channel("starboard")
    for name, value in (("channel", f"<#{board.id}>"), ("threshold", "2")):
        await server.run(server.owner, "config set", name=f"starboard_{name}", value=value)
    assert (await server.run(alice, "imagine", prompt="a fox", iterations=2)).startswith("Queued")
    fox = await server.result()
    await bot.until(lambda: server.states() == ["delivered"], "the message's number stored")
    await standin.react(alice, channel, fox, "⭐")
    await standin.react(bob, channel, fox, "👍")
    await standin.react(bob, channel, fox, "⭐")
    [shown] = await bot.until(lambda: from_bot(board), "the starboard")
    head, prompt = texts(shown)
    assert head.startswith(f"⭐ **2** · <#{channel.id}>")
    assert prompt == "- a fox"
    # Another star changes nothing, and a deleted picture is not shown any more.
    await standin.react(server.owner, channel, fox, "⭐")
    await bot.until(lambda: rows(bot, "SELECT * FROM stars WHERE stars = 3"), "the third star")
    assert from_bot(board) == [shown]
    await standin.delete(channel, fox)
    await bot.until(lambda: from_bot(board) == [], "the removal")


async def test_a_stopped_picture_is_touched_up_elsewhere_and_painted_on(server, alice):
    standin, channel, bot = server.standin, server.channel, server.bot
    told = await server.run(alice, "imagine", prompt="a red circle", iterations=900)
    assert told.startswith("Queued")
    [progress] = await bot.until(
        lambda: [
            message
            for message in from_bot(channel)
            if message["attachments"] and "Stop" in [each["label"] for each in buttons(message)]
        ],
        "a preview",
    )
    assert "Stopping" in await server.answer(await server.press(alice, progress, "Stop"))
    stopped = await server.result()
    [file] = stopped["attachments"]
    made = Image.open(io.BytesIO(standin.world.blobs[file["url"].removeprefix(standin.url)]))
    ImageDraw.Draw(made).rectangle((0, 0, made.width // 2, made.height), fill="navy")
    touched = io.BytesIO()
    made.save(touched, "PNG")
    await standin.say(
        alice,
        channel,
        "edit: a red circle at night --iterations 4",
        reply_to=stopped,
        files=(("touched.png", touched.getvalue()),),
    )
    await server.result(2)
    first, second = server.jobs(alice)
    assert second["init_image"] == sha256(touched.getvalue())
    assert second["prompt"] == "a red circle at night"
    assert first.get("init_image") is None
