"""Pictures behind a spoiler: by choice, by role, and what is made from them."""

from __future__ import annotations

import pytest

from tests.cogs.conftest import job_id_of


def is_hidden(message):
    return all(file.filename.startswith("SPOILER_") for file in message.attachments)


@pytest.fixture
async def hidden(world, here):
    await here.alice.slash(
        here.channel, "imagine", prompt="a fox --iterations 2 --seed 1", spoiler=True
    )
    [picture] = await world.painted(here.channel)
    return picture


async def test_a_picture_is_hidden_by_choice_and_only_that_one(world, here, hidden):
    assert is_hidden(hidden)
    assert hidden.embeds[0].image.url is None
    await here.alice.slash(here.channel, "imagine", prompt="a hen --iterations 1")
    assert not is_hidden((await world.painted(here.channel, 2))[-1])


async def test_what_is_made_from_it_is_hidden_too(world, here, hidden):
    await here.bob.click(hidden, label="Again")
    assert is_hidden((await world.painted(here.channel, 2))[-1])
    opened = await here.bob.click(hidden, label="Edit")
    await here.bob.submit_modal(opened, {"words": "a red fox --iterations 1"})
    assert is_hidden((await world.painted(here.channel, 3))[-1])
    await here.bob.click(hidden, label="Video")
    [film] = await world.filmed(here.channel)
    assert is_hidden(film)


async def test_a_picture_stays_hidden_through_a_restart(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 60", spoiler=True)
    await world.until(lambda: "of 60" in world.messages(here.channel)[0].content, "a preview")
    await world.restart()
    [picture] = await world.painted(here.channel)
    assert is_hidden(picture)
    assert (await world.bot.store.job(job_id_of(picture))).place.spoiler


async def test_a_role_s_pictures_are_always_hidden(world, here):
    role = here.guild.create_role("newcomers")
    values = {"roles_spoiler": [str(role.id)]}
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)
    newcomer = here.guild.add_member(world.env.create_user("nora"), roles=[role])
    await newcomer.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    [picture] = await world.painted(here.channel)
    assert is_hidden(picture)
    await here.alice.slash(here.channel, "imagine", prompt="a hen --iterations 1")
    assert not is_hidden((await world.painted(here.channel, 2))[-1])
