"""/config itself: rights, the panel, autocompletion, refusals, the log, export and import."""

from __future__ import annotations

import json
from typing import Any

import discord
import pytest
from simcord.backend.errors import OptionError

from bot.guild.definitions import DEFINITIONS
from tests.cogs.configuring import add_manager, configure
from tests.cogs.media import answered


@pytest.fixture
def manager(here):
    return add_manager(here)


def texts(components):
    """Yield the texts of all text displays in Discord's component data, in order."""
    for component in components:
        if component["type"] == 10:
            yield component["content"]
        yield from texts(component.get("components") or [])


async def stored(world, here):
    return await world.bot.guild_settings.export(str(here.guild.id))


async def test_members_without_manage_server_see_and_change_nothing(world, here, manager):
    [command] = [
        each
        for each in world.env.backend.visible_commands(
            user_id=manager.id, channel_id=here.channel.id
        )
        if each["name"] == "config"
    ]
    assert "config show" not in here.moderator.available_commands(here.channel)
    await configure(here, manager, "set", name="iterations", value="7")
    before = await stored(world, here)
    # Discord's settings can give the command to anyone, so the bot checks the right.
    here.guild.set_command_permissions(int(command["id"]), {here.alice: True})
    role = here.guild.create_role("any")
    tried: dict[str, dict[str, Any]] = {
        "show": {},
        "set": {"name": "iterations", "value": "9"},
        "reset": {"name": "iterations"},
        "log": {},
        "export": {},
        "import": {"file": ("a.json", b"{}")},
        "channels allow": {"channel": here.channel},
        "channels deny": {"channel": here.channel},
        "channels clear": {},
        "roles allow": {"right": "use", "role": role},
        "roles remove": {"right": "use", "role": role},
        "roles daily": {"role": role, "jobs": 3},
        "roles share": {"role": role, "percent": 150},
        "words add": {"words": "fox"},
        "words remove": {"word": "fox"},
        "words list": {},
        "concepts add": {"concept": "fox", "action": "warn"},
        "concepts remove": {"concept": "fox"},
        "concepts list": {},
    }
    assert {f"config {path}" for path in tried} == {
        path for path in here.alice.available_commands(here.channel) if path.startswith("config ")
    }
    for path, options in tried.items():
        refused = await here.alice.slash(here.channel, f"config {path}", **options)
        assert refused.ephemeral
        assert "You need Manage Server" in refused.response.content
    assert await here.alice.autocomplete(here.channel, "config set", "name", "") == []
    assert await stored(world, here) == before
    alone = world.env.create_user("alone")
    assert "history" in alone.available_commands()
    assert not [path for path in alone.available_commands() if path.startswith("config")]


async def test_the_panel_shows_every_setting_and_its_source(world, here, manager):
    await configure(here, manager, "set", name="iterations", value="7")
    for name in ("channels", "words"):
        for i in range(12):
            given = (
                {"channel": here.guild.create_text_channel(f"c{i}")}
                if name == "channels"
                else {"words": f"word{i}, other words{i}"}
            )
            await configure(
                here, manager, f"{name} {'allow' if name == 'channels' else 'add'}", **given
            )
    shown = await manager.slash(here.channel, "config show")
    assert shown.ephemeral
    text = "\n".join(texts(shown.response.components))
    assert len(text) < 4000
    for name in DEFINITIONS:
        assert f"`{name}` **" in text
    assert "`iterations` **7** · server" in text
    assert "`max_iterations` **1000** · host" in text
    assert "`preset` **default** · built in" in text
    assert "and 4 more** · server" in text
    assert "`blocked_words` **24 words** · server" in text


async def test_values_that_cannot_be_set_are_refused_with_the_reason(world, here, manager):
    for name, value, words in (
        ("iterations", "1001", 'a whole number from 1 to 1000, not "1001"'),
        ("iterations", "many", "a whole number from 1 to 1000"),
        ("max_size", "2048", "the host allows at most 262144 pixels. Try 512x512"),
        ("size", "huge", "a size like 256x128"),
        ("learning_rate", "nan", "a number above 0, up to 100"),
        ("jobs_waiting", "11", "from 1 to 10"),
        ("preset", "nice", "one of default"),
        ("model", "dall-e", "no model called"),
        ("seed", "-1", "random, or a whole number"),
        ("spoiler", "maybe", "on or off"),
        ("language", "xx", "one of auto, en, de"),
        ("colour", "red", 'There\'s no setting called "colour"'),
        ("roles_use", "me", "has its own command: /config roles"),
        ("jobs_a_day_by_role", "5", "/config roles daily"),
        ("share_by_role", "5", "/config roles share"),
        ("blocked_words", "fox", "/config words"),
    ):
        assert words in await configure(here, manager, "set", name=name, value=value)
    assert "isn't a valid RE2 expression" in await configure(
        here, manager, "words add", words="regex:("
    )
    assert await stored(world, here) == {}
    assert (await configure(here, manager, "log")).endswith(
        "\nNobody has changed a setting in this server yet."
    )


