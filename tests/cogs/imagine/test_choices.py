"""Prompts with choices: a list of the pictures that they make, painted once it is confirmed."""

from __future__ import annotations

import pytest

from tests.cogs.cards import buttons
from tests.cogs.conftest import job_id_of
from tests.cogs.media import answered, png

SLOW = "--iterations 900"


async def offered(world, here, prompt, command="imagine", **options):
    """The answer to a command with choices, and its text."""
    result = await here.alice.slash(here.channel, command, prompt=prompt, **options)
    return result, await answered(world, result)


def buttons_of(result):
    return [item["label"] for item in buttons(result)]


async def confirm(world, result, person, label="Confirm"):
    pressed = await person.click(result.response, label=label)
    return await answered(world, pressed)


def queued(world):
    return [job.request.prompt for job in world.bot.queue.overview()]


async def cancel_all(world):
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)


async def test_the_pictures_are_listed_and_painted_once_confirmed(world, here):
    result, said = await offered(
        world, here, "a {red, *blue*} circle --seed {1, 2}", spoiler=True, iterations=1
    )
    assert result.ephemeral
    assert said.splitlines() == [
        "This makes 4 pictures:",
        "1. a red circle --seed 1",
        "2. a red circle --seed 2",
        r"3. a \*blue\* circle --seed 1",
        r"4. a \*blue\* circle --seed 2",
    ]
    assert buttons_of(result) == ["Confirm", "Cancel"]
    assert queued(world) == []
    assert await confirm(world, result, here.alice) == "Queued 4 pictures."
    pictures = await world.painted(here.channel, 4)
    jobs = [await world.bot.store.job(job_id_of(picture)) for picture in pictures]
    assert sorted((job.request.prompt, job.request.seed) for job in jobs) == [
        ("a *blue* circle", 1),
        ("a *blue* circle", 2),
        ("a red circle", 1),
        ("a red circle", 2),
    ]
    assert all(job.place.spoiler for job in jobs)
    twice = await here.alice.click(result.response, label="Confirm")
    assert "no longer wait for you" in await answered(world, twice)
    assert queued(world) == []


async def test_cancelled_or_after_a_restart_nothing_is_painted(world, here):
    result, _ = await offered(world, here, "a {red, blue} circle")
    assert "Nothing will be painted" in await confirm(world, result, here.alice, "Cancel")
    result, _ = await offered(world, here, "a {red, blue} circle")
    newer, _ = await offered(world, here, "a {green, blue} circle")
    old = await here.alice.click(result.response, label="Confirm")
    assert "no longer wait for you" in await answered(world, old)
    await world.restart()
    late = await here.alice.click(newer.response, label="Confirm")
    assert "no longer wait for you" in await answered(world, late)
    assert queued(world) == []


@pytest.mark.parametrize(
    ("rules", "at_once", "room"),
    [
        ({}, 2, 2),
        ({"jobs_waiting": 2}, 9, 2),
        ({"jobs_a_day": 1}, 9, 1),
        ({"cooldown": 60}, 9, 1),
    ],
)
async def test_the_first_that_fit_into_the_limits_are_painted(
    world, here, monkeypatch, rules, at_once, room
):
    monkeypatch.setattr(world.bot.settings.limits, "max_jobs_per_person", at_once)
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", rules)
    result, said = await offered(world, here, f"a {{red, blue, green}} fox {SLOW}")
    assert f"There's room for {room} of them now" in said
    await confirm(world, result, here.alice)
    assert queued(world) == ["a red fox", "a blue fox"][:room]
    # The next ones are refused before they are shown, with the reason.
    result, said = await offered(world, here, f"a {{red, blue}} hen {SLOW}")
    assert result.response.components == []
    assert "This makes" not in said
    await cancel_all(world)


@pytest.mark.parametrize(
    ("rules", "prompt", "part"),
    [
        (
            {"max_choices": 2},
            "a {red, blue, green} fox",
            "3 pictures, and this server allows 2",
        ),
        ({"blocked_words": ["blue"]}, "a {red, blue} fox", "||blue|| is blocked"),
        ({}, "{a, b, c}{d, e, f}", "more than 8 pictures"),
    ],
)
async def test_what_would_be_refused_is_refused_before_it_is_shown(
    world, here, rules, prompt, part
):
    await world.bot.store.guilds.change_settings(str(here.guild.id), "1", rules)
    result, said = await offered(world, here, prompt)
    assert part in said
    assert result.response.components == []


async def test_grids_count_as_many_pictures(world, here, monkeypatch):
    monkeypatch.setattr(world.bot.settings.limits, "max_jobs_per_person", 5)
    _, said = await offered(world, here, "a {red, blue, green} fox", count=2)
    assert said.splitlines()[-2:] == [
        "-# Each of them 2 times.",
        "-# There's room for 2 of them now: the first ones are painted.",
    ]


@pytest.mark.parametrize(
    ("command", "files"),
    [("edit", ("image",)), ("blend", ("image", "image_2"))],
)
async def test_edits_and_blends_can_have_choices(world, here, host, command, files):
    pictures = {name: (f"{name}.png", png()) for name in files}
    result, said = await offered(
        world, here, f"a {{red, blue}} fox {SLOW}", command=command, **pictures
    )
    assert said.splitlines()[1:] == [f"1. a red fox {SLOW}", f"2. a blue fox {SLOW}"]
    await confirm(world, result, here.alice)
    assert queued(world) == ["a red fox", "a blue fox"]
    await cancel_all(world)
