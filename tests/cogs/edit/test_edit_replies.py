"""Messages to the bot: which replies, mentions and direct messages edit a picture."""

from __future__ import annotations

import sys

import discord
import pytest

from data.jobs.history import Search
from tests.cogs.conftest import job_id_of, newest
from tests.cogs.media import png, sha256, white_disc

FAST = "--iterations 2"
pytestmark = pytest.mark.usefixtures("host")


async def paint(world, here, prompt=f"a red circle --size 64x32 {FAST}"):
    await here.alice.slash(here.channel, "imagine", prompt=prompt)
    [picture] = await world.painted(here.channel)
    return picture


async def message_with(world, channel, words):
    """Return the message in ``channel`` that contains ``words``."""
    return await world.until(
        lambda: next(
            (message for message in world.messages(channel) if words in message.content), None
        ),
        words,
    )


def me(world):
    return f"<@{world.bot.user.id}>"


async def direct(world, user, content="", *, reply_to=None, files=()):
    """Send the bot a direct message as Discord's client can: with files, and as a reply."""
    backend = world.env.backend
    channel = backend.get_dm_channel(user.id)
    reference = (
        None
        if reply_to is None
        else {"channel_id": str(channel.id), "message_id": str(reply_to.id)}
    )
    return await user.send_dm(
        content, reference=reference, attachments=backend.store_attachments(channel.id, files)
    )


async def test_a_reply_with_a_prompt_starts_from_the_picture(world, here, host):
    first = await paint(world, here)
    asked = await here.bob.send(
        here.channel, f"edit: a blue circle --seed 4 {FAST}", reply_to=first
    )
    job = await newest(world, here.channel, 2)
    former = await world.bot.store.job(job_id_of(first))
    assert job.request.init_image == sha256(await world.bot.store.picture(former.id))
    assert (job.request.prompt, job.seed, job.person) == ("a blue circle", 4, str(here.bob.id))
    assert (job.request.width, job.request.height) == (64, 32)
    assert host.fetched == []
    # One reply shows the progress; another message has the picture.
    await world.painted(here.channel, 2)
    [answer] = [
        message
        for message in world.messages(here.channel)
        if message.reference is not None and message.reference.message_id == asked.id
    ]
    assert answer.content.startswith("Painted in")
    assert len(world.messages(here.channel)) == 5
    # A reply to the progress message starts from the picture too.
    progress = await message_with(world, here.channel, "Painted in")
    await here.bob.send(here.channel, f"edit: a green circle {FAST}", reply_to=progress)
    third = await newest(world, here.channel, 3)
    assert third.request.init_image is not None


async def test_progress_is_shown_even_if_the_bot_may_not_reply(world, here):
    first = await paint(world, here)
    world.env.inject_error(
        "POST",
        f"/channels/{here.channel.id}/messages",
        status=400,
        code=160002,
        message="You cannot reply without permission to read message history",
    )
    asked = await here.bob.send(here.channel, f"edit: a blue circle {FAST}", reply_to=first)
    await world.painted(here.channel, 2)
    assert world.messages(here.channel)[-2].content.startswith("Painted in")
    assert all(
        message.reference is None
        for message in world.messages(here.channel)
        if message.id > asked.id
    )


async def test_a_reply_to_a_time_lapse_starts_from_its_picture(world, here):
    first = await paint(world, here)
    await here.alice.click(first, label="Video")
    [film] = await world.filmed(here.channel)
    await here.bob.send(here.channel, f"edit: a blue circle {FAST}", reply_to=film)
    job = await newest(world, here.channel, 2)
    assert job.request.init_image == sha256(await world.bot.store.picture(job_id_of(first)))


async def test_a_reply_with_a_picture_and_words_starts_from_that_picture(world, here):
    first = await paint(world, here)
    edited = png("green", (90, 30))
    await here.alice.send(
        here.channel, f"a hill {FAST}", reply_to=first, attachments=[("mine.png", edited)]
    )
    request = (await newest(world, here.channel, 2)).request
    assert (request.prompt, request.init_image) == ("a hill", sha256(edited))
    assert (request.width, request.height) == (None, None)  # the new picture's own shape


async def test_a_reply_with_only_a_picture_uses_the_former_prompt(world, here):
    first = await paint(world, here)
    edited = png("green")
    await here.alice.send(here.channel, reply_to=first, attachments=[("mine.png", edited)])
    job = await newest(world, here.channel, 2)
    assert (job.request.prompt, job.request.init_image) == ("a red circle", sha256(edited))
    assert job.request.iterations == 2


async def test_a_reply_with_a_mask_edits_the_picture_that_it_answers(world, here):
    first = await paint(world, here)
    mask = white_disc()
    await here.alice.send(
        here.channel, f"a hill --mask {FAST}", reply_to=first, attachments=[("mask.png", mask)]
    )
    job = await newest(world, here.channel, 2)
    assert job.request.init_image == sha256(await world.bot.store.picture(job_id_of(first)))
    assert (job.request.prompt, job.request.mask) == ("a hill", sha256(mask))
    result = (await world.painted(here.channel, 2))[-1]
    assert "the drawing can change" in result.embeds[0].fields[-1].value


