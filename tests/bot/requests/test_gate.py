"""A server's settings fill in defaults, or refuse a request."""

from __future__ import annotations

from typing import get_args

import pytest

from bot.errors import LimitError, NotAllowedError
from bot.requests.asking import Asking
from bot.requests.busy import BusyPeople
from bot.requests.gate import Gate
from bot.requests.origin import Way
from bot.requests.server_rules import shrunk
from engine.clock import DAY_MS, now_ms
from engine.errors import MissingModelError, UnknownModelError
from engine.jobs.queue import PaintQueue
from engine.request.defaults import DEFAULT_MODEL
from engine.request.from_text import request_from_text
from engine.request.recipe import PRESETS
from engine.request.request import make_request
from tests.bot.discord_edge import ALICE, BOB
from tests.bot.requests.origins import DIRECT, HERE, origin

PAINTER, EDITOR, BIG = "111111111111111111", "222222222222222222", "333333333333333333"
STUDIO, HALL = "444444444444444444", "555555555555555555"


@pytest.fixture
def queue(store):
    return PaintQueue(store)


@pytest.fixture
def whole_gate(store, queue, settings):
    return Gate(store, queue, settings.limits, BusyPeople())


@pytest.fixture
def gate(whole_gate, guild_settings):
    """Return a function that asks the gate with the rules of the request's place."""

    async def ask(who, request):
        rules = await guild_settings.rules(who.place.guild_id)
        return await whole_gate.check(Asking(who, request), rules)

    return ask


async def test_without_settings_only_the_host_s_defaults_are_filled_in(gate):
    request = await gate(origin(), make_request("a fox"))
    assert (request.model, request.preset) == (DEFAULT_MODEL, "default")
    assert request.iterations is request.width is request.seed is None


async def test_server_settings_do_not_apply_in_direct_messages(gate, configure):
    await configure(blocked_words=["fox"], iterations=7, roles_use=[PAINTER])
    request = await gate(origin(DIRECT), make_request("a fox"))
    assert request.iterations is None


@pytest.mark.parametrize(
    ("chosen", "channels", "refused"),
    [
        ({"channels_allowed": [STUDIO]}, (HALL,), True),
        ({"channels_allowed": [STUDIO]}, (STUDIO,), False),
        ({"channels_allowed": [STUDIO]}, ("9", STUDIO), False),  # a thread of it
        ({"channels_denied": [STUDIO]}, ("9", STUDIO), True),
        ({"channels_allowed": [STUDIO], "channels_denied": [STUDIO]}, (STUDIO,), True),
        ({"channels_denied": [STUDIO]}, (HALL,), False),
    ],
)
async def test_channels_are_allowed_and_denied_with_their_threads(
    gate, configure, chosen, channels, refused
):
    await configure(**chosen)
    who = origin(channels=channels)
    if refused:
        with pytest.raises(NotAllowedError, match="can't paint in this channel"):
            await gate(who, make_request("a fox"))
    else:
        await gate(who, make_request("a fox"))
    # Members who manage the server are exempt, as they could change the setting.
    await gate(origin(channels=channels, manages=True), make_request("a fox"))


@pytest.mark.parametrize(
    ("roles", "picture", "missing"),
    [
        ([], None, PAINTER),
        ([EDITOR], "0" * 64, PAINTER),
        ([PAINTER], None, None),
        ([PAINTER], "0" * 64, EDITOR),
        ([PAINTER, EDITOR], "0" * 64, None),
    ],
)
@pytest.mark.parametrize("way", get_args(Way))
async def test_the_right_to_edit_is_needed_for_a_starting_picture_whatever_the_way_in(
    gate, configure, way, roles, picture, missing
):
    await configure(roles_use=[PAINTER], roles_edit=[EDITOR])
    who, request = origin(roles=roles, way=way), make_request("a fox", init_image=picture)
    if missing is None:
        await gate(who, request)
    else:
        with pytest.raises(NotAllowedError, match=f"<@&{missing}>"):
            await gate(who, request)


async def test_the_right_to_edit_is_needed_for_pictures_to_paint_like(gate, configure):
    await configure(roles_edit=[EDITOR])
    request = make_request("a fox", like=[{"picture": "0" * 64}])
    await gate(origin(roles=[EDITOR]), request)
    with pytest.raises(NotAllowedError, match=f"<@&{EDITOR}> to paint from other pictures"):
        await gate(origin(roles=[PAINTER]), request)


@pytest.mark.parametrize("manages", [False, True])
async def test_blocked_words_hold_for_everyone_and_for_where_too(gate, configure, manages):
    await configure(blocked_words=["snake"])
    picture = "0" * 64
    for request in (
        make_request("a s.n.a.k.e"),
        make_request("a fox", init_image=picture, where="the snake"),
    ):
        with pytest.raises(NotAllowedError, match=r"\|\|snake\|\|"):
            await gate(origin(manages=manages), request)
    await gate(origin(), make_request("a snakeskin bag"))


async def test_defaults_fill_in_options_left_out(gate, configure):
    await configure(iterations=7, cutouts=3, learning_rate=0.5, size="64x32", seed=5)
    request = await gate(origin(), make_request("a fox"))
    assert (request.iterations, request.cutouts, request.learning_rate) == (7, 3, 0.5)
    assert (request.width, request.height, request.seed) == (64, 32, 5)
    named = request_from_text("a fox --iterations 9 --size 48 --seed 6")
    request = await gate(origin(), named)
    assert (request.iterations, request.width, request.seed) == (9, 48, 6)


