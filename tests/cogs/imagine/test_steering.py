"""Steering a picture while it is painted: the buttons, the modals, and who can do what."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import simcord.actors
from PIL import Image

from data.people import Restriction
from engine.painting.pipeline import imagine
from engine.pictures.provenance import read_made
from engine.request.request import ImageRequest
from tests.cogs.cards import facts_of, text_of
from tests.cogs.conftest import job_id_of, labels
from tests.cogs.media import white_disc

PROMPT = "a red circle --iterations 900"
UNDERWAY = ["Stop", "Cancel", "Remix", "Nudge", "Freeze", "Longer", "Bolder", "Calmer"]
PARTS = [
    *("Left half", "Right half", "Top half", "Bottom half", "Middle"),
    *("Top left", "Top right", "Bottom left", "Bottom right", "In words"),
]


async def begun(world, here, prompt=PROMPT, **options):
    """The progress message of alice's picture, once it has a preview."""
    await here.alice.slash(here.channel, "imagine", prompt=prompt, **options)
    await world.until(
        lambda: world.messages(here.channel) and _progress(world, here).attachments, "a preview"
    )
    return _progress(world, here)


def _progress(world, here):
    return world.messages(here.channel)[-1]


async def pressed(world, person, message, label):
    """The answer to pressing a button, as a text."""
    result = await person.click(message, label=label)
    if result.modal is None:
        await world.until(lambda: said(result), "the answer")
    return result


def said(result):
    return result.response.content if result.response else ""


def offered_labels(message):
    """The labels of an answer's buttons."""
    return re.findall(r"'label': '([^']*)'", str(message.components))


async def offered(world, here, message):
    """What Freeze offers: a message with buttons, shown to alice alone."""
    result = await here.alice.click(message, label="Freeze")
    await world.until(lambda: result.response and result.response.components, "the buttons")
    assert result.ephemeral
    return result.response


async def nudged(world, person, message, words):
    opened = await person.click(message, label="Nudge")
    result = await person.submit_modal(opened, {"words": words})
    await world.until(lambda: said(result), "the answer")
    return said(result)


async def changes(world, message, count):
    """The steps of the job's request once there are ``count``, without iterations."""
    job = world.bot.queue.get(job_id_of(message))
    await world.until(lambda: len(job.request.steering or ()) == count, f"{count} changes")
    return [each.change for each in job.request.steering or ()]


async def stopped(world, here, message):
    """The finished job after Stop."""
    await pressed(world, here.alice, message, "Stop")
    [result] = await world.painted(here.channel)
    job = await world.bot.store.job(job_id_of(result))
    assert job is not None
    return result, job


async def test_a_picture_is_nudged_frozen_lengthened_and_painted_again_the_same(world, here):
    message = await begun(world, here, f"{PROMPT} --seed 7 --cutouts 1 --learning-rate 3")
    assert labels(message) == UNDERWAY
    rows = [row.children for row in message.components]
    assert [len(row) for row in rows] == [3, 5]
    opened = await here.alice.click(message, label="Nudge")
    assert "a red circle" in str(opened.modal)
    answer = await nudged(world, here.alice, message, "a blue circle:2 + fog")
    assert answer == "From the next iteration on: a blue circle:2 + fog"
    parts = await offered(world, here, message)
    assert offered_labels(parts) == PARTS
    answer = said(await pressed(world, here.alice, parts, "Top left"))
    assert answer == "From the next iteration on: frozen: @top-left"
    await pressed(world, here.alice, message, "Bolder")
    await pressed(world, here.alice, message, "Longer")
    assert await changes(world, message, 4) == [
        "a blue circle:2 + fog",
        "freeze: @top-left",
        "rate: 1.5",
        "longer: 100",
    ]
    await world.until(lambda: "bolder" in _progress(world, here).embeds[0].description, "the echo")
    result, job = await stopped(world, here, message)
    description = result.embeds[0].description
    for line in ("- a red circle", "from iteration", "- a blue circle × 2", "- frozen: @top-left"):
        assert line in description
    assert "then a blue circle, fog" in result.attachments[0].description
    await check_told(world, here, result, job)
    assert isinstance(job.request, ImageRequest)
    made = job.result["iterations"]
    *iterates, last = [
        iterate for iterate, _ in zip(imagine(job.request), range(made + 1), strict=False)
    ]
    assert len(iterates) == made
    picture = Image.open(io.BytesIO(await world.bot.store.picture(job.id)))
    assert picture.convert("RGB").tobytes() == last.to_pil().tobytes()


