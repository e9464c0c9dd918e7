"""docs/permissions.md is true: each of its roles tries every command, button and menu.

Each role has a world of its own, with a finished picture and a waiting one. The queue is held
meanwhile, so that only the tried action changes anything.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands
from simcord.backend.errors import SetupError

from bot.guild.transfer import export_text
from bot.requests.asking import Asking
from bot.requests.choices import Offer
from bot.ui.buttons import BUTTONS
from bot.ui.command_tree import host_commands, sync
from cogs.admin import Announcement
from data.people import Restriction
from engine.request.request import make_request
from tests.bot.requests.origins import origin
from tests.cogs.conftest import LOOK_EVERY, job_id_of
from tests.cogs.media import png
from tests.cogs.ways_in import command_of, is_direct, open_menu, tables
from tests.store_database import database_of

ROLES = (
    "stranger",
    "requester",
    "role without right",
    "moderator",
    "manager",
    "owner of the bot",
    "banned",
    "direct messages",
)
REFUSALS = re.compile(
    "Only the person who requested|Only the bot's host|You need Manage|You're banned"
    "|You need .+ to (make|edit) pictures here|Use this command in a server that you moderate"
)
SHOWN = {
    None: "everyone",
    "manage_messages": "Manage Messages",
    "manage_guild": "Manage Server",
    "administrator": "Administrator",
}
# These come last because they remove what the others need.
LAST = (
    "/mod stop",
    "/mod delete",
    "button cancel",
    "button griddelete",
    "button delete",
    "button forget",
)
# These edit the message with the button instead of answering.
EDITING = ("button history", "button gallery", "button another")
KEY = "0123456789abcdef"
# Under messages that are made of components.
PAGES = ("button history", "button gallery", "button choices")
COMMAND_TYPES = {
    app_commands.Command: discord.AppCommandType.chat_input,
    app_commands.Group: discord.AppCommandType.chat_input,
    app_commands.ContextMenu: discord.AppCommandType.message,
}


def table() -> dict[str, dict[str, str]]:
    """Return the rows of the page's first table by command, button or menu."""
    return {name.replace("`", ""): row for name, row in tables()[0].items()}


@dataclass
class Scene:
    """Who acts, where, and on which jobs. ``others`` has a member, a channel and a role.

    ``file`` is the id of the request of a picture's file.
    """

    world: Any
    actor: Any
    channel: Any
    painted: str
    waiting: str
    picture: Any
    others: SimpleNamespace
    file: str


def commands(bot) -> dict[str, Any]:
    """Return every command and menu that does something, by its name as users type it."""
    found: dict[str, Any] = {}
    server = discord.Object(bot.tree.host_server)
    for kind in discord.AppCommandType:
        for command in (
            *bot.tree.walk_commands(type=kind),
            *bot.tree.walk_commands(type=kind, guild=server),
        ):
            if isinstance(command, app_commands.Command):
                found[f"/{command.qualified_name}"] = command
            elif isinstance(command, app_commands.ContextMenu):
                found[f"menu {command.name}"] = command
    return found


def buttons(bot) -> dict[str, type[discord.ui.DynamicItem]]:
    """Return every button that outlasts a restart, by the word in its id."""
    registered = bot._connection._view_store._dynamic_items
    assert set(BUTTONS) <= set(registered.values())  # or discord.py keeps them elsewhere now
    found = {}
    for pattern, item in registered.items():
        word = re.match("imagine:([a-z]+)", pattern.pattern)
        assert word is not None
        found[f"button {word[1]}"] = item
    return found


async def test_everything_has_a_row_and_is_shown_to_the_members_named_there(world):
    rows, found = table(), commands(world.bot)
    assert {*found, *buttons(world.bot)} == set(rows)
    for row in rows.values():
        assert set(row) == {"shown to", *ROLES}
    for name, command in found.items():
        root = getattr(command, "root_parent", None) or command
        payload = root.to_dict(world.bot.tree)
        needed = payload["default_member_permissions"]
        rights = None if needed is None else discord.Permissions(int(needed))
        [asked] = [None] if rights is None else [right for right, on in rights if on]
        everywhere = world.bot.tree.get_command(root.name, type=COMMAND_TYPES[type(root)])
        shown = SHOWN[asked] if everywhere is root else f"{SHOWN[asked]} of the host's server"
        assert rows[name]["shown to"] == shown
        assert (1 in payload["contexts"]) == (rows[name]["direct messages"] != "not offered")


