"""/imagine, from the prompt to the posted picture."""

from __future__ import annotations

import io

import discord
import pytest
from PIL import Image

from tests.cogs.conftest import RESULT_LABELS, job_id_of, labels


async def test_imagine_paints_the_prompt(world, here):
    result = await here.alice.slash(here.channel, "imagine", prompt="a red circle", seed=7)
    assert result.ephemeral
    assert result.response.content.startswith("Queued: you're next")
    [picture] = await world.painted(here.channel)
    assert picture.content == here.alice.mention
    assert labels(picture) == RESULT_LABELS
    [embed] = picture.embeds
    assert embed.description == "- a red circle"
    assert "seed 7" in embed.footer.text
    [attachment] = picture.attachments
    posted = world.env.backend.cdn.get(attachment.url)
    job = await world.bot.store.job(job_id_of(picture))
    assert job.state == "delivered"
    assert job.result_message_id == str(picture.id)
    assert await world.bot.store.picture(job.id) == posted
    assert Image.open(io.BytesIO(posted)).size == (32, 32)
    [progress] = [message for message in world.messages(here.channel) if message.id != picture.id]
    assert progress.content.startswith("Painted in")
    assert picture.jump_url in progress.content
    assert labels(progress) == []


async def test_the_same_seed_paints_the_same_picture(world, here):
    for _ in range(2):
        await here.alice.slash(here.channel, "imagine", prompt="a red circle --seed 7")
    first, second = await world.painted(here.channel, 2)
    pixels = [
        Image.open(io.BytesIO(world.env.backend.cdn.get(message.attachments[0].url))).tobytes()
        for message in (first, second)
    ]
    assert pixels[0] == pixels[1]


async def test_weights_and_flags_are_shown_as_the_bot_read_them(world, here):
    await here.alice.slash(
        here.channel,
        "imagine",
        seed=3,
        size="64x32",
        prompt="a fox:2 + blurry:-0.5 + at 12:30 --seed 9 --iterations 4",
    )
    [picture] = await world.painted(here.channel)
    [embed] = picture.embeds
    assert embed.description.splitlines() == [
        "- a fox × 2",
        "- blurry × -0.5 (avoided)",
        "- at 12:30",
    ]
    assert "seed 9 · 64×32 · 4 iterations" in embed.footer.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": "   "}, "prompt is empty"),
        ({"prompt": "a fox --colour red"}, "no option --colour"),
        ({"prompt": "a fox --seed many"}, "--seed must be a whole number"),
        ({"prompt": "a fox:500"}, "between -100 and 100"),
        ({"prompt": "a fox", "size": "huge"}, "must look like 256x128"),
        ({"prompt": "a fox", "size": "2000x2000"}, "at most 262144 pixels"),
        ({"prompt": "a fox --size 2000 --ar 1:8"}, "pixels are allowed here"),
        ({"prompt": "a fox --iterations 4000"}, "At most 1000 iterations"),
        ({"prompt": "a fox", "model": "dall-e"}, "no model called 'dall-e'"),
        ({"prompt": "a fox", "model": "imagenet-16384"}, "isn't installed on this bot"),
        ({"prompt": "a fox\x00"}, "NUL"),
    ],
)
async def test_a_request_that_cannot_be_painted_is_refused_with_the_reason(
    world, here, options, words
):
    result = await here.alice.slash(here.channel, "imagine", **options)
    assert result.ephemeral
    assert words in result.response.content
    assert world.messages(here.channel) == []
    assert world.bot.queue.overview() == []


@pytest.mark.parametrize(
    ("denied", "name"),
    [
        ("send_messages", "Send Messages"),
        ("attach_files", "Attach Files"),
        ("embed_links", "Embed Links"),
        ("read_message_history", "Read Message History"),
    ],
)
async def test_a_missing_permission_is_reported_before_queueing(world, here, denied, name):
    closed = here.guild.create_text_channel(
        "closed",
        overwrites={here.guild.roles["TestBot"]: discord.PermissionOverwrite(**{denied: False})},
    )
    result = await here.alice.slash(closed, "imagine", prompt="a fox")
    assert f"I'm missing {name}" in result.response.content
    assert world.bot.queue.overview() == []
    assert await world.bot.store.recent_prompts(str(here.alice.id), 5) == []


