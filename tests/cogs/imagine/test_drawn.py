"""The shipped model in a virtual Discord: from the prompt to the picture, its buttons, /history."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.cogs.cards import text_of
from tests.cogs.conftest import RESULT_LABELS, job_id_of, labels

FEW = "--iterations 3 --seed 7"


@pytest.fixture
def model():
    return "drawn"


def posted(world, message):
    return world.env.backend.cdn.get(message.attachments[0].url)


async def test_imagine_paints_with_the_shipped_model(world, here):
    result = await here.alice.slash(
        here.channel, "imagine", iterations=4, seed=7, prompt="a red circle on a blue background"
    )
    assert result.response.content.startswith("Queued: you're next")
    [picture] = await world.painted(here.channel)
    assert picture.content == here.alice.mention
    assert "seed 7 · 128×128 · 4 iterations" in picture.embeds[0].footer.text
    job = await world.bot.store.job(job_id_of(picture))
    assert (job.state, job.request.model) == ("delivered", "drawn")
    data = posted(world, picture)
    assert data == await world.bot.store.picture(job.id)
    # Four steps do not make a circle yet, but the picture is neither flat nor noise.
    grey = Image.open(io.BytesIO(data)).convert("L")
    assert grey.size == (128, 128)
    step = ImageChops.difference(grey, ImageChops.offset(grey, 1, 0))
    assert ImageStat.Stat(grey).stddev[0] > 1
    assert ImageStat.Stat(step).mean[0] < 20


async def test_words_that_the_model_does_not_know_are_reported(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=f"a red zeppelin {FEW}")
    [picture] = await world.painted(here.channel)
    [note] = picture.embeds[0].fields
    assert note.name == "Notes"
    assert "zeppelin" in note.value


async def test_the_buttons_of_its_pictures_work(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=f"a red circle {FEW}")
    [first] = await world.painted(here.channel)
    assert labels(first) == RESULT_LABELS
    await here.bob.click(first, label="Again")
    _, second = await world.painted(here.channel, 2)
    again = await world.bot.store.job(job_id_of(second))
    assert (again.person, again.request.model) == (str(here.bob.id), "drawn")
    assert again.seed != 7
    assert posted(world, second) != posted(world, first)
    await here.alice.click(first, label="Video")
    [video] = await world.filmed(here.channel)
    assert video.attachments[0].filename.endswith(".mp4")
    assert posted(world, video)[4:8] == b"ftyp"


async def test_stop_posts_the_unfinished_picture(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 900")
    progress = await world.until(
        lambda: (
            "of 900" in world.messages(here.channel)[0].content and world.messages(here.channel)[0]
        ),
        "a preview",
    )
    await here.alice.click(progress, label="Stop")
    [picture] = await world.painted(here.channel)
    assert "stopped early" in picture.embeds[0].footer.text


async def test_history_shows_its_pictures(world, here):
    for prompt in ("a red circle", "a blue square"):
        await here.alice.slash(here.channel, "imagine", prompt=f"{prompt} {FEW}")
    await world.painted(here.channel, 2)
    text = text_of(await here.alice.slash(here.channel, "history"))
    assert text.index("a blue square") < text.index("a red circle")
    assert "2 in total" in text