async def set_up(world, here, role, hold) -> Scene:
    """Make a finished picture and a waiting one: alice's, or the actor's in direct messages."""
    member = lambda name, *roles: here.guild.add_member(  # noqa: E731
        world.env.create_user(name), roles=list(roles)
    )
    right = lambda name, **rights: here.guild.create_role(  # noqa: E731
        name, permissions=discord.Permissions(**rights)
    )
    painters = here.guild.create_role("painters")
    others = SimpleNamespace(person=member("eve"), channel=here.other, role=painters)
    direct = world.env.create_user("dora")
    actor = {
        "stranger": here.bob,
        "requester": here.alice,
        "role without right": member("gus", right("guests")),
        "moderator": here.moderator,
        "manager": member("mona", right("managers", manage_guild=True)),
        "owner of the bot": member("olga"),
        "banned": here.alice,
        "direct messages": direct,
    }[role]
    if role == "owner of the bot":
        world.bot.owner_id = actor.id
    alone = role == "direct messages"
    requester, channel = (direct, direct.dm_channel) if alone else (here.alice, here.channel)
    ask = (
        (lambda person, prompt: person.slash("imagine", prompt=prompt))
        if alone
        else (lambda person, prompt: person.slash(channel, "imagine", prompt=prompt))
    )
    await ask(requester, "a red circle --iterations 1")
    [picture] = await world.painted(channel)
    hold()
    await others.person.slash(here.other, "imagine", prompt="in front --iterations 1")
    await ask(requester, "a hen that waits --iterations 1")
    await world.env.settle()
    guild = str(here.guild.id)
    if role == "role without right":
        await world.bot.store.guilds.change_settings(
            guild, "1", {"roles_use": [str(painters.id)], "roles_edit": [str(painters.id)]}
        )
    if role == "banned":
        await world.bot.people.restrict(Restriction(guild, str(actor.id), "ban", moderator="1"))
    # Discord shows everyone all commands here, so that the bot's own checks are tested.
    for command in (*world.bot.tree.get_commands(), *host_commands(world.bot.tree)):
        command.default_permissions = None
    await sync(world.bot.tree, world.bot.store)
    return Scene(
        world,
        actor,
        channel,
        job_id_of(picture),
        world.bot.queue.overview()[-1].id,
        picture,
        others,
        await world.bot.store.messages.keep('{"prompt": "a hen", "iterations": 1}'),
    )


def values_of(scene: Scene, name: str, command: app_commands.Command) -> dict[str, Any]:
    """Return a valid value for each required option."""
    job = scene.waiting if name == "/mod stop" else scene.painted
    known = {
        "prompt": "a cow --iterations 1",
        "image": ("fox.png", png()),
        "image_2": ("hen.png", png()),
        "job": job,
        "person": scene.others.person,
        "channel": scene.others.channel,
        "role": scene.others.role,
        "right": "big",
        "words": "bad",
        "word": "bad",
        "name": "cooldown",
        "value": "0",
        "concept": "blood",
        "action": "warn",
        "state": "off",
        "text": "hello",
        "server": "123456789012345678",
        "file": ("settings.json", export_text("1", {}).encode()),
    }
    given = {option.name: known[option.name] for option in command.parameters if option.required}
    return given | ({"waiting": 9} if name == "/mod limit" else {})


async def do(scene: Scene, name: str, what: Any, message: Any) -> Any:
    """Run the command, open the menu, or press ``message``'s button; submit its modal."""
    if isinstance(what, app_commands.Command):
        given, words = values_of(scene, name, what), what.qualified_name
        result = await (
            scene.actor.slash(words, **given)
            if is_direct(scene)
            else scene.actor.slash(scene.channel, words, **given)
        )
    elif isinstance(what, app_commands.ContextMenu):
        result = await open_menu(scene, what.name)
    else:
        result = await scene.actor.click(message, custom_id=item_of(scene, name, what).custom_id)
    if result.modal is not None:
        fields = (
            {"prompt": "a hen --iterations 1"}
            if "remix" in result.modal["custom_id"]
            else {"words": "a hen --iterations 1"}
        )
        result = await scene.actor.submit_modal(result, fields)
    await scene.world.until(
        lambda: result.acknowledged and (not result.deferred or said(result) or name in EDITING),
        name,
    )
    return result


