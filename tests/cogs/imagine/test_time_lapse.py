"""A time-lapse is a job like any other: gate, queue, limits, time left, cancel, delivery."""

from __future__ import annotations

import io
import json

import av
import discord
import pytest
from PIL import Image, ImageChops, ImageStat

from bot.ui.buttons import VideoButton
from data.jobs.history import Search
from data.people import Restriction
from engine.worker.messages import Stepped
from engine.worker.process import InProcessWorker
from tests.cogs.cards import said
from tests.cogs.conftest import job_id_of, labels
from tests.store_database import database_of

HEN = "a hen --iterations 2"


async def paint(world, person, channel, prompt="a fox --iterations 2", count=1):
    await person.slash(channel, "imagine", prompt=prompt)
    return (await world.painted(channel, count))[-1]


async def change(world, here, **values):
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", values)


def view_with(job_id):
    view = discord.ui.View(timeout=None)
    view.add_item(VideoButton(job_id))
    return view


async def test_it_waits_its_turn_and_is_posted_for_the_member_who_asked(world, here, held):
    picture = await paint(world, here.alice, here.channel)
    held.hold()
    await here.alice.slash(here.other, "imagine", prompt=HEN)
    asked = await here.bob.click(picture, label="Video")
    assert said(asked).startswith("Queued: 2nd in line (expected <t:")
    progress = world.messages(here.channel)[-1]
    assert progress.embeds[0].title == "Time-lapse"
    assert labels(progress) == ["Cancel"]
    assert "(time-lapse): a fox" in said(await here.alice.slash(here.channel, "queue"))
    held.release()
    [film] = await world.filmed(here.channel)
    assert here.bob.mention in film.content
    assert labels(film) == ["Delete"]
    assert film.jump_url in world.messages(here.channel)[-2].content
    made = await world.bot.store.job(job_id_of(film))
    assert (made.state, made.person) == ("delivered", str(here.bob.id))
    assert await world.bot.store.time_lapse(made.id) is None  # Discord has it
    # It is in nobody's history of pictures.
    assert await world.bot.store.history.page(str(here.bob.id), Search()) == ([], 0)


async def test_it_can_be_cancelled_while_it_waits(world, here, held):
    picture = await paint(world, here.alice, here.channel)
    held.hold()
    await here.bob.slash(here.other, "imagine", prompt=HEN)
    await here.alice.click(picture, label="Video")
    job, message = world.bot.queue.overview()[-1], world.messages(here.channel)[-1]
    assert job_id_of(message) == job.id
    assert "Only the person" in said(await here.bob.click(message, label="Cancel"))
    assert said(await here.alice.click(message, label="Cancel")).startswith("Cancelled")
    held.release()
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert (await world.bot.store.job(job.id)).state == "cancelled"


async def test_it_can_be_cancelled_while_it_is_made(world, here):
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    await world.until(lambda: "of 900" in world.messages(here.channel)[0].content, "a preview")
    await here.alice.click(world.messages(here.channel)[0], label="Stop")
    [picture] = await world.painted(here.channel)
    stored = await world.bot.store.job(job_id_of(picture))
    stored.result["iterations"] = 900  # it was stopped much earlier
    await database_of(world.bot.store).change(
        "UPDATE jobs SET result = ? WHERE id = ?", json.dumps(stored.result), stored.id
    )
    await here.alice.click(picture, label="Video")
    [job] = world.bot.queue.overview()
    message = world.messages(here.channel)[-1]
    await world.until(lambda: job.state == "running", "the start")
    assert said(await here.alice.click(message, label="Cancel")).startswith("Cancelled")
    await world.until(lambda: not world.bot.delivery.busy, "the end")
    assert (await world.bot.store.job(job.id)).state == "cancelled"


async def test_eight_presses_on_eight_pictures_stay_within_the_limits(world, here, held):
    pictures = [
        await paint(world, here.alice, here.channel, count=number) for number in range(1, 9)
    ]
    await change(world, here, jobs_waiting=2)
    held.hold()
    texts = [said(await here.bob.click(picture, label="Video")) for picture in pictures]
    assert sum(text.startswith("Queued") for text in texts) == 2
    assert sum("this server allows 2" in text for text in texts) == 6


