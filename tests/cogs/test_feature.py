"""A cog's buttons work while the cog is loaded, and no longer."""

from __future__ import annotations

import pytest

from bot.ui.feature import Feature


@pytest.mark.parametrize("name", ["Admin", "History", "Privacy"])
async def test_unloading_a_cog_removes_its_buttons(world, name):
    bot, cog = world.bot, world.bot.get_cog(name)
    assert isinstance(cog, Feature)
    assert cog.buttons
    buttons = set(bot._connection._view_store._dynamic_items.values())
    await bot.remove_cog(name)
    left = set(bot._connection._view_store._dynamic_items.values())
    assert buttons - left == set(cog.buttons)


@pytest.mark.parametrize("name", ["Admin", "Config", "Moderation", "Preferences", "Privacy"])
async def test_the_gate_keeps_its_rules_whatever_cogs_are_loaded(world, name):
    before = list(world.bot.gate.checks)
    await world.bot.remove_cog(name)
    assert world.bot.gate.checks == before
