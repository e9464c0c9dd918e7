"""docs/permissions.md is true about changes of a picture that is being painted, rule by rule.

What the buttons and modals of steering bring to the gate is held against each rule, for the
requester, a moderator, a private picture's requester in direct messages, and outside servers.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.errors import BotError
from bot.ui.steering_buttons import STEERING_BUTTONS
from bot.ui.steering_buttons import FreezeWordsButton as InWords
from bot.ui.steering_buttons import NudgeButton as Nudge
from bot.ui.steering_buttons import PaceButton as Pace
from bot.ui.steering_buttons import PartButton as Part
from engine.errors import EngineError
from engine.jobs.job import Place
from tests.cogs.test_rule_matrix import (
    DIRECT,
    EDITING,
    SPOT_OF,
    CapturedError,
    Scene,
    under,
)
from tests.cogs.ways_in import WORD, Spot, tables
from tests.tiny_model import tiny_request

RULES, TABLE = tables()[2], tables()[3]
PRIVATE, SERVER = "private picture", "in the server"
ACTS = {  # by column: a button, its choice, and what its modal asks
    "*Nudge*": (Nudge, "", {"words": f"a {WORD}"}),
    "*In words*": (InWords, "", {"place": f"the {WORD}"}),
    "a part": (Part, "left", None),
    "*Longer*": (Pace, "longer", None),
    "*Bolder*": (Pace, "bolder", None),
    "*Calmer*": (Pace, "calmer", None),
}
SOME = ("*Nudge*", "*Bolder*")
ASKED = tiny_request("a red circle", cutouts=2, iterations=4, learning_rate=0.4, width=32)


def test_every_rule_has_a_row_and_every_button_that_changes_something_a_column():
    assert set(TABLE) == set(RULES)
    assert {button for button, *_ in ACTS.values()} | {STEERING_BUTTONS[1]} == set(STEERING_BUTTONS)
    for row in TABLE.values():
        assert set(row) == {*ACTS, PRIVATE, DIRECT}
        assert {row[name] for name in ACTS} <= {"yes", "no"}
        assert {row[PRIVATE], row[DIRECT]} <= {"yes", SERVER}


@pytest.fixture
async def scene(world, here, host, held):
    made = Scene(world, here, held)
    await made.prepare()
    await made.use()
    return made


async def painting(scene, place, request=ASKED):
    """The id of a picture of alice's, or of dora's outside servers, that is being painted."""
    person = scene.people[DIRECT if place.guild_id is None else "requester"]
    job = await scene.bot.queue.submit(request, person=str(person.id), place=place)
    assert await scene.bot.store.started(job.id)
    return job.id


async def brought(scene, monkeypatch, person, spot, job_id, columns=tuple(ACTS)):
    """What each of the acts brings to the gate, done by this person in this spot."""
    reached, found = [], {}

    async def note(*arguments):
        reached.append(arguments)
        raise CapturedError("noted")

    with monkeypatch.context() as patched:
        patched.setattr(scene.bot.gate, "check_change", note)
        for column in columns:
            button, choice, fields = ACTS[column]
            reached.clear()
            made = button(job_id, choice) if choice else button(job_id)
            message = await spot.show(made)
            result = await person.click(message, custom_id=made.custom_id)
            if fields is not None:
                await person.submit_modal(result, fields)
            await scene.world.until(lambda: reached, column)
            [found[column]] = reached
    return found


async def answer(scene, arguments, rules):
    origin, job_id, change, _ = arguments
    try:
        await scene.bot.gate.check_change(origin, job_id, change, rules)
    except (BotError, EngineError):
        return "no"
    return "yes"


async def test_every_change_obeys_every_rule_for_everyone_who_can_change_it(scene, monkeypatch):
    """All of them by a requester in a channel and in private; some of them elsewhere."""
    alice, moderator, dora = (scene.people[kind] for kind in ("requester", "moderator", DIRECT))
    channel = scene.spots["channel"]
    private = Spot(scene.world, alice.user.dm_channel, {}, alice.user)
    here = Place(scene.guild, str(channel.channel.id))
    hidden = replace(here, private_channel_id=str(private.channel.id))
    bring = lambda *given: brought(scene, monkeypatch, *given)  # noqa: E731
    job_id = await painting(scene, here)
    asked = {
        ("requester", "channel"): await bring(alice, channel, job_id),
        ("moderator", "channel"): await bring(moderator, channel, job_id, SOME),
        (PRIVATE, "channel"): await bring(alice.user, private, await painting(scene, hidden)),
    }
    for name in ("thread", "post"):
        spot = scene.spots[name]
        job_id = await painting(scene, Place(scene.guild, str(spot.channel.id)))
        asked["requester", name] = await bring(alice, spot, job_id, SOME)
    job_id = await painting(scene, Place(None, str(dora.dm_channel.id)))
    asked[DIRECT, "channel"] = await bring(dora, scene.spots[DIRECT], job_id, SOME)
    edited = (await scene.bot.store.job(channel.jobs["edited"])).request
    of_an_edit = await bring(alice, channel, await painting(scene, here, edited), SOME)

    wrong, count = [], 0
    for rule, row in TABLE.items():
        for (kind, spot), columns in asked.items():
            if spot != ("channel" if kind in row else SPOT_OF.get(rule, "channel")):
                continue
            async with under(scene, rule, "requester" if kind == PRIVATE else kind):
                guild = None if kind == DIRECT else scene.guild
                rules = await scene.bot.guild_settings.rules(guild)
                for column, arguments in columns.items():
                    count += 1
                    expected = row[column] if row.get(kind, SERVER) == SERVER else "yes"
                    if await answer(scene, arguments, rules) != expected:
                        wrong.append(f"{column}, {rule}, {kind} should be {expected}")
    assert not wrong, "\n".join(wrong)
    in_threads = sum(rule in SPOT_OF for rule in TABLE)
    assert count == len(TABLE) * (2 * len(ACTS) + 2 * len(SOME)) - in_threads * len(ACTS)
    async with under(scene, EDITING, "requester"):
        rules = await scene.bot.guild_settings.rules(scene.guild)
        assert {await answer(scene, each, rules) for each in of_an_edit.values()} == {"no"}
