"""/edit, the menu "Edit this image" and the Edit button: what they open, do and refuse."""

from __future__ import annotations

import io
import time
from typing import Any

import discord
import pytest
from PIL import Image, ImageChops
from simcord.results import to_discord_message

from tests.cogs.conftest import job_id_of, newest
from tests.cogs.media import answered, png, sha256, white_disc

FAST = "--iterations 2"
pytestmark = pytest.mark.usefixtures("host")


async def paint(world, here, prompt=f"a red circle {FAST}"):
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    [picture] = await world.painted(here.channel)
    return picture


def message_with_link(world, here, thumbnail):
    """Return a message of bob's with a link and the preview that Discord adds."""
    return to_discord_message(
        world.env,
        world.env.backend.create_message(
            here.channel.id,
            here.bob.id,
            "https://x.example",
            embeds=[{"type": "image", "thumbnail": thumbnail}],
        ),
    )


def laid_out(world, here, address):
    """Return a message that shows a picture in a frame, and has no attachment, as on Discord."""
    gallery = discord.ui.MediaGallery[Any](discord.MediaGalleryItem(address))
    view = discord.ui.LayoutView(timeout=None)
    view.add_item(discord.ui.Container(discord.ui.TextDisplay("look"), gallery))
    flags = discord.MessageFlags(components_v2=True).value
    shown = world.env.backend.create_message(
        here.channel.id, here.bob.id, components=view.to_components(), flags=flags
    )
    return to_discord_message(world.env, shown)


async def test_edit_starts_from_the_picture_and_uses_every_option(world, here):
    picture, mask = png(), png("white", mode="L")
    result = await here.alice.slash(
        here.channel,
        "edit",
        image=("fox.png", picture),
        mask=("mask.png", mask),
        prompt=f"a blue fox {FAST} --seed 4",
        strength=0.5,
        keep=0.2,
    )
    assert result.ephemeral
    assert (await answered(world, result)).startswith("Queued")
    job = await newest(world, here.channel, 1)
    request = job.request
    assert (request.init_image, request.mask) == (sha256(picture), sha256(mask))
    assert (request.prompt, request.strength, request.keep) == ("a blue fox", 0.5, 0.2)
    assert (job.seed, request.iterations, job.person) == (4, 2, str(here.alice.id))
    [result] = world.results(here.channel)
    for part in ("from a picture", "strength 0.5", "with a mask"):
        assert part in result.embeds[0].footer.text
    assert result.embeds[0].description == "- a blue fox"
    assert await world.bot.store.attachments(job.id) == {
        sha256(picture): picture,
        sha256(mask): mask,
    }


async def test_an_edit_keeps_the_picture_s_aspect_ratio(world, here):
    asked = await here.alice.slash(
        here.channel,
        "edit",
        prompt=f"a fox {FAST}",
        where="hill",
        image=("fox.png", png(size=(256, 64))),
        threshold=-2,
    )
    await answered(world, asked)
    job = await newest(world, here.channel, 1)
    assert (job.result["width"], job.result["height"]) == (256, 64)
    assert (job.request.where, job.request.threshold) == ("hill", -2)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"MZ" + bytes(300), "isn't a picture"),
        (png()[:-30], "That PNG file is damaged or incomplete"),
        (png("white", (8000, 8000), mode="1"), "8000x8000 pixels; the maximum is 50 megapixels"),
        (png() + bytes(11_000_000), "larger than 10 MB"),
    ],
)
async def test_a_file_that_is_not_a_usable_picture_is_refused_and_not_queued(
    world, here, data, words
):
    for name, images in (
        ("fox.png", {"image": ("fox.png", data)}),
        ("mask.png", {"image": ("fox.png", png()), "mask": ("mask.png", data)}),
    ):
        result = await here.alice.slash(here.channel, "edit", prompt="a fox", **images)
        said = await answered(world, result)
        assert words in said
        assert said.startswith(f"{name}: ") or "larger" in said
    assert world.bot.queue.overview() == []
    assert list((world.settings.painting.data_folder / "attachments").iterdir()) == []