async def test_a_preset_chosen_by_the_user_keeps_its_numbers(gate, configure):
    other = next(name for name in PRESETS if name != "default")
    await configure(cutouts=3, learning_rate=0.5, iterations=7)
    request = await gate(origin(), make_request("a fox", preset=other))
    assert request.cutouts is request.learning_rate is None
    assert request.iterations == 7


async def test_a_picture_to_start_from_keeps_its_shape(gate, configure):
    await configure(size="64x32")
    request = await gate(origin(), make_request("a fox", init_image="0" * 64))
    assert request.width is request.height is None


async def test_a_server_s_size_is_an_area_for_another_shape(gate, configure):
    await configure(size="64x32", max_size="64x64")
    shaped = await gate(origin(), make_request("a fox", aspect=0.5))
    assert (shaped.width, shaped.aspect, shaped.pixels) == (None, 0.5, 64 * 32)
    # The model's 256x256 is too large here; an edit is not cropped to a square for that.
    edit = await gate(origin(), make_request("a fox", init_image="0" * 64))
    assert (edit.width, edit.height, edit.pixels) == (None, None, 64 * 64)
    with pytest.raises(LimitError):
        await gate(origin(), make_request("a fox", aspect=2.0, pixels=128 * 128))


async def test_options_above_a_maximum_are_refused_and_defaults_are_lowered(gate, configure):
    await configure(max_iterations=5, max_cutouts=2, max_learning_rate=0.01, max_size="64x64")
    request = await gate(origin(), make_request("a fox"))
    assert (request.iterations, request.cutouts, request.learning_rate) == (5, 2, 0.01)
    assert request.width * request.height <= 64 * 64
    for named in (
        {"iterations": 6},
        {"cutouts": 3},
        {"learning_rate": 0.02},
        {"width": 128, "height": 64},
    ):
        with pytest.raises(LimitError):
            await gate(origin(manages=True), make_request("a fox", **named))


async def test_perceptors_must_be_installed_and_not_more_than_the_host_allows(gate):
    both = await gate(origin(), make_request("a red star", perceptor="drawn,natural:0.5"))
    assert both.networks == f"{DEFAULT_MODEL}/drawn,natural:0.5"
    for named, error, says in (
        ("drawn,natural,RN50", LimitError, "At most 2 perceptors"),
        ("RN50", MissingModelError, "isn't installed on this bot"),
        ("nothing", UnknownModelError, "no perceptor called 'nothing'"),
    ):
        with pytest.raises(error, match=says):
            await gate(origin(), make_request("a red star", perceptor=named))


async def test_a_role_can_exceed_the_maximum_size(gate, configure):
    await configure(max_size="64x64", roles_big=[BIG])
    big = make_request("a fox", width=128, height=128)
    assert await gate(origin(roles=[BIG]), big)
    with pytest.raises(LimitError, match="Try 64x64"):
        await gate(origin(), big)


async def test_waiting_jobs_are_counted_per_user_and_server(gate, queue, configure):
    await configure(jobs_waiting=1)
    for person, place in ((BOB, HERE), (ALICE, DIRECT)):
        await queue.submit(make_request("a hen"), person=str(person), place=place)
    await gate(origin(), make_request("a fox"))
    await queue.submit(make_request("a fox"), person=str(ALICE), place=HERE)
    with pytest.raises(LimitError):
        await gate(origin(manages=True), make_request("a fox"))


async def test_accepted_jobs_count_for_a_day(gate, queue, configure, monkeypatch):
    await configure(jobs_a_day=1)
    await gate(origin(), make_request("a fox"))
    await queue.submit(make_request("a fox"), person=str(ALICE), place=HERE)
    with pytest.raises(LimitError, match="24 hours"):
        await gate(origin(), make_request("a fox"))
    await gate(origin(person=BOB), make_request("a fox"))
    later = now_ms() + DAY_MS + 1
    monkeypatch.setattr("bot.requests.server_rules.now_ms", lambda: later)
    await gate(origin(), make_request("a fox"))


async def test_the_most_generous_role_counts(gate, queue, configure):
    await configure(jobs_a_day=0, jobs_a_day_by_role={PAINTER: 1, BIG: 2})
    with pytest.raises(LimitError):
        await gate(origin(), make_request("a fox"))
    await queue.submit(make_request("a fox"), person=str(ALICE), place=HERE)
    with pytest.raises(LimitError):
        await gate(origin(roles=[PAINTER]), make_request("a fox"))
    await gate(origin(roles=[PAINTER, BIG]), make_request("a fox"))


async def test_the_cooldown_ends_after_its_time(gate, queue, configure, monkeypatch):
    await configure(cooldown=60)
    await queue.submit(make_request("a fox"), person=str(ALICE), place=HERE)
    with pytest.raises(LimitError):
        await gate(origin(manages=True), make_request("a fox"))
    later = now_ms() + 61_000
    monkeypatch.setattr("bot.requests.server_rules.now_ms", lambda: later)
    await gate(origin(), make_request("a fox"))


async def test_jobs_in_direct_messages_are_not_counted(queue, store):
    await queue.submit(make_request("a fox"), person=str(ALICE), place=DIRECT)
    assert (await store.guilds.usage("100", str(ALICE), now_ms())).jobs == 0


@pytest.mark.parametrize(
    ("size", "most", "wanted"),
    [((64, 64), 4096, (64, 64)), ((128, 64), 4096, (90, 45)), ((2048, 16), 4096, (724, 16))],
)
def test_a_shrunk_size_keeps_its_shape(size, most, wanted):
    assert shrunk(size[0], size[1], most) == wanted
