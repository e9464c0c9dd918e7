"""Every command, menu, button and modal acknowledges before it waits for the database.

Discord shows "The application did not respond" after three seconds, whatever the bot is doing.
"""

from __future__ import annotations

import asyncio
import contextlib

import discord
import pytest
from discord import app_commands
from simcord.backend.errors import SetupError

from data.sqlite.database import SqliteDatabase
from tests.cogs import test_permission_matrix as matrix
from tests.cogs.ways_in import open_menu
from tests.store_database import database_of

# Opening a modal needs the database; if it does not answer, the person is told to try again.
OF_A_RUNNING_PICTURE = ("button nudge", "button freezewords")
OPEN_MODALS = (
    *("button remix", "button gridremix", "button edit", "button fileremix"),
    "menu Edit this image",
    *OF_A_RUNNING_PICTURE,
)


class Blockade:
    """A database that answers nobody while it is :meth:`closed`."""

    def __init__(self, world, monkeypatch):
        self._world = world
        self._opened = None
        for name in ("fetch", "scan", "change"):
            self._wrap(monkeypatch, name)
        transaction = SqliteDatabase.transaction

        @contextlib.asynccontextmanager
        async def blocked(database):
            await self._wait()
            async with transaction(database) as open_transaction:
                yield open_transaction

        monkeypatch.setattr(SqliteDatabase, "transaction", blocked)

    def _wrap(self, monkeypatch, name):
        method = getattr(SqliteDatabase, name)

        async def blocked(database, sql, *values):
            await self._wait()
            return await method(database, sql, *values)

        monkeypatch.setattr(SqliteDatabase, name, blocked)

    async def _wait(self):
        if self._opened is None:
            return
        try:
            await self._world.env.external_wait(self._opened.wait(), reason="the database")
        except SetupError:  # not a task of the bot
            await self._opened.wait()

    @contextlib.asynccontextmanager
    async def closed(self):
        self._opened = asyncio.Event()
        try:
            yield
        finally:
            self._opened.set()
            self._opened = None


@pytest.fixture
async def scene(world, here, host, held):
    """A member who may do everything."""
    scene = await matrix.set_up(world, here, "requester", held.hold)
    rights = here.guild.create_role("all", permissions=discord.Permissions(administrator=True))
    scene.actor = here.guild.add_member(world.env.create_user("ada"), roles=[rights])
    world.bot.owner_id = scene.actor.id
    return scene


@pytest.fixture
def database(world, scene, monkeypatch):
    return Blockade(world, monkeypatch)


async def begin(scene, name, what, message):
    """Run the command, open the menu or press the button, without waiting for the rest."""
    if isinstance(what, app_commands.Command):
        given = matrix.values_of(scene, name, what)
        return await scene.actor.slash(scene.channel, what.qualified_name, **given)
    if isinstance(what, app_commands.ContextMenu):
        return await open_menu(scene, what.name)
    item = matrix.item_of(scene, name, what)
    return await scene.actor.click(message, custom_id=item.custom_id)


async def test_everything_acknowledges_while_the_database_does_not_answer(world, scene, database):
    late = []
    everything = {**matrix.commands(world.bot), **matrix.buttons(world.bot)}
    assert set(OPEN_MODALS) < set(everything)
    for name in sorted(
        everything, key=lambda name: (matrix.LAST.index(name) if name in matrix.LAST else -1, name)
    ):
        what = everything[name]
        message = await matrix.post(scene, name, what) if name.startswith("button") else None
        async with database.closed():
            result = await begin(scene, name, what, message)
            if name in OPEN_MODALS:
                await world.env.advance_time(2)
                assert result.acknowledged, name
                assert "Try again in a moment" in matrix.said(result), name
            elif not result.acknowledged:
                late.append(name)
        await world.env.settle()
    assert late == [], "these wait for the database first"


@pytest.mark.parametrize("opener", OPEN_MODALS)
async def test_a_submitted_modal_acknowledges_too(world, scene, database, opener):
    what = {**matrix.commands(world.bot), **matrix.buttons(world.bot)}[opener]
    message = None if opener.startswith("menu") else await matrix.post(scene, opener, what)
    if opener in OF_A_RUNNING_PICTURE:
        await database_of(world.bot.store).change(
            "UPDATE jobs SET state = 'running' WHERE id = ?", scene.painted
        )
    opened = await begin(scene, opener, what, message)
    field = "prompt" if opener.endswith("remix") else "words"
    async with database.closed():
        field = "place" if opener == "button freezewords" else field
        result = await scene.actor.submit_modal(opened, {field: "a hen --iterations 1"})
        assert result.acknowledged


async def test_completions_are_empty_rather_than_late(world, scene, database, monkeypatch):
    monkeypatch.setattr("bot.ui.answers.READ_SECONDS", 0)
    completed = 0
    for command in matrix.commands(world.bot).values():
        if not isinstance(command, app_commands.Command):
            continue
        for option in command.parameters:
            if option.autocomplete:
                completed += 1
                async with database.closed():
                    await asyncio.wait_for(
                        scene.actor.autocomplete(
                            scene.channel, command.qualified_name, option.name, "zzz"
                        ),
                        20,
                    )
                await world.env.settle()
    assert completed > 5
