"""The menu "Info": it tells how a picture was made, to those who can see it."""

from __future__ import annotations

import io

import discord
import pytest
from PIL import Image

from bot.ui.buttons import AgainButton
from tests.cogs.conftest import job_id_of
from tests.cogs.imagine.test_grid import painted as painted_grids

PROMPT = "a red circle + a hen:0.5 --iterations 3 --seed 7 --cutouts 2"


async def paint(world, here, prompt=PROMPT, count=1):
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    return (await world.painted(here.channel, count))[-1]


async def info(world, person, channel, message):
    result = await person.context_menu(channel, "Info", message)
    assert result.ephemeral
    await world.until(lambda: result.response and (said(result) or fields(result)), "the answer")
    return result


def said(result):
    return result.response.content


def fields(result):
    return {
        field["name"]: field["value"]
        for embed in result.response.embeds
        for field in (embed if isinstance(embed, dict) else embed.to_dict()).get("fields", [])
    }


async def test_info_tells_prompt_settings_and_losses_with_a_plot(world, here):
    message = await paint(world, here)
    result = await info(world, here.bob, here.channel, message)
    told = fields(result)
    assert told["Prompt"] == "a red circle + a hen:0.5"
    assert told["Understood as"] == "- a red circle\n- a hen × 0.5"
    assert (told["Seed"], told["Model"], told["Iterations"]) == ("7", "tiny", "3")
    assert told["Size"] == "32×32"
    assert told["Other settings"] == "--cutouts 2"
    assert told["Losses at the end"].startswith("total ")
    assert "a hen" in told["Losses at the end"]
    assert "Made from" not in told
    [plot] = result.response.attachments
    assert plot.description is not None
    assert plot.description.startswith("Losses: from ")
    assert plot.description.endswith(" in 3 iterations")
    assert Image.open(io.BytesIO(world.env.backend.cdn.get(plot.url))).size == (480, 200)
    kept = await world.bot.store.losses(job_id_of(message))
    assert (kept.every, len(kept.total)) == (1, 3)
    assert set(kept.last) == {"total", "a red circle", "a hen:0.5"}


async def test_info_names_the_pictures_that_it_was_made_from(world, here):
    first = await paint(world, here)
    await here.bob.click(first, label="Again")
    second = (await world.painted(here.channel, 2))[-1]
    opened = await here.alice.click(second, label="Remix")
    await here.alice.submit_modal(opened, {"prompt": "a cow --iterations 1"})
    third = (await world.painted(here.channel, 3))[-1]
    told = fields(await info(world, here.alice, here.channel, third))["Made from"]
    lines = told.splitlines()
    assert [line[:2] for line in lines] == ["1.", "2."]
    assert f"/{second.id})" in lines[0]
    assert "seed 7" in lines[1]
    assert f"/{first.id})" in lines[1]
    await here.alice.click(first, label="Delete")
    told = fields(await info(world, here.alice, here.channel, third))["Made from"]
    assert told.splitlines()[1] == "2. a picture that was deleted"
    assert (await world.bot.store.job(job_id_of(second))).parent == job_id_of(first)


async def test_a_parent_that_the_member_cannot_see_is_not_told(world, here):
    closed = here.guild.create_text_channel(
        "closed",
        overwrites={here.bob: discord.PermissionOverwrite(view_channel=False)},
    )
    await here.alice.slash(closed, "imagine", prompt="alice's secret --iterations 1")
    [secret] = await world.painted(closed)
    bot = world.bot
    bot_channel = bot.get_channel(here.channel.id)
    view = discord.ui.View(timeout=None)
    view.add_item(AgainButton(job_id_of(secret)))
    copied = await bot_channel.send(view=view)  # as if it had been forwarded by its requester
    view.stop()
    await here.alice.click(copied, label="Again")
    [seen] = await world.painted(here.channel)
    told = fields(await info(world, here.bob, here.channel, seen))
    assert told["Made from"] == "1. a picture that you can't see"
    assert "secret" in fields(await info(world, here.alice, here.channel, seen))["Made from"]


async def test_info_about_a_grid_tells_all_its_seeds_and_plots_each_picture(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=2)
    [grid] = await painted_grids(world, here)
    result = await info(world, here.bob, here.channel, grid)
    assert fields(result)["Seeds"] == "7, 8"
    assert len(result.response.attachments) == 1


@pytest.mark.parametrize("who", ["alice", "bot"])
async def test_a_message_without_one_of_our_pictures_is_refused(world, here, who):
    channel = world.bot.get_channel(here.channel.id)
    talk = (
        await channel.send("hello") if who == "bot" else await here.alice.send(here.channel, "hi")
    )
    result = await info(world, here.bob, here.channel, talk)
    assert "I know nothing about a picture" in said(result)


async def test_info_is_told_in_the_reader_s_language(world, here, german):
    message = await paint(world, here)
    told = fields(await info(world, german, here.channel, message))
    assert told["Verstanden als"].startswith("- a red circle")


async def test_what_info_tells_is_exported_and_forgotten(world, here):
    message = await paint(world, here)
    store, person = world.bot.store, str(here.alice.id)
    [row] = (await store.privacy.export(person)).rows["jobs"]
    assert len(row["losses"]["total"]) == 3
    await store.privacy.forget(person)
    assert await store.losses(job_id_of(message)) is None