async def test_repeated_presses_make_one_time_lapse_for_each_channel(world, here, held):
    picture = await paint(world, here.alice, here.channel)
    held.hold()
    texts = [
        said(await person.click(picture, label="Video")) for person in (here.alice, here.bob) * 2
    ]
    assert sum(text.startswith("Queued") for text in texts) == 1
    assert sum("already making that time-lapse" in text for text in texts) == 3


RULES = [
    ({"channels_denied": ["channel"]}, "can't paint in this channel"),
    ({"channels_allowed": ["other"]}, "can't paint in this channel"),
    ({"roles_use": ["role"]}, "to make pictures here"),
    ({"blocked_words": ["fox"]}, "is blocked in this server"),
    ({"cooldown": 3600}, "Slow down!"),
    ({"jobs_a_day": 1}, "in the last 24 hours"),
    ({"max_size": "16x16"}, "is too big"),
    ({"max_iterations": 1}, "iterations can be at most 1"),
]


@pytest.mark.parametrize(("chosen", "words"), RULES)
async def test_the_server_s_rules_hold_for_it(world, here, chosen, words):
    picture = await paint(world, here.alice, here.channel, "a fox --size 32 --iterations 2")
    ids = {
        "channel": str(here.channel.id),
        "other": str(here.other.id),
        "role": str(here.guild.create_role("painters").id),
    }
    await change(
        world,
        here,
        **{
            name: [ids.get(each, each) for each in value] if isinstance(value, list) else value
            for name, value in chosen.items()
        },
    )
    before = len(world.messages(here.channel))
    assert words in said(await here.alice.click(picture, label="Video"))
    assert world.bot.queue.overview() == []
    assert len(world.messages(here.channel)) == before


async def test_a_banned_member_and_a_draining_bot_make_none(world, here):
    picture = await paint(world, here.alice, here.channel)
    await world.bot.people.restrict(
        Restriction(str(here.guild.id), str(here.bob.id), "ban", moderator="1")
    )
    assert "You're banned" in said(await here.bob.click(picture, label="Video"))
    world.bot.queue.draining = True
    assert "maintenance" in said(await here.alice.click(picture, label="Video"))
    assert world.bot.queue.overview() == []


async def test_a_picture_from_elsewhere_is_held_against_this_server_s_concepts(world, here):
    await here.alice.user.slash("imagine", prompt="a fox --iterations 2")
    [picture] = await world.painted(here.alice.user.dm_channel)
    await change(world, here, concepts={"blood": {"threshold": 0.0, "action": "withhold"}})
    channel = world.bot.get_channel(here.channel.id)
    view = (await channel.send("mine", view=view_with(job_id_of(picture)))).id
    await here.alice.click(
        next(each for each in world.messages(here.channel) if each.id == view), label="Video"
    )
    await world.until(lambda: "withheld" in world.messages(here.channel)[-1].content, "the refusal")
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    assert not any(message.attachments for message in world.messages(here.channel))


async def test_it_survives_a_restart(world, here, held):
    picture = await paint(world, here.alice, here.channel)
    held.hold()
    await here.bob.click(picture, label="Video")
    held.release()
    await world.restart()
    [film] = await world.filmed(here.channel)
    assert here.bob.mention in film.content
    assert (await world.bot.store.job(job_id_of(film))).time_lapse_of == job_id_of(picture)


@pytest.fixture
def stepped(monkeypatch):
    """Ids of the jobs for which a worker reports an iteration."""
    ids = []
    deliver = InProcessWorker.deliver

    def watch(worker, message):
        if isinstance(message, Stepped):
            ids.append(message.id)
        deliver(worker, message)

    monkeypatch.setattr(InProcessWorker, "deliver", watch)
    return ids


