"""/config: each setting applies to new jobs until it is reset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.guild.definitions import DEFINITIONS
from engine.clock import DAY_MS
from engine.request.request import request_from_json
from tests.cogs.cards import listed
from tests.cogs.configuring import add_manager, configure
from tests.cogs.conftest import job_id_of, labels
from tests.store_database import database_of


@pytest.fixture
def manager(here):
    return add_manager(here)


@pytest.fixture
def artists(here):
    """A role; ``here.artist`` is a member who has it."""
    role = here.guild.create_role("artists")
    here.artist = here.guild.add_member(here.guild._env.create_user("artist"), roles=[role])
    return role


async def ask(world, person, channel, prompt="a fox", **options):
    """Return the answer, and if a job was queued its request and row; the job is cancelled."""
    [before] = await database_of(world.bot.store).fetch("SELECT COUNT(*) AS n FROM jobs")
    result = await person.slash(channel, "imagine", prompt=prompt, **options)
    rows = await database_of(world.bot.store).fetch(
        "SELECT * FROM jobs ORDER BY sequence DESC LIMIT 1"
    )
    [after] = await database_of(world.bot.store).fetch("SELECT COUNT(*) AS n FROM jobs")
    if after["n"] == before["n"]:
        return result.response.content, None, None
    await world.bot.queue.cancel(rows[0]["id"])
    await world.until(lambda: not world.bot.queue.overview())
    return result.response.content, request_from_json(rows[0]["request"]), rows[0]


@dataclass
class Filled:
    """A default: the fields of a request that leaves the option out."""

    value: str
    fields: dict[str, Any]
    otherwise: dict[str, Any]
    chosen: str = ""  # a flag that overrides the default
    chosen_fields: dict[str, Any] = field(default_factory=dict)


FILLED = {
    "model": Filled(
        "natural", {"model": "natural"}, {"model": "tiny"}, "--model tiny", {"model": "tiny"}
    ),
    "size": Filled(
        "48x32",
        {"width": 48, "height": 32},
        {"width": None, "height": None},
        "--size 64",
        {"width": 64, "height": 64},
    ),
    "iterations": Filled(
        "3", {"iterations": 3}, {"iterations": None}, "--iterations 4", {"iterations": 4}
    ),
    "cutouts": Filled("2", {"cutouts": 2}, {"cutouts": None}, "--cutouts 3", {"cutouts": 3}),
    "learning_rate": Filled(
        "0.25",
        {"learning_rate": 0.25},
        {"learning_rate": None},
        "--learning-rate 0.5",
        {"learning_rate": 0.5},
    ),
    "preset": Filled(
        "nerdyrodent",
        {"preset": "nerdyrodent"},
        {"preset": "default"},
        "--preset paper",
        {"preset": "paper"},
    ),
}


@pytest.mark.parametrize("name", FILLED)
async def test_a_default_is_filled_in_until_it_is_reset(world, here, manager, name):
    case = FILLED[name]

    async def holds(fields, flags=""):
        _, request, _ = await ask(world, here.alice, here.channel, f"a fox {flags}")
        assert {key: getattr(request, key) for key in fields} == fields

    await holds(case.otherwise)
    told = await configure(here, manager, "set", name=name, value=case.value)
    assert told.startswith(f"{name} is now {case.value}")
    await holds(case.fields)
    await holds(case.chosen_fields, case.chosen)
    told = await configure(here, manager, "reset", name=name)
    assert told.startswith(f"{name} is now")
    await holds(case.otherwise)


async def test_a_fixed_seed_applies_to_requests_without_a_seed(world, here, manager):
    await configure(here, manager, "set", name="seed", value="77")
    for person in (here.alice, here.bob):
        _, request, _ = await ask(world, person, here.channel)
        assert request.seed == 77
    _, request, _ = await ask(world, here.alice, here.channel, seed=5)
    assert request.seed == 5
    before = len(await world.painted(here.channel, 0))  # from jobs cancelled after they began
    await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=1)
    picture = (await world.painted(here.channel, before + 1))[-1]
    await here.bob.click(picture, label="Again")  # Again takes a new seed
    await world.painted(here.channel, before + 2)
    rows = await database_of(world.bot.store).fetch("SELECT seed FROM jobs ORDER BY sequence DESC")
    assert rows[0]["seed"] != 77
    await configure(here, manager, "set", name="seed", value="random")
    _, request, _ = await ask(world, here.alice, here.channel)
    assert request.seed != 77


REFUSED: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "max_size": (
        "set",
        {"value": "48x48"},
        "a fox --size 64",
        "this server allows at most 2304 pixels",
    ),
    "max_iterations": (
        "set",
        {"value": "3"},
        "a fox --iterations 4",
        "iterations can be at most 3 in this server, not 4",
    ),
    "max_cutouts": (
        "set",
        {"value": "2"},
        "a fox --cutouts 3",
        "cutouts can be at most 2 in this server, not 3",
    ),
    "max_count": (
        "set",
        {"value": "2"},
        "a fox --count 3",
        "count can be at most 2 in this server, not 3",
    ),
    "max_learning_rate": (
        "set",
        {"value": "0.5"},
        "a fox --learning-rate 0.6",
        "learning rate can be at most 0.5 in this server, not 0.6",
    ),
    "blocked_words": (
        "words add",
        {"words": "bad fox, regex:fo+l"},
        "a B.a.d fóx",
        "||bad fox|| is blocked in this server.",
    ),
    "channels_allowed": (
        "channels allow",
        {"channel": "other"},
        "a fox",
        "I can't paint in this channel. Try <#",
    ),
    "channels_denied": ("channels deny", {"channel": "channel"}, "a fox", "in this channel"),
    "roles_use": ("roles allow", {"right": "use", "role": None}, "a fox", "to make pictures here"),
    "jobs_a_day": ("set", {"value": "0"}, "a fox", "can't make pictures in this server"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_requests_that_break_a_setting_are_refused_until_it_is_reset(
    world, here, manager, artists, name
):
    command, options, prompt, words = REFUSED[name]
    given = {"artists": artists, "other": here.other, "channel": here.channel, None: artists}
    options = {key: given.get(value, value) for key, value in options.items()}
    if command == "set":
        options["name"] = name
    _, request, _ = await ask(world, here.alice, here.channel, prompt)
    assert request is not None
    await configure(here, manager, command, **options)
    told, request, _ = await ask(world, here.alice, here.channel, prompt)
    assert words in told
    assert request is None
    await configure(here, manager, "reset", name=name)
    _, request, _ = await ask(world, here.alice, here.channel, prompt)
    assert request is not None


async def test_options_left_out_are_lowered_to_the_maximum(world, here, manager):
    for name, value in (
        ("max_size", "16x16"),
        ("max_iterations", "2"),
        ("max_cutouts", "3"),
        ("max_learning_rate", "0.01"),
        ("iterations", "9"),
    ):
        await configure(here, manager, "set", name=name, value=value)
    _, request, _ = await ask(world, here.alice, here.channel)
    assert (request.width, request.height) == (16, 16)
    assert (request.iterations, request.cutouts, request.learning_rate) == (2, 3, 0.01)


async def test_roles_can_be_required_to_use_the_bot_and_to_paint_big(world, here, manager, artists):
    await configure(here, manager, "set", name="max_size", value="32x32")
    await configure(here, manager, "roles allow", right="big", role=artists)
    _, request, _ = await ask(world, here.artist, here.channel, "a fox --size 64")
    assert request.width == 64
    told, request, _ = await ask(world, here.alice, here.channel, "a fox --size 64")
    assert "at most 1024 pixels" in told
    told, request, _ = await ask(world, here.artist, here.channel, "a fox --size 600")
    assert "at most 262144 pixels" in told  # the host's limit
    await configure(here, manager, "roles allow", right="use", role=artists)
    assert (await ask(world, here.artist, here.channel))[1] is not None
    assert (await ask(world, here.alice, here.channel))[1] is None
    assert (await ask(world, manager, here.channel))[1] is not None
    await configure(here, manager, "roles remove", right="use", role=artists)
    assert (await ask(world, here.alice, here.channel))[1] is not None
    await configure(here, manager, "reset", name="roles_big")
    assert (await ask(world, here.artist, here.channel, "a fox --size 64"))[1] is None


async def test_editing_can_be_limited_to_some_roles(world, here, manager, artists):
    await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=1)
    [picture] = await world.painted(here.channel)

    async def edit(person):
        shown = await person.click(picture, label="Edit")
        return await person.submit_modal(shown, {"words": "a hen"})

    await configure(here, manager, "roles allow", right="edit", role=artists)
    refused = await edit(here.alice)
    assert "to edit pictures here" in refused.response.content
    assert (await edit(here.artist)).response.content.startswith("Queued")
    await configure(here, manager, "reset", name="roles_edit")
    assert (await edit(here.alice)).response.content.startswith("Queued")
    await world.painted(here.channel, 3)


async def test_threads_follow_their_channel(world, here, manager):
    message = await here.alice.send(here.channel, "let us talk")
    thread = await message.create_thread(name="talk")
    place = next(each for each in here.channel.threads if each.id == thread.id)
    await configure(here, manager, "channels deny", channel=here.channel)
    told, request, _ = await ask(world, here.alice, place)
    assert "in this channel" in told
    assert request is None
    assert (await ask(world, here.alice, here.other))[1] is not None
    told = await configure(here, manager, "channels allow", channel=here.channel)
    assert told.splitlines() == [
        f"channels_allowed: {here.channel.mention}",
        "channels_denied: none",
    ]
    assert (await ask(world, here.alice, place))[1] is not None
    told, request, _ = await ask(world, here.alice, here.other)
    assert f"Try {here.channel.mention}" in told
    await configure(here, manager, "channels clear")
    assert (await ask(world, here.alice, here.other))[1] is not None


async def test_the_number_of_waiting_jobs_per_member_is_limited(world, here, manager):
    await configure(here, manager, "set", name="jobs_waiting", value="1")
    await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    refused = await here.alice.slash(here.channel, "imagine", prompt="a fox")
    assert "this server allows 1" in refused.response.content
    taken = await here.bob.slash(here.channel, "imagine", prompt="a fox --iterations 900")
    assert taken.response.content.startswith("Queued")
    await configure(here, manager, "reset", name="jobs_waiting")
    taken = await here.alice.slash(here.channel, "imagine", prompt="a fox")
    assert taken.response.content.startswith("Queued")
    for job in world.bot.queue.overview():
        await world.bot.queue.cancel(job.id)


async def test_the_most_generous_role_counts_and_deleted_jobs_still_count(
    world, here, manager, artists
):
    await configure(here, manager, "set", name="jobs_a_day", value="1")
    await configure(here, manager, "roles daily", role=artists, jobs=2)
    for person, number, words in ((here.alice, 1, "1 picture"), (here.artist, 2, "2 pictures")):
        for _ in range(number):
            _, request, row = await ask(world, person, here.channel)
            assert request is not None
            await world.bot.store.delete(row["id"])
        told, request, _ = await ask(world, person, here.channel)
        assert f"made {words} in the last 24 hours" in told
        assert request is None
    await configure(here, manager, "reset", name="jobs_a_day_by_role")
    assert "1" in (await ask(world, here.artist, here.channel))[0]
    await configure(here, manager, "reset", name="jobs_a_day")
    assert (await ask(world, here.artist, here.channel))[1] is not None


async def test_the_cooldown_refuses_requests_until_it_is_over(world, here, manager):
    await configure(here, manager, "set", name="cooldown", value="3600")
    assert (await ask(world, here.alice, here.channel))[1] is not None
    told, request, _ = await ask(world, here.alice, here.channel)
    assert "This server has a cooldown of 1 h" in told
    assert request is None
    assert (await ask(world, here.bob, here.channel))[1] is not None
    await configure(here, manager, "reset", name="cooldown")
    assert (await ask(world, here.alice, here.channel))[1] is not None


async def test_pictures_are_posted_as_spoilers(world, here, manager):
    await configure(here, manager, "set", name="spoiler", value="on")
    await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=2)
    [hidden] = await world.painted(here.channel)
    assert hidden.attachments[0].filename.startswith("SPOILER_")
    assert hidden.embeds[0].image.url is None
    assert labels(hidden)[0] == "Again"
    await configure(here, manager, "reset", name="spoiler")
    await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=2)
    shown = (await world.painted(here.channel, 2))[-1]
    assert not shown.attachments[0].filename.startswith("SPOILER_")
    assert shown.embeds[0].image.url is not None


async def test_pictures_are_kept_for_the_server_s_number_of_days(world, here, manager):
    store = world.bot.store

    async def old():
        count = len(world.results(here.channel)) + 1
        await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=1)
        id = job_id_of((await world.painted(here.channel, count))[-1])
        await database_of(store).change(
            "UPDATE jobs SET ended_at = ended_at - ? WHERE id = ?", 8 * DAY_MS, id
        )
        await world.bot.retention.run()
        return await store.job(id)

    assert await old() is not None
    assert "7 (server)" in await configure(here, manager, "set", name="retention_days", value="7")
    assert await old() is None
    assert "from 1 to 365" in await configure(
        here, manager, "set", name="retention_days", value="366"
    )
    await configure(here, manager, "reset", name="retention_days")
    assert await old() is not None


async def test_previews_keep_the_server_s_interval(world, here, manager):
    async def edits():
        before = len(world.env.http_requests)
        count = len(world.results(here.channel))
        await here.alice.slash(here.channel, "imagine", prompt="a fox --iterations 12")
        await world.painted(here.channel, count + 1)
        return sum(
            request.method == "PATCH"
            and "/messages/" in request.path
            and "@original" not in request.path
            for request in world.env.http_requests[before:]
        )

    often = await edits()
    await configure(here, manager, "set", name="preview_seconds", value="600")
    seldom = await edits()
    await configure(here, manager, "reset", name="preview_seconds")
    assert seldom < min(often, await edits())


async def test_jobs_get_the_server_s_language(world, here, manager):
    assert (await ask(world, here.alice, here.channel))[2]["locale"] == "en-US"
    await configure(here, manager, "set", name="language", value="en")
    assert (await ask(world, here.alice, here.channel))[2]["locale"] == "en"
    await configure(here, manager, "reset", name="language")
    assert (await ask(world, here.alice, here.channel))[2]["locale"] == "en-US"


ELSEWHERE = {
    "max_choices",  # tests/cogs/imagine/test_choices.py
    "seed",
    "preview_seconds",
    "roles_edit",
    "roles_big",
    "jobs_waiting",
    "jobs_a_day_by_role",
    "share_by_role",  # tests/cogs/test_shares.py
    "cooldown",
    "progress",  # tests/bot/delivery/test_delivery.py
    "replies",  # tests/cogs/edit/test_edit_replies.py
    "spoiler",
    *("strip", "sparkline"),  # tests/cogs/imagine/test_looks.py
    "language",
    "retention_days",
    "concepts",
    "log_channel",
    "concepts_adults_only",
    "roles_spoiler",
    "private",  # tests/cogs/imagine/test_private.py
    *(
        "starboard_channel",
        "starboard_emoji",
        "starboard_threshold",
    ),  # tests/cogs/test_starboard.py
}  # tests/cogs/config/test_concepts.py, tests/cogs/test_moderation_log.py


def test_every_setting_is_tested_on_a_job():
    assert {*FILLED, *REFUSED, *ELSEWHERE} == set(DEFINITIONS)


async def test_blocked_words_are_found_in_every_text_field(world, here, manager):
    await here.alice.slash(here.channel, "imagine", prompt="a fox", iterations=1)
    [picture] = await world.painted(here.channel)
    await configure(here, manager, "words add", words="bad")
    shown = await here.alice.click(picture, label="Remix")
    refused = await here.alice.submit_modal(shown, {"prompt": "a b@d fox"})
    assert "||bad||" in refused.response.content
    shown = await here.alice.click(picture, label="Edit")
    refused = await here.alice.submit_modal(shown, {"words": "a hen", "where": "bad"})
    assert "||bad||" in refused.response.content
    assert "||bad||" in (await ask(world, manager, here.channel, "bad"))[0]
    assert world.bot.queue.overview() == []
    assert listed(await manager.slash(here.channel, "config words list")) == "||bad||"
    told = await configure(here, manager, "words remove", word="good")
    assert "isn't on the list" in told
    await configure(here, manager, "words remove", word="bad")
    assert (await ask(world, here.alice, here.channel, "a bad fox"))[1] is not None
