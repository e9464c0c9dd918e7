"""What people type into /imagine: choices, addresses, emoji and words that no model knows."""

from __future__ import annotations

import pytest

from tests.cogs.conftest import job_id_of
from tests.cogs.media import answered, png, sha256


async def prompts_queued(world):
    return [job.request.prompt for job in world.bot.queue.overview()]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("{a, b, c}{d, e, f}", "more than 8 pictures"),
        ("a castle, (fog:1.4), night", "(fog:1.4"),
        ("a fox --v 5", "--model"),
        ("🦊🦊", "fox face"),
        ("???", "doesn't know any word"),
        ("https://example.com/a.png a fox", "only open pictures on Discord"),
        ("a fox --strength 0.5", "add a picture to start from"),
    ],
)
async def test_what_cannot_be_read_is_refused_before_queueing(world, here, prompt, words):
    result = await here.alice.slash(here.channel, "imagine", prompt=prompt, model="natural")
    assert words in await answered(world, result)
    assert world.messages(here.channel) == []
    assert await prompts_queued(world) == []


async def test_unknown_words_are_named_in_the_answer(world, here):
    result = await here.alice.slash(
        here.channel, "imagine", prompt="a 🦊 castle | 東京 --iterations 900", model="natural"
    )
    assert result.response.content.splitlines()[1] == (
        'This model doesn\'t know 🦊 (fox face), "東京", so they are ignored.'
    )
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)


async def test_a_server_s_own_emoji_is_read_by_its_name(world, here):
    await here.alice.slash(
        here.channel, "imagine", prompt="<:fox_face:123456789012345678> in snow --seed 1"
    )
    [picture] = await world.painted(here.channel)
    assert picture.embeds[0].description == "- fox face in snow"


@pytest.mark.parametrize("flag", ["--strength 0.5", "--where circle"])
async def test_flags_that_need_a_picture_are_read_once_it_is_there(world, here, host, flag):
    result = await here.alice.slash(
        here.channel, "imagine", prompt=f"a fox {flag}", init_image=("mine.png", png())
    )
    assert (await answered(world, result)).startswith("Queued")
    [picture] = await world.painted(here.channel)
    assert picture.embeds[0].description.startswith("- a fox")


@pytest.mark.parametrize("written", ["{}", "<{}>"])
async def test_a_picture_s_address_on_discord_is_the_start(world, here, host, written):
    message = await here.alice.send(here.channel, "look", attachments=[("mine.png", png("blue"))])
    address = written.format(message.attachments[0].url)
    result = await here.alice.slash(here.channel, "imagine", prompt=f"{address} a fox --seed 1")
    assert (await answered(world, result)).startswith("Queued")
    [job] = world.bot.queue.overview()
    assert (job.request.prompt, job.request.init_image) == ("a fox", sha256(png("blue")))
    await world.painted(here.channel)


async def test_only_one_address_can_be_given(world, here):
    result = await here.alice.slash(
        here.channel, "imagine", prompt="https://example.com/a.png https://example.com/b.png a fox"
    )
    assert "Keep one address" in await answered(world, result)


async def test_a_remix_can_have_choices(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 2")
    [first] = await world.painted(here.channel)
    shown = await here.bob.click(first, label="Remix")
    sent = await here.bob.submit_modal(shown, {"prompt": "a {blue, green} circle"})
    assert sent.response.content == "Queued 2 pictures."
    pictures = await world.painted(here.channel, 3)
    jobs = [await world.bot.store.job(job_id_of(picture)) for picture in pictures[1:]]
    assert {job.request.prompt for job in jobs} == {"a blue circle", "a green circle"}
    assert {(job.person, job.request.iterations) for job in jobs} == {(str(here.bob.id), 2)}


async def test_a_reply_can_have_choices_up_to_the_limit(world, here, host, monkeypatch):
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 2")
    [first] = await world.painted(here.channel)
    monkeypatch.setattr(world.bot.settings.limits, "max_jobs_per_person", 1)
    await here.alice.send(
        here.channel, "edit: a {blue, green} circle --iterations 900", reply_to=first
    )
    assert await prompts_queued(world) == ["a blue circle"]
    told = [message.content for message in world.messages(here.channel)]
    assert any("already have 1 picture" in text for text in told)
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)