async def test_a_video_costs_no_second_painting_also_after_a_restart(world, here, stepped):
    picture = await paint(world, here.alice, here.channel)
    id = job_id_of(picture)
    assert set(stepped) == {id}
    await world.restart()
    stepped.clear()
    asked = await here.bob.click(picture, label="Video")
    assert said(asked).startswith(("Queued", "You're next"))
    [film] = await world.filmed(here.channel)
    assert stepped == []
    made = await world.bot.store.job(job_id_of(film))
    assert (made.state, made.time_lapse_of) == ("delivered", id)
    with av.open(io.BytesIO(await film.attachments[0].read()), "r") as video:
        *_, last = (frame.to_image() for frame in video.decode(video=0))
    finished = Image.open(io.BytesIO(await world.bot.store.picture(id))).convert("RGB")
    difference = ImageStat.Stat(ImageChops.difference(last, finished)).mean
    assert max(difference) < 30  # H.264 at 32 px is coarse
    # Continued, it has all its frames, too.
    await here.alice.click(picture, label="Continue")
    longer = (await world.painted(here.channel, 2))[-1]
    stepped.clear()
    await here.bob.click(longer, label="Video")
    await world.filmed(here.channel, 2)
    assert stepped == []
    # With the picture its frames go.
    assert world.bot.store.frames_path(id).exists()
    await here.alice.click(picture, label="Delete")
    assert not world.bot.store.frames_path(id).exists()


async def test_a_host_can_turn_recording_off(world, here, stepped):
    world.settings.operations.frames_mb = 0
    await world.restart()
    picture = await paint(world, here.alice, here.channel)
    assert not world.bot.store.frames_path(job_id_of(picture)).exists()
    await here.bob.click(picture, label="Video")
    [film] = await world.filmed(here.channel)
    assert job_id_of(film) in stepped


async def test_it_is_deleted_with_its_picture_wherever_it_was_posted(world, here):
    picture = await paint(world, here.alice, here.channel)
    await here.bob.click(picture, label="Video")
    await world.filmed(here.channel)
    channel = world.bot.get_channel(here.other.id)
    await channel.send("again", view=view_with(job_id_of(picture)))
    await here.bob.click(world.messages(here.other)[-1], label="Video")
    films = [*await world.filmed(here.channel), *await world.filmed(here.other)]
    assert len(films) == 2
    assert said(await here.alice.click(picture, label="Delete")) == "Deleted."
    for each in (here.channel, here.other):
        assert not any(message.attachments for message in world.messages(each))
    assert [job async for job in world.bot.store.jobs_of(str(here.bob.id))] == []


async def test_deleted_data_takes_other_people_s_time_lapses_of_it_along(world, here):
    picture = await paint(world, here.alice, here.channel, "a secret fox --iterations 2")
    await here.bob.click(picture, label="Video")
    await world.filmed(here.channel)
    question = await here.alice.slash(here.channel, "privacy forget")
    await here.alice.click(question.response, label="Delete everything")
    await world.until(lambda: question.response.content.startswith("I've deleted"), "the end")
    assert world.messages(here.channel) == []
    assert [job async for job in world.bot.store.jobs_of(str(here.bob.id))] == []


async def test_a_file_that_is_too_large_is_reported(world, here, monkeypatch):
    picture = await paint(world, here.alice, here.channel)
    monkeypatch.setattr("bot.delivery.results.upload_limit", lambda servers, guild: 100)
    await here.alice.click(picture, label="Video")
    await world.until(
        lambda: "too large to post here" in world.messages(here.channel)[-1].content, "the answer"
    )
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")


async def test_one_that_failed_can_be_asked_for_again(world, here, held):
    picture = await paint(world, here.alice, here.channel)
    held.hold()
    await here.bob.click(picture, label="Video")
    rendition = world.bot.store.rendition

    async def gone(id):
        return None

    world.bot.store.rendition = gone
    held.release()
    failure = await world.until(
        lambda: next(
            (each for each in world.messages(here.channel) if "was deleted" in each.content), None
        ),
        "the failure",
    )
    await world.until(lambda: not world.bot.delivery.busy, "the delivery")
    assert labels(failure) == ["Again"]
    world.bot.store.rendition = rendition
    assert said(await here.bob.click(failure, label="Again")).startswith("Queued")
    [film] = await world.filmed(here.channel)
    assert (await world.bot.store.job(job_id_of(film))).time_lapse_of == job_id_of(picture)