async def test_a_missing_permission_is_reported_before_anything_is_fetched(world, here, host):
    closed = here.guild.create_text_channel(
        "closed",
        overwrites={here.guild.roles["TestBot"]: discord.PermissionOverwrite(attach_files=False)},
    )
    result = await here.alice.slash(closed, "edit", prompt="a fox", image=("fox.png", png()))
    assert "I'm missing Attach Files" in result.response.content
    assert host.fetched == []


async def test_how_a_mask_was_read_is_told_at_once_and_while_it_is_painted(world, here):
    images = {"image": ("fox.png", png()), "mask": ("mask.png", white_disc())}
    asked = await here.alice.slash(here.channel, "edit", prompt="a fox --iterations 900", **images)
    said = await answered(world, asked)
    assert "The mask is a drawing on a transparent background; the drawing can change" in said

    def notes():
        [message] = world.messages(here.channel)
        return [field.value for embed in message.embeds for field in embed.fields[1:]]

    [note] = await world.until(notes, "the note")
    assert note.startswith("- The mask is a drawing on a transparent background")
    [message] = world.messages(here.channel)
    assert message.attachments[-1].filename == "may-change.jpg"
    [job] = world.bot.queue.overview()
    await world.bot.queue.cancel(job.id)
    await world.until(lambda: not world.bot.delivery.busy, "the end")


async def test_the_menu_edits_anyone_s_picture(world, here):
    picture = png("green")
    posted_by_bob = await here.bob.send(here.channel, "look!", attachments=[("hill.png", picture)])
    shown = await here.alice.context_menu(here.channel, "Edit this image", posted_by_bob)
    assert [label["component"]["custom_id"] for label in shown.modal["components"]] == [
        "words",
        "strength",
        "where",
    ]
    sent = await here.alice.submit_modal(
        shown, {"words": f"a snowy hill {FAST}", "strength": "0,3", "where": "hill"}
    )
    assert (await answered(world, sent)).startswith("Queued")
    job = await newest(world, here.channel, 1)
    request = job.request
    assert (request.prompt, request.strength, request.where) == ("a snowy hill", 0.3, "hill")
    assert request.init_image == sha256(picture)
    assert job.person == str(here.alice.id)
    assert "where: hill" in world.results(here.channel)[0].embeds[0].footer.text
    # The part that `where` found is shown, and stays in the progress message.
    [progress] = [
        message
        for message in world.messages(here.channel)
        if message.content.startswith("Painted in")
    ]
    [overlay] = progress.attachments
    assert overlay.filename == "may-change.jpg"
    # So do the steps to it, next to it.
    shown = Image.open(io.BytesIO(world.env.backend.cdn.get(overlay.url)))
    assert shown.format == "JPEG"
    assert shown.width >= 1.5 * shown.height
    [field] = progress.embeds[0].fields
    assert "At the right: how well each place matches" in field.value


async def test_the_menu_finds_embedded_and_forwarded_pictures(world, here):
    picture = png("yellow")
    original = await here.bob.send(here.channel, "", attachments=[("sun.png", picture)])
    link = original.attachments[0].url
    embedded = message_with_link(
        world, here, {"url": "https://x.example/sun.png", "proxy_url": link}
    )
    forwarded = await here.bob.forward(original, here.channel)
    for count, message in enumerate((embedded, forwarded, laid_out(world, here, link)), 1):
        shown = await here.alice.context_menu(here.channel, "Edit this image", message)
        sent = await here.alice.submit_modal(shown, {"words": f"a moon {FAST}"})
        assert (await answered(world, sent)).startswith("Queued")
        job = await newest(world, here.channel, count)
        assert job.request.init_image == sha256(picture)


async def test_the_menu_refuses_messages_without_a_picture_hosted_by_discord(world, here):
    words = await here.bob.send(here.channel, "no picture", attachments=[("a.txt", b"words")])
    refused = await here.alice.context_menu(here.channel, "Edit this image", words)
    assert refused.ephemeral
    assert "That message has no picture" in refused.response.content
    elsewhere = message_with_link(world, here, {"url": "https://169.254.169.254/latest/meta-data"})
    refused = await here.alice.context_menu(here.channel, "Edit this image", elsewhere)
    assert "isn't hosted on Discord" in refused.response.content