async def test_an_address_in_a_direct_message_is_the_start(world, here, host):
    message = await here.alice.send(here.channel, "look", attachments=[("mine.png", png("blue"))])
    address = message.attachments[0].url
    await here.alice.user.send_dm(f"imagine: {address} a fox --iterations 900")
    await world.until(world.bot.queue.overview, "the job")
    [job] = world.bot.queue.overview()
    assert (job.request.prompt, job.request.init_image) == ("a fox", sha256(png("blue")))
    await world.bot.queue.cancel(job.id)


async def test_regions_and_noise_are_shown_as_they_were_read_and_kept_in_a_remix(world, here):
    words = "a lighthouse @Left:2 | a fox @50-100,0-100 --noise 7:-0.5 --iterations 2"
    await here.alice.slash(here.channel, "imagine", prompt=words)
    [picture] = await world.painted(here.channel)
    assert picture.embeds[0].description.splitlines() == [
        "- a lighthouse @left × 2",
        "- a fox @50-100%,0-100%",
        "- noise 7 × -0.5 (avoided)",
    ]
    assert picture.attachments[0].description == "a lighthouse, a fox"
    shown = await here.bob.click(picture, label="Remix")
    await here.bob.submit_modal(shown, {"prompt": "a hen @top"})
    _, second = await world.painted(here.channel, 2)
    assert second.embeds[0].description == "- a hen @top\n- noise 7 × -0.5 (avoided)"
    refused = await here.alice.slash(here.channel, "imagine", prompt="a fox @60-40,0-10")
    assert "from a smaller to a larger percentage" in await answered(world, refused)


async def test_every_part_of_a_story_is_shown_kept_and_checked(world, here):
    story = "a red circle + fog:0.5 ^ a blue square"
    await here.alice.slash(
        here.channel, "imagine", prompt=f"{story} --iterations 4 --change-every 2 --fade 0.5"
    )
    [picture] = await world.painted(here.channel)
    assert picture.embeds[0].description.splitlines() == [
        "- a red circle",
        "- fog × 0.5",
        "then",
        "- a blue square",
    ]
    assert "changes every 2 iterations · fade 0.5" in picture.embeds[0].footer.text
    assert picture.attachments[0].description == "a red circle, fog, then a blue square"
    shown = await here.bob.click(picture, label="Remix")
    assert shown.modal["components"][0]["component"]["value"] == story
    await here.bob.submit_modal(shown, {"prompt": "a hen ^ a fox"})
    _, second = await world.painted(here.channel, 2)
    remix = (await world.bot.store.job(job_id_of(second))).request
    assert (remix.change_every, remix.fade, remix.is_story) == (2, 0.5, True)
    shown = await here.bob.click(picture, label="Remix")
    await here.bob.submit_modal(shown, {"prompt": "a hen"})
    *_, third = await world.painted(here.channel, 3)
    plain = (await world.bot.store.job(job_id_of(third))).request
    assert (plain.change_every, plain.fade, plain.is_story) == (None, None, False)
    await here.bob.send(here.channel, "edit: a wolf --iterations 2", reply_to=picture)
    *_, fourth = await world.painted(here.channel, 4)
    assert (await world.bot.store.job(job_id_of(fourth))).request.fade is None
    await world.bot.store.guilds.change_settings(
        str(here.guild.id), "1", {"blocked_words": ["snake"]}
    )
    refused = await here.alice.slash(here.channel, "imagine", prompt="a fox ^ a snake")
    assert "||snake|| is blocked" in await answered(world, refused)
