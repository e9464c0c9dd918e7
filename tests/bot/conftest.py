"""Fixtures for parts of the bot: the real store, in a temporary folder."""

from __future__ import annotations

import pytest

from bot.guild.rules import GuildSettings
from data.store import Store
from tests.bot.discord_edge import Client
from tests.made_settings import made_settings


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "data")
    yield store
    await store.close()


@pytest.fixture
def settings(tmp_path):
    return made_settings(tmp_path)


@pytest.fixture
def guild_settings(store, settings):
    return GuildSettings(store.guilds, settings)


@pytest.fixture
def client():
    """Discord as the bot's parts see it."""
    return Client()


@pytest.fixture
def channel(client):
    """The channel "200" of the server "100"."""
    return client.get_partial_messageable(200, guild_id=100)


@pytest.fixture
def configure(guild_settings):
    """Return a function that changes settings of the server "100", as a manager does."""

    async def configure(**values):
        await guild_settings.change("100", "9", lambda rules: values)

    return configure