async def test_a_value_above_a_lowered_host_limit_counts_as_not_set(
    world, here, manager, monkeypatch
):
    await configure(here, manager, "set", name="iterations", value="900")
    monkeypatch.setattr(world.bot.settings.limits, "max_iterations", 500)
    rules = await world.bot.guild_settings.rules(str(here.guild.id))
    assert rules.value("iterations") is None
    assert rules.source("iterations") == "built in"


async def test_names_and_values_are_autocompleted(world, here, manager):
    async def offered(option, typed, **filled):
        choices = await manager.autocomplete(here.channel, "config set", option, typed, **filled)
        return [choice["value"] for choice in choices]

    assert await offered("name", "max_it") == ["max_iterations"]
    assert "roles_use" not in await offered("name", "")
    assert await offered("value", "ti", name="model") == ["tiny"]
    assert await offered("value", "", name="spoiler") == ["on", "off"]
    assert await offered("value", "ner", name="preset") == ["nerdyrodent"]
    assert await offered("value", "", name="nothing") == []


async def test_the_log_shows_who_changed_a_setting_with_both_values(world, here, manager):
    await configure(here, manager, "set", name="iterations", value="7")
    await configure(here, manager, "set", name="iterations", value="8")
    assert (await configure(here, manager, "set", name="iterations", value="8")).startswith(
        "iterations is already 8 "
    )
    await configure(here, manager, "words add", words="fox, hen")
    await configure(here, manager, "reset", name="iterations")
    heading, *lines = (await configure(here, manager, "log")).splitlines()
    assert heading == "### Changes of settings"
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"{manager.mention} `iterations`: 8 → not set",
        f"{manager.mention} `blocked_words`: + ||fox|| ||hen||",
        f"{manager.mention} `iterations`: 7 → 8",
        f"{manager.mention} `iterations`: not set → 7",
    ]
    for i in range(10):
        await configure(here, manager, "set", name="cooldown", value=str(i + 1))
    assert (await configure(here, manager, "log")).endswith("/config log page:2")
    assert len((await configure(here, manager, "log", page=2)).splitlines()) == 7
    assert "no older changes" in await configure(here, manager, "log", page=9)


async def test_a_file_is_imported_completely_or_not_at_all(world, here, manager, host):
    async def import_file(data):
        result = await manager.slash(here.channel, "config import", file=("a.json", data))
        return await answered(world, result)

    await configure(here, manager, "set", name="iterations", value="7")
    await configure(
        here, manager, "roles allow", right="use", role=here.guild.create_role("friends")
    )
    result = await manager.slash(here.channel, "config export")
    file = world.env.backend.cdn.get(result.response.attachments[0].url)
    settings = await stored(world, here)
    assert json.loads(file)["settings"] == settings
    for wrong, words in (
        (b"{", "isn't from </config export:"),
        (b"[]", "isn't from"),
        (b"\xff", "isn't from"),
        (b'["\\ud800"]', "isn't from"),
        (file.replace(b": 7", b': "\\ud800"'), "isn't from"),
        (b"[" * 100_000, "isn't from"),
        (b" " * 300_000, "file is larger than 0.262144 MB"),
        (file.replace(b": 7", b": 7000"), "iterations must be a whole number"),
        (file.replace(b": 7", b": NaN"), "iterations must be a whole number"),
        (file.replace(b'"iterations', b'"itterations'), 'no setting called "itterations"'),
        (file.replace(b": 1,", b": 9,"), "has format version 9"),
    ):
        assert words in await import_file(wrong)
        assert await stored(world, here) == settings
    await configure(here, manager, "set", name="iterations", value="8")
    await configure(here, manager, "set", name="cooldown", value="8")
    assert await import_file(file) == "2 settings changed."
    assert await stored(world, here) == settings
    await configure(here, manager, "reset", name="roles_use")
    elsewhere = file.replace(str(here.guild.id).encode(), b"100000000000000000")
    assert "left these unchanged: roles_use" in await import_file(elsewhere)
    assert await stored(world, here) == {"iterations": 7}


async def test_channel_options_offer_only_channels_with_messages(world, here, manager):
    category = here.guild.create_category("all")
    for command in ("allow", "deny", "clear"):
        with pytest.raises(OptionError, match="only allows channel types"):
            await configure(here, manager, f"channels {command}", channel=category)
        option = world.bot.tree.get_command("config").get_command("channels").get_command(command)
        [channel] = option.parameters
        assert discord.ChannelType.category not in channel.channel_types
        assert {
            discord.ChannelType.text,
            discord.ChannelType.forum,
            discord.ChannelType.public_thread,
        } < set(channel.channel_types)
    forum = here.guild.create_forum_channel("ideas")
    assert f"<#{forum.id}>" in await configure(here, manager, "channels allow", channel=forum)
