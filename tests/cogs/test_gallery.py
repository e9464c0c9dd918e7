"""/gallery: public pictures of the server, in the channels that the member can see."""

from __future__ import annotations

import sys

import discord
import pytest

from tests.cogs.cards import buttons, text_of, walk
from tests.cogs.channels import channel_for_adults
from tests.cogs.conftest import job_id_of


@pytest.fixture(autouse=True)
def _quick(world, monkeypatch):
    small_pages()
    monkeypatch.setattr("bot.delivery.starboard.WAIT_SECONDS", 0)


def small_pages():
    """Two pictures a page; each bot that starts loads a module of its own."""
    vars(sys.modules["cogs.gallery"])["PAGE"] = 2


async def paint(world, person, channel, *prompts, **options):
    before = len(world.results(channel))
    for prompt in prompts:
        await person.slash(channel, "imagine", prompt=f"{prompt} --iterations 1", **options)
    return (await world.painted(channel, before + len(prompts)))[before:]


async def turn(person, shown, label):
    button = next(button for button in buttons(shown) if button["label"] == label)
    await person.click(shown.response, custom_id=button["custom_id"])


async def test_everyone_s_pictures_are_shown_newest_first_in_pages(world, here):
    await paint(world, here.alice, here.channel, "one", "two", "three")
    [four] = await paint(world, here.bob, here.other, "four")
    shown = await here.bob.slash(here.channel, "gallery")
    assert shown.ephemeral
    text = text_of(shown)
    assert text.index("four") < text.index("three")
    assert "two" not in text
    assert str(four.id) in text
    items = [each for part in walk(shown.response.components) for each in part.get("items", [])]
    assert [item["description"] for item in items] == ["four", "three"]
    assert len(shown.response.attachments) == 2
    await world.restart()
    small_pages()
    await turn(here.bob, shown, "Older")
    assert "two" in text_of(shown)
    assert "one" in text_of(shown)
    assert "Older" not in [button["label"] for button in buttons(shown)]
    await turn(here.bob, shown, "Newer")
    assert "four" in text_of(shown)
    assert "three" in text_of(shown)


async def test_only_public_pictures_of_visible_channels_are_shown(world, here):
    guild = str(here.guild.id)
    await world.bot.store.guilds.change_settings(guild, "1", {"private": True})
    closed = here.guild.create_text_channel(
        "closed", overwrites={here.bob: discord.PermissionOverwrite(view_channel=False)}
    )
    adults = await channel_for_adults(world, here)
    await paint(world, here.alice, closed, "a secret")
    await paint(world, here.alice, adults, "for adults")
    await here.alice.slash(here.channel, "imagine", prompt="my own --iterations 1", private=True)
    await world.until(lambda: not world.bot.queue.overview(), "the private one")
    await world.until(lambda: not world.bot.delivery.busy, "the private one")
    [gone] = await paint(world, here.alice, here.channel, "deleted later")
    world.env.backend.delete_message(here.channel.id, gone.id)
    await world.env.settle()
    shown = await here.bob.slash(here.channel, "gallery")
    assert "have no pictures yet" in text_of(shown)
    assert "secret" in text_of(await here.alice.slash(here.channel, "gallery"))
    assert "for adults" in text_of(await here.bob.slash(adults, "gallery"))
    # A page that was opened by somebody who sees more shows others no more.
    opened = await here.alice.slash(here.channel, "gallery")
    assert "secret" in text_of(opened)


async def test_the_most_starred_come_first(world, here):
    one, two, three = await paint(world, here.alice, here.channel, "one", "two", "three")
    for message, people in ((two, (here.alice, here.bob)), (one, (here.bob,))):
        for person in people:
            await person.react(message, "⭐")
    await world.env.settle()
    shown = await here.bob.slash(here.channel, "gallery", order="starred")
    lines = [line for line in text_of(shown).splitlines() if line.startswith("-")]
    assert [line.split(" · ")[:2] for line in lines] == [["- ⭐ 2", "two"], ["- ⭐ 1", "one"]]
    assert "three" not in text_of(shown)
    assert (await world.bot.store.stars.of(job_id_of(three))).stars == 0


async def test_a_reported_picture_is_hidden_until_a_moderator_shows_it_again(world, here):
    guild = str(here.guild.id)
    await world.bot.store.guilds.change_settings(guild, "1", {"log_channel": str(here.other.id)})
    [picture] = await paint(world, here.alice, here.channel, "a fox")
    await here.bob.click(picture, label="Report")
    shown = await here.bob.slash(here.channel, "gallery")
    assert "fox" not in text_of(shown)
    entry = world.messages(here.other)[-1]
    refused = await here.alice.click(entry, label="Show again")
    assert "Manage Messages" in refused.response.content
    allowed = await here.moderator.click(entry, label="Show again")
    assert "gallery" in allowed.response.content
    assert "fox" in text_of(await here.bob.slash(here.channel, "gallery"))


async def test_a_spoiler_stays_one(world, here):
    await paint(world, here.alice, here.channel, "a fox", spoiler=True)
    shown = await here.bob.slash(here.channel, "gallery")
    [item] = [each for part in walk(shown.response.components) for each in part.get("items", [])]
    assert item["spoiler"]
