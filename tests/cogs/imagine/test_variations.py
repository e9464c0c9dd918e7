"""V, U and More: pictures that go on from one that the bot painted."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.ui.variation_buttons import MORE
from engine.request.variation import STRONG, SUBTLE
from tests.cogs.conftest import job_id_of, labels
from tests.cogs.imagine.test_grid import grids, jobs_of, opened, painted

PROMPT = "a red circle --iterations 2 --size 32 --learning-rate 0.2 --seed 7"


async def allow(world, here, size="64x64"):
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", {"max_size": size})


async def one(world, here, prompt=PROMPT):
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    [message] = await world.painted(here.channel)
    return message, await world.bot.store.job(job_id_of(message))


async def pressed(world, here, message, label, person=None):
    """Press a button of the message, or of what More answers; return the newest job."""
    person = person or here.bob
    if label in labels(message):
        await person.click(message, label=label)
    else:
        shown = await person.click(message, label="More")
        await world.until(lambda: shown.response and shown.response.components, "the buttons")
        await person.click(shown.response, label=label)
    await world.until(lambda: not world.bot.queue.overview(), "the painting")
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    return (await jobs_of(world, person))[-1]


async def test_v_paints_as_many_variations_of_one_picture_and_names_the_parent(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=2)
    [message] = await painted(world, here)
    parents = await jobs_of(world, here.alice)
    await here.bob.click(message, label="V2")
    await painted(world, here, 2)
    jobs = await jobs_of(world, here.bob)
    assert len(jobs) == 2
    for job in jobs:
        request = job.request
        assert (request.parent, request.vary) == (parents[1].id, STRONG)
        assert (request.prompt, request.learning_rate, request.width) == ("a red circle", 0.2, 32)
        assert request.seed not in (7, 8)
        assert parents[1].id.encode() in await world.bot.store.picture(job.id)
        assert (await opened(world, job)).size == (32, 32)
    first, second = [await world.bot.store.picture(job.id) for job in jobs]
    assert first != second
    assert "variation 0.6" in grids(world, here.channel)[1].embeds[0].footer.text


async def test_the_same_parent_seed_and_amount_give_the_same_variation(world, here):
    message, _ = await one(world, here)
    job = await pressed(world, here, message, "Vary (subtle)")
    assert job.request.vary == SUBTLE
    assert job.grid is None
    again = await world.bot.queue.submit(job.request, person=job.person, place=job.place)
    await world.until(lambda: not world.bot.queue.overview(), "the painting")
    pictures = [await world.bot.store.picture(id) for id in (job.id, again.id)]
    first, second = (Image.open(io.BytesIO(each)).tobytes() for each in pictures)
    assert first == second


async def test_u_paints_it_at_the_largest_size_in_stages(world, here):
    await allow(world, here)
    message, parent = await one(world, here)
    job = await pressed(world, here, message, "Upscale")
    request = job.request
    assert (request.width, request.height, request.grow) == (64, 64, 1.5)
    assert (request.parent, request.prompt) == (parent.id, "a red circle")
    assert (await opened(world, job)).size == (64, 64)
    result = world.results(here.channel)[-1]
    told = await here.bob.click(result, label="More")
    await world.until(lambda: told.response and told.response.components, "the buttons")
    refused = await here.bob.click(told.response, label="Upscale")
    await world.until(lambda: refused.response and refused.response.content, "the answer")
    assert "already has 64x64 pixels" in refused.response.content


@pytest.mark.parametrize(
    ("label", "size"),
    [
        ("Zoom out 1.5x", (48, 48)),
        ("Zoom out 2x", (64, 64)),
        ("Left", (48, 32)),
        ("Down", (32, 48)),
    ],
)
async def test_around_the_picture_more_is_painted_and_it_stays(world, here, label, size):
    message, parent = await one(world, here)
    job = await pressed(world, here, message, label)
    picture = (await opened(world, job)).convert("RGB")
    assert picture.size == size
    place = {"Left": (16, 0), "Down": (0, 0)}.get(label, ((size[0] - 32) // 2,) * 2)
    kept = picture.crop((*place, place[0] + 32, place[1] + 32))
    assert kept.tobytes() == (await opened(world, parent)).convert("RGB").tobytes()


async def test_more_is_shown_to_the_person_alone_and_only_for_a_picture(world, here):
    message, _ = await one(world, here)
    shown = await here.bob.click(message, label="More")
    await world.until(lambda: shown.response and shown.response.components, "the buttons")
    assert shown.ephemeral
    offered = str(shown.response.components)
    assert all(str(placed("0" * 32).item.label) in offered for placed in MORE)


async def test_a_grid_is_not_edited_as_if_it_was_one_picture(world, here, host):
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT, count=2)
    [message] = await painted(world, here)
    await here.alice.send(here.channel, "edit: a blue circle", reply_to=message)
    await world.until(lambda: len(world.messages(here.channel)) > 3, "the answer")
    assert "shows several pictures" in world.messages(here.channel)[-1].content
    menu = await here.alice.context_menu(here.channel, "Edit this image", message)
    assert "shows several pictures" in menu.response.content


async def test_where_pictures_cannot_be_edited_they_cannot_be_varied(world, here):
    message, _ = await one(world, here)
    role = here.guild.create_role("editors")
    await world.bot.store.guilds.change_settings(
        str(here.guild.id), "1", {"roles_edit": [str(role.id)]}
    )
    shown = await here.bob.click(message, label="More")
    await world.until(lambda: shown.response and shown.response.components, "the buttons")
    refused = await here.bob.click(shown.response, label="Vary (strong)")
    await world.until(lambda: refused.response and refused.response.content, "the answer")
    assert "to edit pictures here" in refused.response.content


async def test_a_tile_is_asked_for_by_the_option_and_the_flag(world, here, held):
    held.hold()
    await here.alice.slash(here.channel, "imagine", prompt="a fox", tile=True)
    await here.alice.slash(here.channel, "imagine", prompt="a fox --tile")
    assert [job.request.tile for job in world.bot.queue.overview()] == [True, True]