async def check_told(world, here, result, job):
    """What was changed, and when, is in /history, in Info and in the picture's own file."""
    history = text_of(await here.alice.slash(here.channel, "history"))
    told = await here.bob.context_menu(here.channel, "Info", result)
    await world.until(lambda: text_of(told), "Info")
    understood, count = (facts_of(told)[name] for name in ("Understood as", "Iterations"))
    lines = {
        "rate": "bolder: 1.5 times the learning rate",
        "freeze": "frozen: @top-left",
        "longer": "100 more iterations",
    }
    for step in job.request.steering:
        what = lines.get(step.change.partition(":")[0], "a blue circle:2 + fog")
        assert f"{step.at}: {what}" in history
        assert f"from iteration {step.at}\n" in understood
    for line in ("- a blue circle × 2", *(f"- {each}" for each in lines.values())):
        assert line in understood
    assert "stopped early" in history
    assert count == f"{job.result['iterations']} (stopped early)"
    made = read_made(await world.bot.store.picture(job.id))
    assert made is not None
    assert made.request.steering == job.request.steering
    assert made.stopped_at == job.result["iterations"]


async def test_longer_adds_half_of_the_iterations_up_to_the_limit(world, here):
    message = await begun(world, here, "a red circle --iterations 700")
    for more, expected in ((300, "300 more iterations"), (0, "At most 1000 iterations")):
        assert expected in said(await pressed(world, here.alice, message, "Longer"))
        if more:
            assert await changes(world, message, 1) == ["longer: 300"]
    await world.until(lambda: "of 1000" in _progress(world, here).content, "the new number")
    await stopped(world, here, message)


async def test_what_is_frozen_is_offered_to_be_unfrozen(world, here, host):
    message = await begun(world, here, "a castle @hill --iterations 900", region=_mask())
    parts = await offered(world, here, message)
    assert offered_labels(parts) == [*PARTS[:-1], "@hill", "In words"]
    await pressed(world, here.alice, parts, "@hill")
    await pressed(world, here.alice, parts, "Left half")
    again = await offered(world, here, message)
    assert offered_labels(again) == [
        "Unfreeze: Left half",
        *PARTS[1:-1],
        "Unfreeze: @hill",
        "In words",
        "Unfreeze all",
    ]
    await pressed(world, here.alice, again, "Unfreeze: @hill")
    answer = said(await pressed(world, here.alice, again, "Unfreeze all"))
    assert answer.endswith("everything can change again")
    assert await changes(world, message, 4) == [
        "freeze: @hill",
        "freeze: @left",
        "unfreeze: @hill",
        "unfreeze: all",
    ]
    opened = await here.alice.click(again, label="In words")
    await here.alice.submit_modal(opened, {"place": "a red circle"})
    assert (await changes(world, message, 5))[-1] == "freeze: a red circle"
    await stopped(world, here, message)


def _mask():
    return ("hill.png", white_disc())


async def test_all_pictures_of_a_grid_are_steered_and_a_moderator_is_noted(world, here):
    message = await begun(world, here, "a fox --iterations 900", count=2)
    assert labels(message) == UNDERWAY
    assert (await nudged(world, here.moderator, message, "a hen")).endswith("a hen")
    jobs = world.bot.queue.overview()
    await world.until(
        lambda: all(len(job.request.steering or ()) == 1 for job in jobs), "both changes"
    )
    await world.until(lambda: "hen" in _progress(world, here).embeds[0].description, "the echo")
    log = await here.moderator.slash(here.channel, "mod log")
    assert "changed a picture by" in text_of(log)
    await pressed(world, here.alice, message, "Cancel")
    await world.until(lambda: not world.bot.delivery.busy, "the end")