def item_of(scene: Scene, name: str, button: type[Any]) -> Any:
    """The button that the row is about."""
    word = name.split()[1]
    alone = {
        "history": (0,),
        "forget": ("yes",),
        "gallery": ("b", 9),
        "fileagain": (scene.file,),
        "fileremix": (scene.file,),
        "announce": ("drop", KEY),
        "purge": ("yes", KEY + KEY),
        "another": (),
        "paint": ("a cow --iterations 1",),
        "choices": ("yes", KEY),
    }
    if word in alone:
        return button(*alone[word])
    return button(scene.waiting if word in ("stop", "cancel") else scene.painted)


async def post(scene: Scene, name: str, button: type[Any]) -> discord.Message:
    """Post a message of the bot with the button, where the actor can see it."""
    bot = scene.world.bot
    bot.get_cog("Admin").announcements[KEY] = Announcement(
        "hello", {"1": str(scene.others.channel.id)}
    )
    if name == "button choices":
        offer(scene)
    item = item_of(scene, name, button)
    view = discord.ui.LayoutView() if name in PAGES else discord.ui.View()
    view.add_item(discord.ui.ActionRow(item) if name in PAGES else item)
    to = (
        await (await bot.fetch_user(scene.actor.id)).create_dm()
        if is_direct(scene)
        else bot.get_channel(scene.channel.id)
    )
    message = await to.send(view=view)
    view.stop()
    return message


def offer(scene: Scene) -> None:
    """Offer the actor a picture, as if they had typed a prompt with choices."""
    asking = Asking(origin(person=scene.actor.id), make_request("a cow", iterations=1))
    scene.world.bot.choices._offers[KEY] = Offer((asking,), 1, math.inf)


def said(result) -> str:
    """Return the answer's text, or that of its parts."""
    response = result.response
    if response is None:
        return ""
    return str(response.content or response.embeds or response.components or "")


async def state_of(scene: Scene) -> tuple[Any, Any]:
    """Return every row of the database, and every public message."""
    await scene.world.env.settle(idle=LOOK_EVERY)
    database = database_of(scene.world.bot.store)
    tables = [
        row["name"]
        for row in await database.fetch(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    assert "jobs" in tables
    rows = {
        name: sorted(
            str(
                {column: value for column, value in row.items() if column != "lease_until"}
            )  # renewed all the time
            for row in await database.fetch(f"SELECT * FROM {name}")  # noqa: S608  its own
        )
        for name in tables
    }
    messages = [
        (message.id, message.content, str(message.components), str(message.attachments))
        for channel in (scene.channel, scene.others.channel)
        for message in scene.world.messages(channel)
    ]
    return rows, messages


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_is_allowed_or_refused_as_the_table_says(
    world, here, host, held, monkeypatch, role
):
    scene = await set_up(world, here, role, held.hold)
    wrong, asking, reached = [], set(), []
    check = world.bot.gate.check

    async def noted(*arguments):
        reached.append(arguments)
        return await check(*arguments)

    monkeypatch.setattr(world.bot.gate, "check", noted)
    everything = {**commands(world.bot), **buttons(world.bot)}
    for name in sorted(
        everything, key=lambda name: (LAST.index(name) if name in LAST else -1, name)
    ):
        what, expected = everything[name], table()[name][role]
        if expected == "not offered":
            with pytest.raises(SetupError, match=r"context|No application command"):
                await do(scene, name, what, None)
            continue
        message = await post(scene, name, what) if name.startswith("button") else None
        before = await state_of(scene) if expected == "no" else None
        reached.clear()
        result = await do(scene, name, what, message)
        asking |= {name} if reached else set()
        refused = REFUSALS.search(said(result)) is not None
        if refused != (expected == "no"):
            wrong.append(f"{name} should be {expected}: {said(result)!r}")
        elif refused:
            assert result.ephemeral, name
            assert await state_of(scene) == before, name
        else:
            await world.until(lambda: not world.bot.delivery.busy or world.bot.queue.overview())
    assert not wrong, "\n".join(wrong)
    if role == "requester":  # whatever asks for a picture is a way in, with rows for the rules
        assert asking == {command_of(name) for name in tables()[1]} - {None}
