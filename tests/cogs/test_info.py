"""The menu "Info": it tells how a picture was made, to those who can see it."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import discord
import pytest
from PIL import Image

from bot.ui.buttons import AgainButton
from bot.ui.card import Card
from bot.ui.file_buttons import FileAgainButton
from cogs.info._facts import _add_request
from engine.pictures.writing import PROVENANCE, REQUEST, png_bytes
from engine.request.request import make_request
from tests.cogs.cards import buttons, facts_of, said, text_of
from tests.cogs.conftest import job_id_of
from tests.cogs.imagine.test_grid import painted as painted_grids
from tests.cogs.media import png

PROMPT = "a red circle + a hen:0.5 --iterations 3 --seed 7 --cutouts 2"


async def paint(world, here, prompt=PROMPT, count=1):
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    return (await world.painted(here.channel, count))[-1]


async def info(world, person, channel, message):
    result = await person.context_menu(channel, "Info", message)
    assert result.ephemeral
    await world.until(lambda: said(result), "the answer")
    return result


async def test_info_tells_prompt_settings_and_losses_with_a_plot(world, here):
    message = await paint(world, here)
    result = await info(world, here.bob, here.channel, message)
    told = facts_of(result)
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


@pytest.mark.parametrize(
    ("prompt", "told"),
    [("a fox", {"Prompt"}), ("a fox:2", {"Prompt", "Understood as"}), ("a *fox*", {"Prompt"})],
)
def test_what_was_understood_is_told_if_it_says_more_than_the_prompt(prompt, told):
    card = Card()
    _add_request(card, make_request(prompt))
    assert set(facts_of(SimpleNamespace(components=card.view().to_components()))) == told


async def test_info_names_the_pictures_that_it_was_made_from(world, here):
    first = await paint(world, here)
    await here.bob.click(first, label="Again")
    second = (await world.painted(here.channel, 2))[-1]
    opened = await here.alice.click(second, label="Remix")
    await here.alice.submit_modal(opened, {"prompt": "a cow --iterations 1"})
    third = (await world.painted(here.channel, 3))[-1]
    told = facts_of(await info(world, here.alice, here.channel, third))["Made from"]
    lines = told.splitlines()
    assert [line[:2] for line in lines] == ["1.", "2."]
    assert f"/{second.id})" in lines[0]
    assert "seed 7" in lines[1]
    assert f"/{first.id})" in lines[1]
    await here.alice.click(first, label="Delete")
    told = facts_of(await info(world, here.alice, here.channel, third))["Made from"]
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
    told = facts_of(await info(world, here.bob, here.channel, seen))
    assert told["Made from"] == "1. a picture that you can't see"
    assert "secret" in facts_of(await info(world, here.alice, here.channel, seen))["Made from"]


async def test_info_about_a_grid_tells_all_its_seeds_and_plots_each_picture(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=2)
    [grid] = await painted_grids(world, here)
    result = await info(world, here.bob, here.channel, grid)
    assert facts_of(result)["Seeds"] == "7, 8"
    assert len(result.response.attachments) == 1


@pytest.mark.parametrize("who", ["alice", "bot"])
async def test_a_message_without_one_of_our_pictures_is_refused(world, here, who):
    channel = world.bot.get_channel(here.channel.id)
    talk = (
        await channel.send("hello") if who == "bot" else await here.alice.send(here.channel, "hi")
    )
    result = await info(world, here.bob, here.channel, talk)
    assert "That message has no picture" in said(result)


async def test_info_is_told_in_the_reader_s_language(world, here, german):
    message = await paint(world, here)
    told = facts_of(await info(world, german, here.channel, message))
    assert told["Verstanden als"].startswith("- a red circle")


async def test_what_info_tells_is_exported_and_forgotten(world, here):
    message = await paint(world, here)
    store, person = world.bot.store, str(here.alice.id)
    [row] = (await store.privacy.export(person)).rows["jobs"]
    assert len(row["losses"]["total"]) == 3
    await store.privacy.forget(person)
    assert await store.losses(job_id_of(message)) is None


def saved(world, message):
    """The file of a posted picture, as somebody downloads it."""
    return world.env.backend.cdn.get(message.attachments[0].url)


async def post(world, person, channel, data, name="mine.png"):
    return await person.send(channel, "look", attachments=[(name, data)])


@pytest.mark.usefixtures("host")
async def test_a_picture_of_ours_is_recognised_wherever_it_is_posted(world, here):
    message = await paint(world, here)
    elsewhere = await post(world, here.bob, here.other, saved(world, message))
    result = await info(world, here.bob, here.other, elsewhere)
    told = facts_of(result)
    assert told["Prompt"] == "a red circle + a hen:0.5"
    assert "Losses at the end" in told  # from the database
    assert labels_of(result) == ["Again", "Remix", "Lineage"]
    await here.bob.click(result.response, label="Again")
    [again] = await world.painted(here.other)
    assert (await world.bot.store.job(job_id_of(again))).parent == job_id_of(message)


@pytest.mark.usefixtures("host")
async def test_who_cannot_see_the_picture_s_channel_gets_only_what_the_file_says(world, here):
    closed = here.guild.create_text_channel(
        "closed", overwrites={here.bob: discord.PermissionOverwrite(view_channel=False)}
    )
    await here.alice.slash(closed, "imagine", prompt=PROMPT)
    [secret] = await world.painted(closed)
    shown = await post(world, here.alice, here.channel, saved(world, secret))
    result = await info(world, here.bob, here.channel, shown)
    told = facts_of(result)
    assert told["Seed"] == "7"
    assert "Losses at the end" not in told
    assert "Asked for" not in told
    assert "anybody can change" in text_of(result)
    await here.bob.click(result.response, label="Again")
    [again] = await world.painted(here.channel)
    job = await world.bot.store.job(job_id_of(again))
    assert (job.parent, job.request.prompt, job.person) == (None, PROMPT[:24], str(here.bob.id))
    assert job.seed != 7


@pytest.mark.usefixtures("host")
async def test_what_a_file_claims_gives_no_power(world, here):
    """It names another person's job, and a picture that only that job may use."""
    await here.alice.slash(here.channel, "edit", prompt="a fox", image=("mine.png", png()))
    [edited] = await world.painted(here.channel)
    id = job_id_of(edited)
    request = (await world.bot.store.job(id)).request
    forged = forgery(request.model_dump(exclude_none=True), job=id)
    result = await info(
        world, here.bob, here.channel, await post(world, here.bob, here.channel, forged)
    )
    told = facts_of(result)
    assert "isn't in its file" in told["Notes"]
    assert labels_of(result) == []
    kept = await world.bot.store.messages.keep(request.model_dump_json())
    view = discord.ui.View(timeout=None)
    view.add_item(FileAgainButton(kept))
    message = await world.bot.get_channel(here.channel.id).send(view=view)
    view.stop()
    pressed = await here.bob.click(message, label="Again")
    await world.until(lambda: pressed.response, "the answer")
    assert "too long ago" in said(pressed)
    assert world.bot.queue.overview() == []