async def test_a_message_with_two_pictures_and_mask_edits_the_first(world, here):
    picture, mask = png("green"), white_disc()
    await here.alice.send(
        here.channel,
        f"{me(world)} a snowy hill --mask {FAST}",
        attachments=[("hill.png", picture), ("mask.png", mask)],
    )
    request = (await newest(world, here.channel, 1)).request
    assert (request.init_image, request.mask) == (sha256(picture), sha256(mask))


async def test_a_mask_alone_is_refused(world, here):
    sent = f"{me(world)} a snowy hill --mask {FAST}"
    await here.alice.send(here.channel, sent, attachments=[("mask.png", white_disc())])
    answer = await message_with(world, here.channel, "Attach the picture too")
    assert answer is not None
    assert world.bot.queue.overview() == []


async def test_a_mention_with_an_attachment_edits_it(world, here):
    picture = png()
    await here.alice.send(
        here.channel, f"{me(world)} a snowy hill {FAST}", attachments=[("hill.png", picture)]
    )
    request = (await newest(world, here.channel, 1)).request
    assert (request.prompt, request.init_image) == ("a snowy hill", sha256(picture))


async def test_a_reply_to_a_running_job_starts_from_its_preview(world, here, host):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    [progress] = world.messages(here.channel)
    await here.bob.send(here.channel, f"edit: a hen {FAST}", reply_to=progress)
    await world.until(lambda: len(world.bot.queue.overview()) == 2, "bob's job")
    running, waiting = world.bot.queue.overview()
    assert (waiting.person, waiting.request.prompt) == (str(here.bob.id), "a hen")
    assert len(host.fetched) == 1
    for job in (waiting, running):
        await world.bot.queue.cancel(job.id)
    await world.until(lambda: not world.bot.delivery.busy, "the end")


async def test_direct_messages_paint_prompts_and_edit_pictures(world, here):
    channel, picture = here.alice.user.dm_channel, png()
    await direct(world, here.alice.user, f"imagine: a red circle {FAST}")
    [first] = await world.painted(channel)
    assert (await world.bot.store.job(job_id_of(first))).request.init_image is None
    await direct(world, here.alice.user, f"a hill {FAST}", files=[("hill.png", picture)])
    second = await newest(world, channel, 2)
    assert (second.request.init_image, second.guild_id) == (sha256(picture), None)
    await direct(world, here.alice.user, f"edit: a blue circle {FAST}", reply_to=first)
    third = await newest(world, channel, 3)
    assert third.request.init_image == sha256(await world.bot.store.picture(job_id_of(first)))


COMMENTS = ["lol nice", "nice edit, what model?", "edit it please", "1 + 1", "😍", "paint me next"]


@pytest.mark.parametrize("words", COMMENTS)
async def test_a_comment_in_reply_to_a_picture_starts_nothing(world, here, words):
    first = await paint(world, here)
    before = len(world.messages(here.channel))
    await here.bob.send(here.channel, words, reply_to=first)
    assert len(world.messages(here.channel)) == before + 1
    assert world.bot.queue.overview() == []


@pytest.mark.parametrize(
    ("words", "prompt"),
    [
        ("edit: a blue circle", "a blue circle"),
        ("Edit : a blue circle", "a blue circle"),
        ("+ snow", "snow"),
        ("a red circle -> a blue circle", "a red circle -> a blue circle"),
        ("Bearbeite: a blue circle", "a blue circle"),
    ],
)
async def test_a_reply_that_says_so_is_an_edit(world, here, words, prompt):
    first = await paint(world, here)
    await here.bob.send(here.channel, f"{words} {FAST}", reply_to=first)
    assert (await newest(world, here.channel, 2)).request.prompt == prompt


async def test_a_server_chooses_which_replies_edit(world, here):
    first = await paint(world, here)
    guild = str(here.guild.id)
    change = world.bot.guild_settings.change
    await change(guild, "1", lambda rules: {"replies": "all"})
    await here.bob.send(here.channel, f"a blue circle {FAST}", reply_to=first)
    assert (await newest(world, here.channel, 2)).request.prompt == "a blue circle"
    await change(guild, "1", lambda rules: {"replies": "off"})
    await here.bob.send(here.channel, f"edit: a hen {FAST}", reply_to=first)
    await here.bob.send(here.channel, "", reply_to=first, attachments=[("mine.png", png())])
    assert world.bot.queue.overview() == []
    assert len(world.results(here.channel)) == 2


@pytest.mark.parametrize("words", ["hi", "help", "a red circle", "what can you do?"])
async def test_a_direct_message_that_is_no_request_is_answered_with_help(world, here, words):
    await direct(world, here.alice.user, words)
    [answer] = [
        message
        for message in world.messages(here.alice.user.dm_channel)
        if message.author.id == world.bot.user.id
    ]
    assert answer.content.startswith("Use </imagine:")
    assert world.bot.queue.overview() == []