async def test_the_button_starts_from_the_picture_and_keeps_its_size(world, here):
    first = await paint(world, here, f"a red circle --size 64x32 {FAST}")
    shown = await here.bob.click(first, label="Edit")
    sent = await here.bob.submit_modal(shown, {"words": "a blue circle", "strength": "0.9"})
    assert sent.response.content.startswith("Queued")
    job = await newest(world, here.channel, 2)
    former = await world.bot.store.job(job_id_of(first))
    assert job.request.init_image == sha256(await world.bot.store.picture(former.id))
    assert (job.request.prompt, job.request.strength) == ("a blue circle", 0.9)
    assert (job.request.width, job.request.height) == (64, 32)
    assert (job.person, former.person) == (str(here.bob.id), str(here.alice.id))


async def test_the_button_on_a_picture_with_an_aspect_cuts_nothing_off(world, here):
    first = await paint(world, here, f"a red circle --ar 7:3 {FAST}")
    shown = await here.bob.click(first, label="Edit")
    await here.bob.submit_modal(shown, {"words": "a blue circle"})
    job = await newest(world, here.channel, 2)
    former = await world.bot.store.job(job_id_of(first))
    sizes = [(each.result["width"], each.result["height"]) for each in (former, job)]
    assert sizes[0] == sizes[1]
    assert sizes[0][0] > 2 * sizes[0][1]


async def test_an_edit_that_crops_says_so_when_it_is_queued(world, here):
    asked = await here.alice.slash(
        here.channel,
        "edit",
        prompt=f"a fox --ar 1:1 {FAST}",
        image=("fox.png", png(size=(300, 200))),
    )
    await answered(world, asked)
    assert "middle of the picture, with 200x200 pixels instead of 300x200" in asked.response.content
    job = await newest(world, here.channel, 1)
    assert (job.result["width"], job.result["height"]) == (200, 200)


async def test_continue_again_and_edits_of_an_edit_keep_the_size_of_the_picture(world, here):
    noise = Image.effect_noise((300, 200), 90).convert("RGB")
    file = io.BytesIO()
    noise.save(file, "PNG")
    white = Image.new("L", noise.size)
    white.paste(255, (200, 120, 240, 160))
    mask = io.BytesIO()
    white.save(mask, "PNG")
    asked = await here.alice.slash(
        here.channel,
        "edit",
        prompt=f"a fox {FAST}",
        image=("noise.png", file.getvalue()),
        mask=("mask.png", mask.getvalue()),
    )
    await answered(world, asked)
    [edited] = await world.painted(here.channel)
    await here.bob.click(edited, label="Continue")
    _, continued = await world.painted(here.channel, 2)
    await here.bob.click(edited, label="Again")
    *_, again = await world.painted(here.channel, 3)
    for message, iterations in ((edited, 2), (continued, 4), (again, 2)):
        assert f"300×200 · {iterations} iterations" in message.embeds[0].footer.text
        data = await world.bot.store.picture(job_id_of(message))
        with Image.open(io.BytesIO(data)) as picture:
            difference = ImageChops.difference(picture.convert("RGB"), noise).convert("L")
            box = difference.getbbox()
            assert box is not None
            left, top, right, bottom = box
        assert left >= 200
        assert top >= 120
        assert right <= 240
        assert bottom <= 160
    shown = await here.bob.click(continued, label="Edit")
    await here.bob.submit_modal(shown, {"words": f"a hen {FAST}"})
    job = await newest(world, here.channel, 4)
    assert (job.result["width"], job.result["height"]) == (300, 200)


