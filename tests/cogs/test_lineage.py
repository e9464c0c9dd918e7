"""/lineage and the button: the tree of a picture, as far as the member can see it."""

from __future__ import annotations

import io

import discord
from PIL import Image

from bot.ui.job_button import view_of
from bot.ui.lineage import LineageButton
from tests.cogs.cards import listed, said
from tests.cogs.conftest import job_id_of
from tests.cogs.imagine.test_variations import pressed
from tests.store_database import database_of


async def grown(world, here):
    """A picture of alice's, a remix of bob's, and a variation of that one."""
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1 --seed 7")
    [first] = await world.painted(here.channel)
    opened = await here.bob.click(first, label="Remix")
    await here.bob.submit_modal(opened, {"prompt": "a cow --iterations 1"})
    second = (await world.painted(here.channel, 2))[-1]
    await pressed(world, here, second, "Vary (subtle)")
    third = (await world.painted(here.channel, 3))[-1]
    return first, second, third


async def tree(world, result):
    await world.until(lambda: said(result), "the tree")
    return listed(result).splitlines()


async def test_lineage_shows_the_tree_with_links_from_any_of_its_pictures(world, here):
    first, second, third = await grown(world, here)
    here_is = f"https://discord.com/channels/{here.guild.id}/{here.channel.id}"
    for given in (f"{here_is}/{first.id}", f"{here_is}/{third.id}", job_id_of(second)[:8]):
        result = await here.alice.slash(here.channel, "lineage", picture=given)
        lines = await tree(world, result)
        assert lines == [
            f"**1** a fox · [message]({here_is}/{first.id})",
            f"**2** ← 1 remix: a cow · [message]({here_is}/{second.id})",
            f"**3** ← 2 variation: a cow · [message]({here_is}/{third.id})",
        ]
    [file] = result.response.attachments
    assert file.description == "3 pictures: 1 a fox; 2 ← 1 remix: a cow; 3 ← 2 variation: a cow"
    image = Image.open(io.BytesIO(world.env.backend.cdn.get(file.url)))
    assert image.width > 2 * image.height
    newest = await here.bob.slash(here.channel, "lineage")
    assert len(await tree(world, newest)) == 3
    told = await here.alice.context_menu(here.channel, "Info", third)
    await world.until(lambda: said(told), "Info")
    assert len(await tree(world, await here.alice.click(told.response, label="Lineage"))) == 3


async def test_the_button_of_an_answer_from_before_cards_works(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 1")
    [picture] = await world.painted(here.channel)
    view = view_of(job_id_of(picture), (LineageButton,))
    channel = world.bot.get_channel(here.channel.id)
    old = await channel.send(embed=discord.Embed(title="Info"), view=view)
    view.stop()
    pressed = await here.alice.click(old, label="Lineage")
    assert len(await tree(world, pressed)) == 1
    assert world.messages(here.channel)[-1].embeds[0].title == "Info"


async def test_pictures_that_the_member_cannot_see_are_blank(world, here):
    first, _second, _third = await grown(world, here)
    await here.alice.slash(here.other, "imagine", prompt="a hen --iterations 1")
    again = await here.alice.click(first, label="Again")
    assert again is not None
    await world.painted(here.channel, 4)
    private = await world.bot.store.job(job_id_of((await world.painted(here.channel, 4))[-1]))
    await database_of(world.bot.store).change(
        "UPDATE jobs SET private_channel_id = '9', prompt = 'x' WHERE id = ?", private.id
    )
    result = await here.bob.slash(here.channel, "lineage", picture=job_id_of(first)[:8])
    lines = await tree(world, result)
    assert any(line.endswith("a picture that you can't see") for line in lines)
    assert sum("a fox" in line for line in lines) == 1


async def test_an_unknown_or_foreign_picture_is_refused(world, here):
    nothing = await here.alice.slash(here.channel, "lineage")
    assert "no pictures yet" in nothing.response.content
    for given in ("0123abcd", "hello", "https://discord.com/channels/1/123456789012345678/1"):
        refused = await here.alice.slash(here.channel, "lineage", picture=given)
        assert "I don't know that picture" in refused.response.content
    closed = here.guild.create_text_channel(
        "closed", overwrites={here.bob: discord.PermissionOverwrite(view_channel=False)}
    )
    await here.alice.slash(closed, "imagine", prompt="a secret --iterations 1")
    [secret] = await world.painted(closed)
    refused = await here.bob.slash(here.channel, "lineage", picture=job_id_of(secret)[:8])
    assert "can't see" in refused.response.content