@pytest.mark.parametrize("prefix", ["imagine: ", "/imagine ", "paint: ", "Edit: ", "+ "])
async def test_a_direct_message_with_a_prefix_is_painted(world, here, prefix):
    await direct(world, here.alice.user, f"{prefix}a red circle {FAST}")
    await world.painted(here.alice.user.dm_channel)
    [job], _ = await world.bot.store.history.page(str(here.alice.id), Search())
    assert job.request.prompt == "a red circle"


async def test_messages_without_a_mention_are_ignored(world, here):
    await paint(world, here)
    before = world.messages(here.channel)
    told = await here.alice.send(here.channel, "nice!")
    await here.bob.send(here.channel, "yes", reply_to=told)
    assert [message.content for message in world.messages(here.channel)[len(before) :]] == [
        "nice!",
        "yes",
    ]
    assert world.bot.queue.overview() == []


async def test_mentions_without_a_picture_get_help_once_a_minute_in_a_channel(
    world, here, monkeypatch
):
    other = here.guild.create_text_channel("other")
    now = 1000.0
    monkeypatch.setattr(sys.modules["cogs.replies"], "monotonic", lambda: now)

    def answers(channel):
        return [
            message
            for message in world.messages(channel)
            if message.content.startswith("Use </imagine:")
        ]

    await here.alice.send(here.channel, me(world))
    await here.alice.send(here.channel, f"{me(world)} are you there?")
    assert len(answers(here.channel)) == 1
    assert "Leave the reply's ping on" in answers(here.channel)[0].content
    await here.bob.send(other, me(world))
    assert len(answers(other)) == 1
    now += 61
    await here.alice.send(here.channel, me(world))
    assert len(answers(here.channel)) == 2
    assert world.bot.queue.overview() == []


@pytest.mark.parametrize(
    ("content", "files", "words"),
    [
        ("a fox", [("fox.txt", b"words")], "isn't a picture"),
        ("a fox", [("fox.png", png("white", (8000, 8000), mode="1"))], "maximum is 50 megapixels"),
        ("", [("fox.png", png())], "Say what to turn the picture into"),
        ("a fox --colour red", [("fox.png", png())], "no option --colour"),
    ],
)
async def test_edits_that_cannot_be_painted_are_refused_in_a_reply(
    world, here, content, files, words
):
    await here.alice.send(here.channel, f"{me(world)} {content}", attachments=files)
    answer = await message_with(world, here.channel, words)
    assert [user.id for user in answer.mentions] == []
    assert world.bot.queue.overview() == []


async def test_replies_without_a_usable_picture_are_refused(world, here):
    first = await paint(world, here)
    await here.alice.send(here.channel, me(world), reply_to=first)
    await message_with(world, here.channel, "Use </imagine:")
    await here.alice.send(here.channel, "edit:", reply_to=first)
    await message_with(world, here.channel, "Say what to turn the picture into")
    # Without the privileged intent the bot cannot read others' messages.
    closed = await here.bob.send(here.channel, "", attachments=[("sun.png", png())])
    await here.alice.send(here.channel, f"{me(world)} + a moon", reply_to=closed)
    await message_with(world, here.channel, "choose Apps > Edit this image")
    help_text = await message_with(world, here.channel, "Say what to turn")
    await here.alice.send(here.channel, "edit: a moon", reply_to=help_text)
    await message_with(world, here.channel, "That message has no picture")
    job = await world.bot.store.job(job_id_of(first))
    world.bot.store.files.picture(job.id).unlink()
    world.env.backend.cdn._blobs.clear()
    await here.alice.send(here.channel, "edit: a blue circle", reply_to=first)
    await message_with(world, here.channel, "Discord no longer has that picture")
    assert len(world.results(here.channel)) == 1


async def test_the_user_is_told_which_permissions_the_bot_is_missing(world, here):
    closed = here.guild.create_text_channel(
        "closed",
        overwrites={here.guild.roles["TestBot"]: discord.PermissionOverwrite(attach_files=False)},
    )
    await here.alice.send(closed, f"{me(world)} a fox", attachments=[("fox.png", png())])
    await message_with(world, closed, "I'm missing Attach Files")
    mute = here.guild.create_text_channel(
        "mute",
        overwrites={here.guild.roles["TestBot"]: discord.PermissionOverwrite(send_messages=False)},
    )
    await here.alice.send(mute, f"{me(world)} a fox", attachments=[("fox.png", png())])
    await message_with(world, here.alice.user.dm_channel, "I'm missing Send Messages")
    assert world.bot.queue.overview() == []


async def test_messages_of_other_bots_are_ignored(world, here):
    other = here.guild.add_member(world.env.create_user("other-bot", bot=True))
    await other.send(here.channel, f"{me(world)} a fox", attachments=[("fox.png", png())])
    assert len(world.messages(here.channel)) == 1
    assert world.bot.queue.overview() == []