async def test_the_number_of_jobs_per_user_is_limited(world, here, monkeypatch):
    monkeypatch.setattr(world.bot.settings.limits, "max_jobs_per_person", 2)
    for _ in range(2):
        await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    refused = await here.alice.slash(here.channel, "imagine", prompt="a fox")
    assert "2 pictures in the queue" in refused.response.content
    taken = await here.bob.slash(here.channel, "imagine", prompt="a hen --iterations 1")
    assert taken.response.content.startswith("Queued")
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)


async def test_prompts_cannot_mention_format_or_link(world, here):
    hostile = "@everyone **bold** <@1> [x](https://evil.example) '; DROP TABLE jobs; --seed 5"
    await here.alice.slash(here.channel, "imagine", prompt=hostile)
    [picture] = await world.painted(here.channel)
    text = picture.embeds[0].description
    for raw in ("@everyone", "**bold**", "<@1>", "https://"):
        assert raw not in text
    assert [user.id for user in picture.mentions] == [here.alice.id]
    assert not picture.mention_everyone
    job = await world.bot.store.job(job_id_of(picture))
    assert job.request.prompt.startswith("@everyone **bold**")
    assert set(picture.attachments[0].filename) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


async def test_autocomplete_offers_models_and_the_user_s_own_prompts(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle")
    await here.bob.slash(here.channel, "imagine", prompt="a blue circle")
    await world.painted(here.channel, 2)
    offered = await here.alice.autocomplete(here.channel, "imagine", "prompt", "circle")
    assert [choice["value"] for choice in offered] == ["a red circle"]
    offered = await here.alice.autocomplete(here.channel, "imagine", "model", "ti", prompt="x")
    assert [choice["value"] for choice in offered] == ["tiny"]


async def test_two_people_in_one_channel_get_their_own_pictures(world, here):
    for person, prompt in ((here.alice, "a red circle"), (here.bob, "a blue square")) * 3:
        await person.slash(here.channel, "imagine", prompt=prompt)
    for picture in await world.painted(here.channel, 6):
        job = await world.bot.store.job(job_id_of(picture))
        assert picture.content == f"<@{job.person}>"
        wanted = "a red circle" if job.person == str(here.alice.id) else "a blue square"
        assert job.request.prompt == wanted
        assert picture.embeds[0].description == f"- {wanted}"
        posted = world.env.backend.cdn.get(picture.attachments[0].url)
        assert posted == await world.bot.store.picture(job.id)


async def test_a_failed_job_reports_the_reason_in_a_message_of_its_own(
    world, here, catalogue, tmp_path, monkeypatch
):
    whole = catalogue.parent / "made" / "clip.pt"
    whole = whole if whole.exists() else next(catalogue.parent.rglob("clip.pt"))
    broken = tmp_path / "models.toml"
    text = catalogue.read_text("utf-8").replace("tiny", "broken")
    (tmp_path / "clip.pt").write_bytes(whole.read_bytes()[:1000])
    for file in catalogue.parent.rglob("*"):
        if file.is_file() and file.name not in ("clip.pt", catalogue.name):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    broken.write_text(text, "utf-8")
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(broken))
    await here.alice.slash(here.channel, "imagine", prompt="a fox", model="broken")
    await world.until(lambda: not world.bot.delivery.busy, "the failure")
    progress, told = world.messages(here.channel)
    assert progress.content == "This one failed."
    assert told.content.startswith(here.alice.mention)
    assert "clip.pt" in told.content
    assert str(tmp_path.parent) not in told.content
    assert labels(told) == ["Again", "Remix"]
    assert [user.id for user in told.mentions] == [here.alice.id]


async def test_imagine_paints_in_direct_messages(world, here):
    result = await here.alice.user.slash("imagine", prompt="a fox")
    assert result.response.content.startswith("Queued")
    [picture] = await world.painted(here.alice.user.dm_channel)
    assert (await world.bot.store.job(job_id_of(picture))).guild_id is None
