"""A cog's gates, callbacks and buttons work while the cog is loaded, and no longer."""

from __future__ import annotations

import pytest

from bot.ui.feature import Feature


@pytest.mark.parametrize(
    "name", ["Admin", "Config", "History", "Moderation", "Preferences", "Privacy"]
)
async def test_unloading_a_cog_removes_its_gates_and_buttons(world, name):
    bot, cog = world.bot, world.bot.get_cog(name)
    assert isinstance(cog, Feature)
    assert cog.gates or cog.buttons
    gates, taken = list(bot.intake.gates), list(bot.intake.taken)
    buttons = set(bot._connection._view_store._dynamic_items.values())
    await bot.remove_cog(name)
    assert bot.intake.gates == [gate for gate in gates if gate not in cog.gates]
    assert bot.intake.taken == [each for each in taken if each not in cog.taken]
    left = set(bot._connection._view_store._dynamic_items.values())
    assert buttons - left == set(cog.buttons)
