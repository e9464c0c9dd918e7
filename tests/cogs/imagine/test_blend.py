"""/blend: several pictures with weights, and words, as one request like any other."""

from __future__ import annotations

import pytest

from tests.cogs.conftest import newest
from tests.cogs.media import answered, png, sha256

LEMON, LIME, WALL = (png(colour) for colour in ("yellow", "green", "grey"))
FILES = {"image": ("lemon.png", LEMON), "image_2": ("lime.png", LIME)}
pytestmark = pytest.mark.usefixtures("host")


async def blend(world, here, **options):
    return await answered(
        world, await here.alice.slash(here.channel, "blend", iterations=2, **(FILES | options))
    )


async def test_pictures_blend_each_with_its_weight_and_with_words(world, here):
    said = await blend(
        world, here, image_4=("wall.png", WALL), weight_2=0.5, weight_4=-1.0, prompt="a fox:2"
    )
    assert said.startswith("Queued")
    job = await newest(world, here.channel, 1)
    assert [(each.picture, each.weight) for each in job.request.like] == [
        (sha256(LEMON), 1.0),
        (sha256(LIME), 0.5),
        (sha256(WALL), -1.0),
    ]
    assert (job.request.prompt, job.request.init_image) == ("a fox:2", None)
    [message] = world.results(here.channel)
    assert "like a picture × 0.5" in message.embeds[0].description


async def test_without_words_there_are_only_pictures(world, here):
    await blend(world, here)
    job = await newest(world, here.channel, 1)
    assert (job.request.prompt, len(job.request.like), job.state) == ("", 2, "delivered")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"weight_3": 2.0}, "Weight 3 has no picture"),
        ({"weight": 0.0}, "weight 0"),
        ({"image_2": ("notes.png", b"words")}, "notes.png: That file isn't a picture"),
        ({"prompt": "a fox --colour red"}, "There is no option --colour"),
    ],
)
async def test_what_cannot_be_blended_is_refused(world, here, options, part):
    assert part in await blend(world, here, **options)
    assert world.bot.queue.overview() == []