@pytest.mark.usefixtures("host")
async def test_a_file_s_request_obeys_the_server_s_rules(world, here):
    guild = str(here.guild.id)
    await world.bot.store.guilds.change_settings(guild, "1", {"blocked_words": ["hen"]})
    forged = forgery({"prompt": "a hen"})
    result = await info(
        world, here.bob, here.channel, await post(world, here.bob, here.channel, forged)
    )
    for label in ("Again", "Remix"):
        pressed = await here.bob.click(result.response, label=label)
        if pressed.modal is not None:
            assert "a hen" in str(pressed.modal)
            pressed = await here.bob.submit_modal(pressed, {"prompt": "a hen, small"})
        await world.until(lambda pressed=pressed: pressed.response and said(pressed), "the answer")
        assert "||hen|| is blocked in this server" in said(pressed)
    assert world.bot.queue.overview() == []


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (png(), "doesn't say how it was painted"),
        (png(kind="JPEG"), "doesn't say how it was painted"),
    ],
)
async def test_other_pictures_are_refused(world, here, data, words):
    message = await post(world, here.alice, here.channel, data)
    assert words in said(await info(world, here.bob, here.channel, message))


@pytest.mark.usefixtures("host")
async def test_a_file_that_says_nonsense_is_refused_with_the_reason(world, here):
    message = await post(
        world, here.alice, here.channel, forgery({"prompt": "a", "iterations": 10**9})
    )
    answer = said(await info(world, here.bob, here.channel, message))
    assert "iterations must be between 1 and 5000" in answer


def forgery(request, **facts):
    texts = {REQUEST: json.dumps(request), PROVENANCE: json.dumps(facts)}
    return png_bytes(Image.new("RGB", (8, 8)), texts)


def labels_of(result):
    return [button["label"] for button in buttons(result)]
