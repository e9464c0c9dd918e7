"""Rules for every command and every button, including future ones."""

from __future__ import annotations

import re

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot.language.option_names import OPTION_NAMES
from bot.permissions import NAMES, NEEDED
from bot.ui.buttons import BUTTONS
from engine.request.limits import MAX_SEED
from engine.request.recipe import PRESETS
from engine.request.request import ImageRequest


async def test_every_command_is_within_discord_s_limits(world):
    payloads = [command.to_dict(world.bot.tree) for command in world.bot.tree.get_commands()]
    assert {command["name"] for command in payloads} >= {
        "imagine",
        "edit",
        "Edit this image",
        "history",
        "queue",
    }
    for command in payloads:
        if command["type"] == discord.AppCommandType.message.value:  # a context menu
            assert 1 <= len(command["name"]) <= 32
            assert command["contexts"] == [0, 1]
            assert command["integration_types"] == [0]
            continue
        assert re.fullmatch(r"[-_a-z0-9]{1,32}", command["name"])
        assert 1 <= len(command["description"]) <= 100
        assert len(command["options"]) <= 25
        # Usable in servers, most also in direct messages; installed in servers only.
        assert command["contexts"] in ([0, 1], [0])
        assert command["integration_types"] == [0]
        for option in command["options"]:
            assert 1 <= len(option["description"]) <= 100
            assert len(option.get("choices", [])) <= 25


async def test_imagine_s_options_are_the_request_s_fields(world):
    command = world.bot.tree.get_command("imagine")
    assert isinstance(command, app_commands.Command)
    options = {parameter.name: parameter for parameter in command.parameters}
    assert set(options) == {
        "prompt",
        "count",
        "seed",
        "size",
        "aspect",
        "tile",
        "iterations",
        "model",
        "preset",
        "init_image",
        "strength",
        "like",
        "like_2",
        "like_3",
        "like_weight",
        "region",
        "region_2",
        "palette",
        "zoom",
        "sound",
        "loop",
        # Words of the prompt.
        "style",
        # Of the message, not of the request.
        "spoiler",
        "private",
    }
    assert [choice.value for choice in options["preset"].choices] == list(PRESETS)
    assert (options["seed"].min_value, options["seed"].max_value) == (0, MAX_SEED)
    most = world.settings.limits.max_iterations
    for name in ("imagine", "edit"):
        [shown] = [
            option
            for option in world.bot.tree.get_command(name).to_dict(world.bot.tree)["options"]
            if option["name"] == "iterations"
        ]
        assert (shown["min_value"], shown["max_value"]) == (1, most)
    assert options["prompt"].max_value == 2000
    for name in ("seed", "iterations", "model"):
        described = ImageRequest.model_fields[name].description
        assert str(options[name].description).lower() == str(described).lower()
    assert options["prompt"].autocomplete
    assert options["model"].autocomplete


@pytest.mark.parametrize("button", BUTTONS, ids=lambda button: button.action)
def test_every_button_s_id_fits_and_matches_no_other_button(button):
    custom_id = button.custom_id_of("f" * 32)
    assert len(custom_id) <= 100
    matching = [
        other for other in BUTTONS if other.__discord_ui_compiled_template__.fullmatch(custom_id)
    ]
    assert matching == [button]
    for forged in (
        custom_id + "0",
        custom_id[:-1],
        custom_id.upper(),
        custom_id[:-1] + "/",
        f"imagine:{button.action}:../../etc/passwd",
    ):
        assert button.__discord_ui_compiled_template__.fullmatch(forged) is None


async def test_commands_are_synced_only_when_they_changed(world):
    def syncs():
        return sum(request.method == "PUT" for request in world.env.http_requests)

    assert syncs() == 2  # everybody's commands, and the host's
    await world.restart()
    assert syncs() == 2
    await world.bot.store.set_meta("synced commands", "of an older version")
    await world.restart()
    assert syncs() == 3


async def test_only_the_owner_can_sync_by_hand(world, here):
    before = len(world.env.http_requests)
    await here.alice.send(here.channel, f"<@{world.bot.user.id}> sync")
    assert "PUT" not in [request.method for request in world.env.http_requests[before:]]
    assert world.messages(here.channel)[-1].content.startswith("Use </imagine:")
    assert [type(error) for error in world.env.errors] == [commands.NotOwner]
    world.bot.owner_id = here.moderator.id
    await here.moderator.send(here.channel, f"<@{world.bot.user.id}> sync")
    assert "PUT" in [request.method for request in world.env.http_requests[before:]]
    number = len(world.bot.tree.get_commands()) + 1  # /admin is in the host's server only
    assert world.messages(here.channel)[-1].content == f"Synced {number} commands."


def test_the_requested_permissions_are_those_that_are_checked():
    assert discord.Permissions(**dict.fromkeys(NAMES, True)) == NEEDED
    assert not NEEDED.administrator


async def test_the_bot_needs_no_privileged_intent(world):
    intents = world.bot.intents
    assert [intents.members, intents.presences, intents.message_content] == [False] * 3
    assert world.bot.allowed_mentions.to_dict() == {"parse": []}


async def test_option_names_are_valid_and_unique_in_every_language(world):
    known = set()
    for command in world.bot.tree.walk_commands():
        if not isinstance(command, app_commands.Command):
            continue
        names = [parameter.name for parameter in command.parameters]
        known.update(names)
        for translations in OPTION_NAMES.values():
            shown = [translations.get(name, name) for name in names]
            assert len(set(shown)) == len(shown), command.qualified_name
    for translations in OPTION_NAMES.values():
        assert set(translations) <= known
        for name in translations.values():
            assert re.fullmatch(r"[-_a-zäöüß0-9]{1,32}", name)
    payload = await world.bot.tree.get_command("imagine").get_translated_payload(
        world.bot.tree, world.bot.tree.translator
    )
    size = next(option for option in payload["options"] if option["name"] == "size")
    assert size["name_localizations"]["de"] == "größe"
