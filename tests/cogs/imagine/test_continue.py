"""Continue resumes from the saved state: the picture has the same bits as without a break."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.cogs.conftest import RESULT_LABELS, job_id_of, labels

LONG = "a fox --iterations 40 --seed 7"


async def paint(world, here, prompt, count=1):
    """Paint ``prompt`` as the ``count``-th result of the channel, and return that result."""
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    return (await world.painted(here.channel, count))[-1]


async def press_continue(world, person, channel, picture, count):
    pressed = await person.click(picture, label="Continue")
    assert pressed.response.content.startswith("Queued"), pressed.response.content
    return (await world.painted(channel, count))[-1]


async def pixels(world, message):
    data = await world.bot.store.picture(job_id_of(message))
    return Image.open(io.BytesIO(data)).convert("RGB").tobytes()


def states(world):
    return {path.stem for path in (world.settings.painting.data_folder / "states").iterdir()}


async def test_a_stopped_and_continued_picture_equals_an_uninterrupted_one(world, here):
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    await world.until(lambda: "of 40" in world.messages(here.channel)[0].content, "a preview")
    await here.alice.click(world.messages(here.channel)[0], label="Stop")
    [half] = await world.painted(here.channel)
    stopped = await world.bot.store.job(job_id_of(half))
    assert 0 < stopped.result["iterations"] < 40
    # Anyone can continue it, as a job of their own.
    whole = await press_continue(world, here.bob, here.channel, half, 2)
    job = await world.bot.store.job(job_id_of(whole))
    assert job.person == str(here.bob.id)
    assert job.request == stopped.request
    assert (job.result["iterations"], job.result["stopped"]) == (40, False)
    assert whole.content == here.bob.mention
    uninterrupted = await paint(world, here, LONG, 3)
    assert await pixels(world, whole) == await pixels(world, uninterrupted)
    assert await pixels(world, half) != await pixels(world, whole)


async def test_each_continue_adds_the_original_iterations_also_after_a_restart(world, here):
    first = await paint(world, here, "a fox --iterations 4 --seed 7")
    assert labels(first) == RESULT_LABELS
    second = await press_continue(world, here.alice, here.channel, first, 2)
    assert "8 iterations" in second.embeds[0].footer.text
    await world.restart()
    third = await press_continue(world, here.alice, here.channel, second, 3)
    assert "12 iterations" in third.embeds[0].footer.text
    in_one_go = await paint(world, here, "a fox --iterations 12 --seed 7", 4)
    assert await pixels(world, third) == await pixels(world, in_one_go)
    # The same picture can be continued twice.
    await press_continue(world, here.bob, here.channel, first, 5)
    # Its time-lapse shows all of it.
    assert await world.bot.store.rendition(job_id_of(third)) == (
        (await world.bot.store.job(job_id_of(third))).request,
        12,
    )


async def test_a_picture_whose_state_is_gone_offers_edit_instead(world, here):
    picture = await paint(world, here, "a fox --iterations 2")
    world.bot.store.files.forget_state(job_id_of(picture))
    pressed = await here.alice.click(picture, label="Continue")
    assert pressed.ephemeral
    assert "can't be continued any more. Use Edit" in pressed.response.content
    assert world.bot.queue.overview() == []
    assert world.messages(here.channel)[-1] == picture


async def test_a_state_is_kept_and_deleted_with_its_picture(world, here):
    picture = await paint(world, here, "a fox --iterations 2")
    assert states(world) == {job_id_of(picture)}
    await here.alice.click(picture, label="Delete")
    assert states(world) == set()
    await here.alice.slash(here.channel, "imagine", prompt=LONG)
    await world.until(lambda: "of 40" in world.messages(here.channel)[-1].content, "a preview")
    await here.alice.click(world.messages(here.channel)[-1], label="Cancel")
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert states(world) == set()


async def test_the_iteration_limit_applies_to_each_request(world, here, monkeypatch):
    monkeypatch.setattr(world.bot.settings.limits, "max_iterations", 4)
    first = await paint(world, here, "a fox --iterations 4")
    second = await press_continue(world, here.alice, here.channel, first, 2)
    # Again would paint all of it at once.
    pressed = await here.alice.click(second, label="Again")
    assert "At most 4 iterations are allowed here, not 8." in pressed.response.content


@pytest.mark.parametrize("label", ["Continue", "Edit"])
async def test_buttons_of_a_deleted_picture_say_that_it_was_deleted(world, here, label):
    picture = await paint(world, here, "a fox --iterations 1")
    await world.bot.store.delete(job_id_of(picture))
    pressed = await here.alice.click(picture, label=label)
    assert "was deleted" in pressed.response.content
