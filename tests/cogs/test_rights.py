"""Power over a channel is not power over the server, and ids of pictures give nothing away."""

from __future__ import annotations

from types import SimpleNamespace

import discord
import pytest
import simcord.actors

from bot.ui.buttons import BUTTONS
from tests.cogs.cards import text_of
from tests.cogs.conftest import job_id_of

SECRET = "a secret hen"


def said(result):
    assert result.ephemeral
    response = result.response
    return f"{response.content} {text_of(result)}"


@pytest.fixture
def places(world, here):
    """A channel that only alice and administrators see, and one that bob alone moderates."""
    everyone = here.guild.roles["@everyone"]
    hidden = here.guild.create_text_channel(
        "hidden",
        overwrites={
            everyone: discord.PermissionOverwrite(view_channel=False),
            here.alice: discord.PermissionOverwrite(view_channel=True),
            world.bot.user: discord.PermissionOverwrite(view_channel=True),
        },
    )
    bobs = here.guild.create_text_channel(
        "bob's", overwrites={here.bob: discord.PermissionOverwrite(manage_messages=True)}
    )
    # A server's own settings can show the commands to anyone.
    world.bot.tree.get_command("mod").default_permissions = None
    return SimpleNamespace(hidden=hidden, bobs=bobs)


async def paint(world, person, channel, prompt):
    """Return the job's id of a finished picture."""
    await person.slash(channel, "imagine", prompt=f"{prompt} --iterations 1")
    count = len(world.results(channel)) + 1
    return job_id_of((await world.painted(channel, count))[-1])


async def pressed(world, person, channel, button, job_id):
    """Press a button with a known id on any message of the bot."""
    view = discord.ui.View(timeout=None)
    view.add_item(button(job_id))
    message = await world.bot.get_channel(channel.id).send(view=view)
    view.stop()
    return await person.click(message, custom_id=button.custom_id_of(job_id))


async def test_moderating_one_channel_gives_no_power_over_others(world, here, places):
    await world.bot.tree.sync()
    hidden = await paint(world, here.alice, places.hidden, SECRET)
    other = await paint(world, here.alice, here.channel, "a red hen")
    own = await paint(world, here.alice, places.bobs, "a blue hen")
    listed = said(await here.bob.slash(places.bobs, "mod jobs"))
    assert "a blue hen" in listed
    assert "a red hen" not in listed
    assert SECRET not in listed
    offered = await here.bob.autocomplete(places.bobs, "mod delete", "job", "hen")
    assert [choice["value"] for choice in offered] == [own]
    for job in (hidden, other):
        refused = await here.bob.slash(places.bobs, "mod delete", job=job)
        assert "You need Manage Messages in that picture's channel" in said(refused)
        assert await world.bot.store.job(job) is not None
    for command in ("ban", "unban", "limit", "unlimit"):
        options = {"waiting": 1} if command == "limit" else {}
        refused = await here.bob.slash(places.bobs, f"mod {command}", person=here.alice, **options)
        assert "You need Manage Messages in the whole server" in said(refused)
    for command in ("bans", "log"):
        refused = await here.bob.slash(places.bobs, f"mod {command}")
        assert "You need Manage Messages in the whole server" in said(refused)
    assert await world.bot.people.restrictions_in(str(here.guild.id)) == []
    # In the channel itself the power is real, also from another channel.
    deleted = await here.bob.slash(here.channel, "mod delete", job=own)
    await world.until(lambda: "Deleted" in said(deleted), "the answer")


async def test_a_moderator_has_no_power_in_a_channel_that_they_cannot_see(world, here, places):
    job = await paint(world, here.alice, places.hidden, SECRET)
    assert SECRET not in said(await here.moderator.slash(here.channel, "mod jobs"))
    assert await here.moderator.autocomplete(here.channel, "mod delete", "job", "hen") == []
    refused = await here.moderator.slash(here.channel, "mod delete", job=job)
    assert "in that picture's channel" in said(refused)
    administrators = here.guild.create_role(
        "administrators", permissions=discord.Permissions(administrator=True)
    )
    ada = here.guild.add_member(world.env.create_user("ada"), roles=[administrators])
    assert SECRET in said(await ada.slash(here.channel, "mod jobs"))
    deleted = await ada.slash(here.channel, "mod delete", job=job)
    await world.until(lambda: "Deleted" in said(deleted), "the answer")