async def test_nobody_else_steers_and_nothing_that_is_not_painted(world, here, monkeypatch):
    message = await begun(world, here)
    for label in UNDERWAY[3:]:
        result = await pressed(world, here.bob, message, label)
        assert result.modal is None
        assert "Only the person who requested" in said(result)
    opened = await here.bob.click(message, label="Remix")
    dispatch = simcord.actors._dispatch_actor_interaction

    async def forge(actor, kind, channel, data, **more):
        data["custom_id"] = data["custom_id"].replace("remix", "nudge")
        return await dispatch(actor, kind, channel, data, **more)

    with monkeypatch.context() as patch:
        patch.setattr("simcord._modal._dispatch_actor_interaction", forge)
        forged = await here.bob.submit_modal(opened, {"prompt": "a hen"})
    await world.until(lambda: said(forged), "the answer")
    assert "Only the person who requested" in said(forged)
    opened = await here.alice.click(message, label="Nudge")
    result, job = await stopped(world, here, message)
    assert job.request.steering is None
    late = await here.alice.submit_modal(opened, {"words": "a hen"})
    await world.until(lambda: said(late), "the answer")
    assert "is finished" in said(late)


RULES: dict[str, tuple[dict[str, Any], str, str]] = {
    "blocked words": ({"blocked_words": ["hen"]}, "a hen", "is blocked in this server"),
    "concepts": (
        {"concepts": ["blood"], "concepts_adults_only": True},
        "blood",
        "age-restricted channels",
    ),
    "a role to use": ({"roles_use": ["1"]}, "a hen", "to make pictures here"),
    "a denied channel": ({"channels_denied": ["here"]}, "a hen", "can't paint in this channel"),
    "words": ({}, "...", "doesn't know any word"),
    "no words": ({}, "a --seed 7", "remove --seed"),
    "a story": ({}, "a hen ^ a fox", "no story"),
}


async def test_the_words_pass_the_same_gate_as_a_prompt(world, here):
    message = await begun(world, here)
    guild = str(here.guild.id)
    for values, words, refusal in RULES.values():
        given = {
            name: [str(here.channel.id)] if value == ["here"] else value
            for name, value in values.items()
        }
        await world.bot.store.guilds.change_settings(guild, "1", given)
        assert refusal in await nudged(world, here.alice, message, words)
        await world.bot.store.guilds.change_settings(guild, "1", dict.fromkeys(given))
    limits = {"max_learning_rate": 0.2, "max_iterations": 900}
    await world.bot.store.guilds.change_settings(guild, "1", limits)
    for label, refusal in (("Bolder", "can be at most 0.2"), ("Longer", "At most 900")):
        assert refusal in said(await pressed(world, here.alice, message, label))
    await world.bot.store.guilds.change_settings(guild, "1", {"max_learning_rate": None})
    for _ in range(5):
        await pressed(world, here.alice, message, "Bolder")
    assert "by 0.1 to 10 times" in said(await pressed(world, here.alice, message, "Bolder"))
    ban = Restriction(guild, str(here.alice.id), "ban", moderator="1")
    await world.bot.store.people.restrict(ban)
    refused = await pressed(world, here.alice, message, "Nudge")
    assert "You're banned" in said(refused)
    [job] = world.bot.queue.overview()
    assert {each.change for each in job.request.steering or ()} <= {"rate: 1.5"}
    await stopped(world, here, message)


async def test_steering_in_the_prompt_passes_the_gate_too(world, here):
    await world.bot.store.guilds.change_settings(
        str(here.guild.id), "1", {"blocked_words": ["hen"], "max_iterations": 10}
    )
    for step, refusal in (
        ("1: a hen", "is blocked"),
        ("1: freeze: the hen", "is blocked"),
        ("1: longer: 9", "At most 10 iterations"),
    ):
        prompt = f'a red circle --iterations 2 --steer "{step}"'
        result = await here.alice.slash(here.channel, "imagine", prompt=prompt)
        await world.until(lambda result=result: said(result), "the answer")
        assert refusal in said(result)
    await here.alice.slash(
        here.channel, "imagine", prompt='a red circle --iterations 2 --steer "1: a fox"'
    )
    [message] = await world.painted(here.channel)
    assert "from iteration 1\n- a fox" in message.embeds[0].description
    # What goes on from it begins with its last words, and without its steering.
    opened = await here.alice.click(message, label="Remix")
    assert '"a fox"' in json.dumps(str(opened.modal)).replace("'", '"').replace('\\"', '"')
    await here.alice.submit_modal(opened, {"prompt": "a fox --iterations 1"})
    await world.painted(here.channel, 2)
    jobs = [job async for job in world.bot.store.jobs_of(str(here.alice.id))]
    assert [bool(job.request.steering) for job in jobs] == [True, False]
