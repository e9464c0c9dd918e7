"""Every way to edit a picture, over real sockets: with the right picture and prompt."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from PIL import Image

from tests.e2e.jobs import job_id_of, row_of

pytestmark = pytest.mark.timeout(600)
MENU = "Edit this image"


def png(colour, mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, (64, 32), colour).save(file, "PNG")
    return file.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


async def paint_first_words(standin, bot, person, channel, picture):
    """Have the picture described, and press the first button; return the description."""
    uploaded = standin.world.upload(channel, "red.png", picture)
    asked = await standin.command(person, channel, "describe", image=uploaded)
    await bot.until(lambda: "**4**" in asked.text, "the description")
    await standin.press(person, channel, asked.message, "1")
    return asked.text


async def test_every_way_to_edit_uses_the_right_picture(channel, alice, bob, standin, bot):
    world = standin.world
    red, green = png("red"), png("green")

    async def result(count):
        """The newest of ``count`` results, the row of its job, and its request."""
        message = (
            await bot.until(
                lambda: (found := standin.results(channel))[count - 1 :] and found,
                f"{count} results",
                180,
            )
        )[-1]
        row = row_of(bot, job_id_of(message))
        return message, row, json.loads(row["request"])

    async def modal_of(interaction):
        await bot.until(interaction.acknowledged.is_set, "the modal")
        return interaction.modal

    # A mention with an attachment; the attachment without a mention is ignored.
    await standin.say(bob, channel, "look", files=(("green.png", green),))
    mention = await standin.say(
        alice, channel, f"<@{world.application_id}> a fox --iterations 2", files=(("red.png", red),)
    )
    first, row, request = await result(1)
    assert (request["init_image"], request["prompt"]) == (sha256(red), "a fox")
    assert row["person"] == alice.id
    assert "from a picture" in first["embeds"][0]["footer"]["text"]

    # Another person replies with words: the bot's own picture is edited.
    await standin.say(bob, channel, "edit: a hen --iterations 3", reply_to=first)
    second, row, request = await result(2)
    posted = (bot.data / "pictures" / f"{job_id_of(first)}.png").read_bytes()
    assert (request["init_image"], request["prompt"]) == (sha256(posted), "a hen")
    assert row["person"] == bob.id

    # A reply with a picture only: the prompt of the original stays.
    await standin.say(bob, channel, reply_to=second, files=(("green.png", green),))
    third, _, request = await result(3)
    assert (request["init_image"], request["prompt"]) == (sha256(green), "a hen")

    # The menu of a message that does not mention the bot.
    menu = await standin.menu(bob, channel, MENU, mention)
    await standin.submit(
        bob, channel, await modal_of(menu), {"words": "an owl --iterations 2", "strength": "0.4"}
    )
    _, _, request = await result(4)
    assert (request["init_image"], request["prompt"]) == (sha256(red), "an owl")
    assert request["strength"] == 0.4

    # /edit with a mask.
    asked = await standin.command(
        alice,
        channel,
        "edit",
        image=world.upload(channel, "red.png", red),
        prompt="a crow --iterations 2",
        mask=world.upload(channel, "mask.png", png(255, "L")),
        strength=0.7,
    )
    await bot.until(lambda: asked.content, "the answer")
    assert asked.content.startswith("Queued")
    _, _, request = await result(5)
    assert (request["init_image"], request["mask"]) == (sha256(red), sha256(png(255, "L")))

    # The buttons: Edit starts from the picture, Continue from the saved state.
    pressed = await standin.press(bob, channel, third, "Edit")
    await standin.submit(bob, channel, await modal_of(pressed), "a goose --iterations 2")
    _, _, request = await result(6)
    posted = (bot.data / "pictures" / f"{job_id_of(third)}.png").read_bytes()
    assert request["init_image"] == sha256(posted)
    await standin.press(alice, channel, second, "Continue")
    _, row, request = await result(7)
    assert (row["person"], request["more"]) == (alice.id, 3)
    assert json.loads(row["result"])["iterations"] == 6

    # A picture's words, from the worker's process; the first button paints them.
    description = await paint_first_words(standin, bot, alice, channel, red)
    _, _, request = await result(8)
    assert f"**1** {request['prompt']} --ar 2:1" in description

    # In direct messages.
    direct = world.direct(alice.id)
    await standin.say(alice, direct, "a lark --iterations 2", files=(("red.png", red),))
    [message] = await bot.until(lambda: standin.results(direct), "the direct result", 180)
    request = json.loads(row_of(bot, job_id_of(message))["request"])
    assert (request["init_image"], request["prompt"]) == (sha256(red), "a lark")

    assert {request.status for request in standin.rest.requests} <= {200, 204, 429}
