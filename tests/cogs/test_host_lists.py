"""The host's own lists: banned people, also in direct messages, and servers without the bot."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from bot.host.server_access import ServerAccess
from bot.host.settings import LimitSettings, SettingsError, load_settings
from tests.cogs import test_admin
from tests.cogs.test_permission_matrix import said

host = test_admin.host


async def run(host, here, command, **options):
    """Run an /admin command, and return the answer."""
    result = await host.slash(here.channel, f"admin {command}", **options)
    return said(result)


async def test_a_person_banned_by_the_host_is_refused_everywhere(world, here, host):
    text = await run(host, here, "people ban", person=here.alice)
    assert text == f"{here.alice.mention} can't use the bot anywhere."
    assert here.alice.mention in await run(host, here, "people list")
    assert "can't ban the host" in await run(host, here, "people ban", person=host)
    for answered in (
        await here.alice.slash(here.channel, "imagine", prompt="a hen"),
        await here.alice.user.slash("imagine", prompt="a hen"),
    ):
        await world.until(lambda answered=answered: said(answered), "the answer")
        assert said(answered) == "You can't use this bot."
    assert world.bot.queue.overview() == []
    # A server that the bot leaves does not take the host's bans with it.
    await world.bot.store.guilds.forget_departed(set(), 0)
    await world.bot.store.guilds.forget_departed(set(), 1 << 50)
    assert "can use the bot again" in await run(host, here, "people unban", person=here.alice)
    await here.alice.slash(here.channel, "imagine", prompt="a red circle --iterations 1")
    await world.painted(here.channel)


async def test_only_chosen_people_can_ask(world, here):
    world.settings.limits.allowed_people = f"{here.bob.id}, 123456789012345678"
    refused = await here.alice.slash(here.channel, "imagine", prompt="a hen")
    await world.until(lambda: said(refused), "the answer")
    assert "chosen by" in said(refused)
    await here.bob.slash(here.channel, "imagine", prompt="a red circle --iterations 1")
    await world.painted(here.channel)


def guild(id, left):
    async def leave():
        left.append(id)

    return SimpleNamespace(id=id, leave=leave)


async def test_the_bot_leaves_servers_that_cannot_have_it(world, here, host):
    store = world.bot.store
    left: list[int] = []
    guilds = [guild(id, left) for id in (111111111111111111, 222222222222222222)]
    assert await ServerAccess(store, LimitSettings()).leave_others(guilds) == 0
    text = await run(host, here, "servers deny", server="222222222222222222")
    assert text == "The server `222222222222222222` can't have me any more."
    assert await ServerAccess(store, LimitSettings()).leave_others(guilds) == 1
    chosen = LimitSettings(allowed_servers="333333333333333333")
    assert await ServerAccess(store, chosen).leave_others(guilds) == 2
    assert left == [222222222222222222, 111111111111111111, 222222222222222222]
    assert "222222222222222222" in await run(host, here, "servers list")
    await run(host, here, "servers allow", server="222222222222222222")
    assert await ServerAccess(store, LimitSettings()).leave_others(guilds) == 0
    assert await run(host, here, "servers leave", server="222222222222222222") == (
        "I'm not in that server."
    )


def test_wrong_ids_are_named(monkeypatch):
    monkeypatch.setenv("DISCORD_TOKEN", "x")
    monkeypatch.setenv("IMAGINE_ALLOWED_SERVERS", "Studio")
    with pytest.raises(SettingsError, match="IMAGINE_ALLOWED_SERVERS is 'Studio'; write IDs"):
        load_settings(None)
    monkeypatch.setenv("IMAGINE_ALLOWED_SERVERS", "111111111111111111, 222222222222222222")
    assert load_settings(None).limits.server_ids == {"111111111111111111", "222222222222222222"}
