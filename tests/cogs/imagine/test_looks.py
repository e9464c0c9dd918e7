"""How a result looks: its colour, and the strip and the curve that a server can turn on."""

from __future__ import annotations

import io

from PIL import Image

from bot.media.main_colour import main_colour
from tests.cogs.configuring import add_manager, configure
from tests.cogs.imagine.test_grid import grids
from tests.cogs.imagine.test_grid import painted as painted_grids

PROMPT = "a red circle --iterations 2 --seed 7 --size 32"
LONG = "a red circle --iterations 900 --seed 7 --size 32"


def file_of(world, attachment):
    return world.env.backend.cdn.get(attachment.url)


async def stopped(world, here, **options):
    """Stop a picture, or a grid, once several states of it have been shown."""
    before = len(world.messages(here.channel))
    await here.alice.slash(here.channel, "imagine", prompt=LONG, **options)
    shown: set[str] = set()

    def seen():
        progress = world.messages(here.channel)[before:]
        shown.update(each.content for each in progress if " of 900" in each.content)
        return len(shown) >= 3

    await world.until(seen, "three states")
    await here.alice.click(world.messages(here.channel)[before], label="Stop")


async def turn_on(here):
    """Turn both settings on, and return the manager who did."""
    manager = add_manager(here)
    for name in ("strip", "sparkline"):
        await configure(here, manager, "set", name=name, value="on")
    return manager


async def test_a_result_has_its_main_colour_and_the_strip_and_the_curve_if_turned_on(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=PROMPT)
    [message] = await world.painted(here.channel)
    [embed], [file] = message.embeds, message.attachments
    assert embed.colour.value == main_colour(file_of(world, file), 0)
    assert "loss" not in embed.footer.text
    assert file.description == "a red circle"

    await turn_on(here)
    await stopped(world, here)
    message = (await world.painted(here.channel, 2))[-1]
    [embed, below] = message.embeds
    [picture, strip] = message.attachments
    assert below.colour == embed.colour
    assert below.image.url.endswith("steps.webp")
    assert Image.open(io.BytesIO(file_of(world, strip))).height == 96
    assert strip.description.startswith("How it came about: after ")
    assert f"· {strip.description.split()[-2]} iterations ·" in embed.footer.text
    last = embed.footer.text.splitlines()[-1]
    kept = await world.bot.store.losses(message.components[0].children[0].custom_id[-32:])
    assert last.startswith(f"loss {kept.total[0]:.3g} ")
    assert last.endswith(f" {kept.last['total']:.3g}")
    # The picture is still what the menus of the message find.
    assert picture.filename.endswith(".png")
    assert Image.open(io.BytesIO(file_of(world, picture))).size == (32, 32)


async def test_a_grid_has_them_too(world, here):
    await turn_on(here)
    await stopped(world, here, count=2)
    await painted_grids(world, here, 0)
    [message] = [each for each in world.messages(here.channel) if "U1" in str(each.components)]
    assert len(message.embeds) == 2
    curves = message.embeds[0].footer.text.splitlines()[-1].split(" · ")
    assert curves[0].startswith("loss 1 ")
    assert grids(world, here.channel) == [message]


async def test_the_strip_is_hidden_where_pictures_or_previews_are(world, here):
    manager = await turn_on(here)
    await configure(here, manager, "set", name="spoiler", value="on")
    await stopped(world, here)
    [message] = await world.painted(here.channel)
    [embed] = message.embeds
    assert embed.image.url is None
    assert [file.filename.startswith("SPOILER_") for file in message.attachments] == [True, True]

    # Previews are not checked.
    await configure(here, manager, "reset", name="spoiler")
    await configure(here, manager, "concepts add", concept="x", action="withhold", threshold=1.0)
    await stopped(world, here)
    message = (await world.painted(here.channel, 2))[-1]
    assert len(message.embeds) == len(message.attachments) == 1

    await configure(here, manager, "concepts remove", concept="x")
    await here.alice.slash(here.channel, "preferences set", previews=False)
    await stopped(world, here)
    message = (await world.painted(here.channel, 3))[-1]
    assert len(message.attachments) == 1
    assert "loss" in message.embeds[0].footer.text
