"""Masks of regions and palettes that people attach to /imagine."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from engine.pictures.palette import palette_in
from tests.cogs.conftest import newest
from tests.cogs.media import ask, png, sha256

FAST = "--iterations 2"
WALL = png("grey")
pytestmark = pytest.mark.usefixtures("host")


def _mask(colour: str, box: tuple[int, int, int, int]) -> bytes:
    image = Image.new("L", (32, 32))
    image.paste(colour, box)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


HILL, SEA = _mask("white", (0, 16, 16, 32)), _mask("white", (16, 16, 32, 32))
BLACK = _mask("black", (0, 0, 1, 1))


async def test_masks_belong_to_the_regions_in_the_order_of_the_prompt(world, here):
    said = await ask(
        world,
        here,
        f"a castle @Hill + fog @top + waves:0.5 @sea {FAST}",
        region=("hill.png", HILL),
        region_2=("sea.png", SEA),
        init_image=("wall.png", WALL),
    )
    assert said.startswith("Queued")
    job = await newest(world, here.channel, 1)
    regions = tuple((each.name, each.mask) for each in job.request.regions)
    assert regions == (("hill", sha256(HILL)), ("sea", sha256(SEA)))
    assert set(await world.bot.store.attachments(job.id)) == set(map(sha256, (HILL, SEA, WALL)))
    [message] = world.results(here.channel)
    assert message.embeds[0].description.splitlines() == [
        "- a castle @hill",
        "- fog @top",
        "- waves @sea × 0.5",
    ]
    await here.bob.click(message, label="Again")
    assert (await newest(world, here.channel, 2)).request.regions == job.request.regions


@pytest.mark.parametrize(
    ("prompt", "options", "part"),
    [
        ("a castle", {"region": ("hill.png", HILL)}, "Name the region of each mask"),
        ("a castle @left", {"region": ("hill.png", HILL)}, "Name the region of each mask"),
        (
            "a castle @hill + a hen @hill",
            {"region": ("hill.png", HILL), "region_2": ("sea.png", SEA)},
            "Name the region of each mask",
        ),
        ("a castle @hill", {"region": ("hill.png", BLACK)}, "has no white area"),
        ("a castle @hill", {"region": ("hill.png", b"words")}, "hill.png: That file isn't a"),
        ("a castle", {"palette": ("sea.png", b"words")}, "sea.png: That file isn't a picture"),
    ],
)
async def test_what_cannot_be_used_is_refused_before_it_is_queued(
    world, here, prompt, options, part
):
    assert part in await ask(world, here, prompt, **options)
    assert world.bot.queue.overview() == []


async def test_of_a_palette_only_the_colours_are_kept(world, here):
    await ask(world, here, f"a fox {FAST}", palette=("wall.png", WALL))
    job = await newest(world, here.channel, 1)
    assert job.request.palette == palette_in(WALL) == "#808080"
    assert await world.bot.store.attachments(job.id) == {}
    # A flag in the prompt has precedence, as everywhere.
    await ask(world, here, f"a fox {FAST} --palette navy", palette=("wall.png", WALL))
    assert (await newest(world, here.channel, 2)).request.palette == "navy"
