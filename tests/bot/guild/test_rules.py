"""The settings' definitions, which value applies, and the page that is made from them."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from bot.errors import LimitError, NotAllowedError, SettingError
from bot.guild.definitions import DEFINITIONS, definition_of
from bot.guild.rules import Rules
from bot.guild.settings_table import table
from bot.host.settings import (
    DeliverySettings,
    LimitSettings,
    PaintingSettings,
    variables,
)
from bot.requests.origin import Origin
from bot.requests.server_rules import check_channel, check_roles
from bot.requests.usage import check_usage, jobs_a_day
from data.guilds import Usage
from engine.clock import DAY_MS
from engine.jobs.job import Place
from engine.request.request import make_request
from tests.made_settings import made_settings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


@pytest.fixture
def host(tmp_path):
    return made_settings(
        tmp_path,
        painting=PaintingSettings(),
        delivery=DeliverySettings(preview_seconds=4),
        limits=LimitSettings(max_iterations=500, max_pixels=256 * 256, max_jobs_per_person=4),
    )


def origin(channels=("1",), roles=()):
    async def tell(text):
        raise AssertionError(text)

    return Origin(
        "7",
        Place("5", channels[0]),
        tuple(channels),
        frozenset(roles),
        discord.Permissions.none(),
        "/imagine",
        tell,
    )


def test_the_page_matches_the_definitions():
    assert PAGE.read_text("utf-8") == table(), (
        "run: python -m bot.guild.settings_table > docs/settings.md"
    )


def test_every_setting_is_on_the_page_with_default_range_and_needed_right():
    rows = [line for line in table().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(DEFINITIONS)
    assert all(len(row.split(" | ")) == 7 and "Manage Server" in row for row in rows)


def test_host_settings_that_a_definition_names_exist():
    for definition in DEFINITIONS.values():
        for name in (definition.variable, definition.limit):
            assert name is None or name in variables()


def test_every_default_is_a_value_that_can_be_set(host):
    for definition in DEFINITIONS.values():
        value = definition.default(host)
        if value is not None:
            assert definition.kind.check(definition.name, value, host) == value
            assert definition.shown(value)


def test_the_server_s_value_goes_before_the_host_s_and_that_before_the_built_in(host):
    rules = Rules({"iterations": 9, "max_iterations": 100, "colour": "red"}, host)
    assert (rules.value("iterations"), rules.source("iterations")) == (9, "server")
    assert (rules.value("max_iterations"), rules.source("max_iterations")) == (100, "server")
    rules = Rules({"iterations": 900, "max_iterations": 900}, host)  # the host allows 500
    assert (rules.value("iterations"), rules.source("iterations")) == (None, "built in")
    assert (rules.value("max_iterations"), rules.source("max_iterations")) == (500, "host")
    assert (rules.value("seed"), rules.source("seed")) == ("random", "built in")
    assert rules.max_pixels == 256 * 256
    assert Rules({"max_size": "64x32"}, host).max_pixels == 2048


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("iterations", " 500 ", 500),
        ("learning_rate", "0.5", 0.5),
        ("size", "64", "64x64"),
        ("size", "64×32", "64x32"),
        ("seed", "RANDOM", "random"),
        ("seed", "0", 0),
        ("spoiler", "ON", True),
        ("spoiler", "off", False),
        ("preview_seconds", "4", 4.0),
        ("starboard_emoji", " ❤️ ", "❤️"),
        ("starboard_emoji", "1️⃣", "1️⃣"),
        ("starboard_emoji", "<:fox:123456789012345678>", "<:fox:123456789012345678>"),
    ],
)
def test_typed_values_are_read(host, name, text, value):
    assert definition_of(name).kind.read(name, text, host) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iterations", True),
        ("iterations", 1.5),
        ("iterations", "7"),
        ("iterations", 501),
        ("iterations", 0),
        ("learning_rate", float("nan")),
        ("learning_rate", 0),
        ("preview_seconds", 3),
        ("seed", True),
        ("seed", 2**32),
        ("spoiler", 1),
        ("size", [64, 64]),
        ("roles_use", ["me"]),
        ("roles_use", "1" * 18),
        ("roles_use", ["1" * 18] * 51),
        ("jobs_a_day_by_role", {"me": 3}),
        ("jobs_a_day_by_role", {"1" * 18: -1}),
        ("share_by_role", {"1" * 18: 9}),
        ("share_by_role", {"1" * 18: 201}),
        ("blocked_words", "fox"),
        ("blocked_words", ["a"] * 1001),
        ("model", 5),
        ("language", None),
        *(("starboard_emoji", each) for each in ("", "a", "star", ":star:", "@everyone", "**", 5)),
        ("starboard_threshold", 0),
        ("starboard_channel", "#general"),
    ],
)
def test_wrong_values_in_a_file_are_refused(host, name, value):
    with pytest.raises(SettingError, match=name.split("_", maxsplit=1)[0]):
        definition_of(name).kind.check(name, value, host)


def test_denied_channels_go_before_allowed_ones_and_threads_follow(host):
    rules = Rules({"channels_allowed": ["1", "2"], "channels_denied": ["2"]}, host)
    check_channel(origin(["9", "1"]), rules)
    for channels in (["9"], ["2"], ["9", "2"], ["2", "1"]):
        with pytest.raises(NotAllowedError):
            check_channel(origin(channels), rules)


def test_an_edit_needs_both_roles(host):
    rules = Rules({"roles_use": ["1"], "roles_edit": ["2"]}, host)
    edit = make_request("a fox", init_image="0" * 64)
    check_roles(origin(roles=["1"]), make_request("a fox"), rules)
    check_roles(origin(roles=["1", "2"]), edit, rules)
    for roles in (["1"], ["2"], []):
        with pytest.raises(NotAllowedError):
            check_roles(origin(roles=roles), edit, rules)


@pytest.mark.parametrize(
    ("stored", "roles", "number"),
    [
        ({}, ["1"], None),
        ({"jobs_a_day": 3}, ["1"], 3),
        ({"jobs_a_day": 3, "jobs_a_day_by_role": {"1": 5, "2": 9}}, ["1"], 5),
        ({"jobs_a_day": 3, "jobs_a_day_by_role": {"1": 5, "2": 9}}, ["1", "2"], 9),
        ({"jobs_a_day": 3, "jobs_a_day_by_role": {"1": 0}}, ["1"], 3),
        ({"jobs_a_day_by_role": {"1": 2}}, ["1"], 2),
        ({"jobs_a_day_by_role": {"1": 2}}, [], None),
    ],
)
def test_the_most_generous_number_counts(host, stored, roles, number):
    assert jobs_a_day(Rules(stored, host), roles) == number


def test_a_refusal_says_how_long_to_wait(host):
    rules = Rules({"jobs_a_day": 2, "cooldown": 60, "jobs_waiting": 1}, host)
    now = 10 * DAY_MS
    check_usage(rules, [], Usage(1, now - 60_000, now - 60_000), 0, now)
    for usage, waiting, words in (
        (Usage(0, None, None), 1, "this server allows 1. Wait"),
        (Usage(1, now - 20_000, now - 20_000), 0, "Try again <t:864040:R>"),
        (Usage(2, now - DAY_MS + 3_600_000, now - 70_000), 0, "the next one <t:867600:R>"),
    ):
        with pytest.raises(LimitError, match=words):
            check_usage(rules, [], usage, waiting, now)