async def test_strength_0_gives_the_picture_back_at_its_size(world, here):
    picture = png(size=(300, 200))
    asked = await here.alice.slash(
        here.channel, "edit", prompt="a fox", image=("fox.png", picture), strength=0.0
    )
    await answered(world, asked)
    [result] = await world.painted(here.channel)
    assert "300×200 · 0 iterations" in result.embeds[0].footer.text
    assert "nothing changes" in result.embeds[0].fields[0].value
    posted = Image.open(io.BytesIO(world.env.backend.cdn.get(result.attachments[0].url)))
    assert posted.convert("RGB").tobytes() == Image.open(io.BytesIO(picture)).tobytes()
    pressed = await here.alice.click(result, label="Continue")
    assert "strength 0" in pressed.response.content


async def test_the_menu_works_like_the_button_on_the_bot_s_own_pictures(world, here, host):
    first = await paint(world, here)
    [progress] = [message for message in world.messages(here.channel) if message.id != first.id]
    for count, message in enumerate((first, progress), 2):
        shown = await here.bob.context_menu(here.channel, "Edit this image", message)
        assert job_id_of(first) in shown.modal["custom_id"]
        sent = await here.bob.submit_modal(shown, {"words": "a blue circle"})
        assert sent.response.content.startswith("Queued")
        assert (await newest(world, here.channel, count)).request.init_image is not None
    assert host.fetched == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"words": "a fox", "strength": "much"}, '--strength must be a number, not "much"'),
        ({"words": "a fox", "strength": "2"}, "strength must be between 0 and 1"),
        ({"words": ""}, "prompt is empty"),
        ({"words": "a fox", "where": "hill ->"}, "arrow has no words after it"),
    ],
)
async def test_a_modal_with_wrong_values_is_refused_with_the_reason(world, here, values, words):
    first = await paint(world, here)
    shown = await here.alice.click(first, label="Edit")
    sent = await here.alice.submit_modal(shown, values)
    assert sent.ephemeral
    assert words in sent.response.content
    assert len(world.results(here.channel)) == 1


async def test_an_arrow_in_where_needs_no_prompt(world, here):
    first = await paint(world, here)
    shown = await here.alice.click(first, label="Edit")
    sent = await here.alice.submit_modal(shown, {"where": "windmills -> mushrooms"})
    assert sent.response.content.startswith("Queued")
    job = await newest(world, here.channel, 2)
    assert (job.request.prompt, job.request.where) == ("mushrooms", "windmills -> mushrooms")


async def test_edits_of_pictures_that_are_gone_are_refused(world, here, host):
    picture = await here.bob.send(here.channel, "", attachments=[("sun.png", png())])
    shown = await here.alice.context_menu(here.channel, "Edit this image", picture)
    host.forget(picture)
    sent = await here.alice.submit_modal(shown, {"words": "a moon"})
    assert "Discord no longer has that picture" in await answered(world, sent)

    first = await paint(world, here)
    shown = await here.alice.click(first, label="Edit")
    world.bot.store.files.picture(job_id_of(first)).unlink()
    sent = await here.alice.submit_modal(shown, {"words": "a moon"})
    assert "file is gone" in sent.response.content
    shown = await here.alice.click(first, label="Edit")
    await world.bot.store.delete(job_id_of(first))
    sent = await here.alice.submit_modal(shown, {"words": "a moon"})
    assert "picture was deleted" in sent.response.content


async def test_modals_opened_before_a_restart_can_be_submitted_for_a_day(world, here, monkeypatch):
    picture = await here.bob.send(here.channel, "", attachments=[("sun.png", png())])
    first, second = [
        await here.alice.context_menu(here.channel, "Edit this image", picture) for _ in range(2)
    ]
    await world.restart()
    sent = await here.alice.submit_modal(first, {"words": f"a moon {FAST}"})
    assert (await answered(world, sent)).startswith("Queued")
    await world.painted(here.channel)
    # A day later, storing another address deletes this one.
    a_day_later = time.time_ns() + 25 * 3600 * 10**9
    monkeypatch.setattr("time.time_ns", lambda: a_day_later)
    await world.bot.store.messages.keep("https://cdn.discordapp.com/x.png")
    sent = await here.alice.submit_modal(second, {"words": "a moon"})
    assert "too long ago" in await answered(world, sent)