async def test_the_queue_lists_only_channels_that_the_user_can_view(world, here, places):
    await here.alice.slash(places.hidden, "imagine", prompt=f"{SECRET} --iterations 900")
    await here.alice.slash(here.channel, "imagine", prompt="a red hen --iterations 900")
    text = said(await here.bob.slash(here.other, "queue"))
    assert SECRET not in text
    assert "a red hen" in text
    assert "1 picture from elsewhere" in text
    assert SECRET in said(await here.alice.slash(here.other, "queue"))
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)
    await world.until(lambda: not world.bot.delivery.busy, "the end")


@pytest.mark.parametrize("button", BUTTONS)
@pytest.mark.parametrize("where", ["direct", "hidden"])
async def test_a_forged_button_shows_and_does_nothing(world, here, places, button, where):
    if where == "direct":
        await here.alice.user.slash("imagine", prompt=f"{SECRET} --iterations 1")
        [result] = await world.painted(here.alice.user.dm_channel)
        job = job_id_of(result)
    else:
        job = await paint(world, here.alice, places.hidden, SECRET)
    before = len(world.messages(here.channel))
    for person in (here.bob, here.moderator):
        result = await pressed(world, person, here.channel, button, job)
        assert result.modal is None
        assert "can't see" in said(result) or "Only the person who requested" in said(result)
        assert SECRET not in said(result)
    assert world.bot.queue.overview() == []
    assert len(world.messages(here.channel)) == before + 2  # the messages with the forged buttons
    assert await world.bot.store.job(job) is not None


@pytest.mark.parametrize("label", ["Remix", "Edit"])
async def test_a_forged_modal_uses_nothing_of_another_s_picture(world, here, monkeypatch, label):
    await here.alice.user.slash("imagine", prompt=f"{SECRET} --iterations 1")
    [result] = await world.painted(here.alice.user.dm_channel)
    theirs = job_id_of(result)
    await here.bob.slash(here.channel, "imagine", prompt="a cow --iterations 1")
    [own] = await world.painted(here.channel)
    opened = await here.bob.click(own, label=label)
    dispatch = simcord.actors._dispatch_actor_interaction

    async def forge(actor, kind, channel, data, **more):
        data["custom_id"] = data["custom_id"].replace(job_id_of(own), theirs)
        return await dispatch(actor, kind, channel, data, **more)

    monkeypatch.setattr("simcord._modal._dispatch_actor_interaction", forge)
    field = "prompt" if label == "Remix" else "words"
    submitted = await here.bob.submit_modal(opened, {field: "a cow --iterations 1"})
    assert "in a channel that you can't see" in said(submitted)
    assert world.bot.queue.overview() == []


async def test_nobody_acts_on_members_who_are_not_below_them(world, here):
    guild = here.guild
    rights = discord.Permissions(manage_messages=True)
    roles = [guild.create_role(name, permissions=rights) for name in ("one", "two", "three")]
    order = {role.id: role for role in world.bot.get_guild(guild.id).roles}
    low, equal, high = sorted(roles, key=lambda role: order[role.id])

    def member(name, role):
        return guild.add_member(world.env.create_user(name), roles=[role])

    mo, peer, boss = member("mo", equal), member("peer", equal), member("boss", high)
    junior = member("junior", low)
    for command in ("ban", "limit", "unban", "unlimit"):
        options = {"waiting": 1} if command == "limit" else {}
        for person in (boss, peer):
            refused = await mo.slash(here.channel, f"mod {command}", person=person, **options)
            assert "highest role isn't below yours" in said(refused)
        refused = await mo.slash(here.channel, f"mod {command}", person=mo, **options)
        assert "to yourself" in said(refused)
        assert await world.bot.people.restrictions_in(str(guild.id)) == []
    accepted = await mo.slash(here.channel, "mod ban", person=junior)
    assert "is banned from making pictures here" in said(accepted)


async def test_nobody_acts_on_the_owner_or_a_bot_and_the_owner_acts_on_everyone(world, here):
    carol = world.env.create_user("carol")
    guild = world.env.create_guild("Carol's", owner=carol)
    channel = guild.create_text_channel("general")
    top = guild.create_role("top", permissions=discord.Permissions(administrator=True))
    ada = guild.add_member(world.env.create_user("ada"), roles=[top])
    robot = guild.add_member(world.env.create_user("robot", bot=True))
    owner = guild.add_member(carol)
    refused = await ada.slash(channel, "mod ban", person=owner)
    assert "the server's owner" in said(refused)
    assert "to a bot" in said(await ada.slash(channel, "mod ban", person=robot))
    assert "is banned" in said(await owner.slash(channel, "mod ban", person=ada))
