"""Every way to ask for a picture, as people do it: the rows of docs/permissions.md.

A way is a function that acts as one person in one spot, and returns the answer to an interaction;
None stands for a message, which the bot answers with a reply.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
from simcord import actors
from simcord.backend import serializers
from simcord.enums import AppCommandType, InteractionType

from bot.ui.buttons import (
    AgainButton,
    ContinueButton,
    EditButton,
    GridAgainButton,
    GridRemixButton,
    RemixButton,
    VideoButton,
)
from bot.ui.file_buttons import FileAgainButton, FileRemixButton
from bot.ui.prompt_buttons import PaintButton
from bot.ui.variation_buttons import AroundButton, UpscaleButton, VaryButton
from tests.cogs.media import png, white_disc

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
WORD = "hen"
# Its numbers are above the least that a maximum can be set to.
PROMPT = f"a {WORD} --size 32 --iterations 2 --cutouts 2 --learning-rate 0.2"
EDIT = f"edit: {PROMPT}"
CHOICES = "button `choices`"
PICTURE = ("fox.png", png())
MASK = ("hill.png", white_disc())


@dataclass
class Spot:
    """A channel, a thread, a forum's post or direct messages, with messages to act on.

    ``jobs`` are ids of jobs that everyone there can see: "painted", "edited", and "time-lapse",
    which was cancelled; "file" is the id of the request of a picture's file.
    """

    world: Any
    channel: Any
    jobs: dict[str, str]
    user: Any = None  # in direct messages, the person alone with the bot
    messages: dict[Any, Any] = field(default_factory=dict)

    async def message(self, button: type[discord.ui.DynamicItem], job: str) -> Any:
        """A message of the bot with this button about a job, posted on first use."""
        return await self.show(button(self.jobs[job]))

    async def show(self, button: Any) -> Any:
        """A message of the bot with this button, posted on first use."""
        key = button.custom_id
        if key not in self.messages:
            view = discord.ui.View(timeout=None)
            view.add_item(button)
            bot = self.world.bot
            to = (
                bot.get_channel(self.channel.id) or await bot.fetch_channel(self.channel.id)
                if self.user is None
                else await (await bot.fetch_user(self.user.id)).create_dm()
            )
            self.messages[key] = await to.send(view=view)
            view.stop()
        return self.messages[key]


Way = Callable[[Any, Spot], Awaitable[Any]]
WAYS: dict[str, Way] = {}


def way(name: str) -> Callable[[Way], Way]:
    """Register a way by its row on the page."""

    def register(function: Way) -> Way:
        WAYS[name] = function
        return function

    return register


def is_direct(scene: Any) -> bool:
    """Whether the scene's actor is alone with the bot."""
    return not hasattr(scene.actor, "guild")


async def open_menu(scene: Any, name: str) -> Any:
    """Open the menu of ``scene.picture`` in ``scene.channel``, as ``scene.actor``."""
    if not is_direct(scene):
        return await scene.actor.context_menu(scene.channel, name, scene.picture)
    # SimCord's users cannot open menus in direct messages; this does it as its members do.
    root = actors._resolve_visible_command(
        scene.actor, scene.channel.id, name, AppCommandType.MESSAGE
    )
    stored = actors._visible_message(scene.actor, scene.picture)
    message = dict(serializers.message_payload(scene.world.env.backend, stored))
    return await actors._dispatch_actor_interaction(
        scene.actor,
        InteractionType.APPLICATION_COMMAND,
        scene.channel,
        {
            "id": root["id"],
            "name": name,
            "type": AppCommandType.MESSAGE,
            "target_id": str(stored.id),
            "resolved": {"messages": {str(stored.id): message}},
        },
    )


async def slash(person: Any, spot: Spot, command: str, **options: Any) -> Any:
    if spot.user is not None:
        return await person.slash(command, **options)
    return await person.slash(spot.channel, command, **options)


async def send(person: Any, spot: Spot, text: str, to: Any = None, files: Any = ()) -> None:
    if spot.user is None:
        await person.send(spot.channel, text, reply_to=to, attachments=files)
        return
    backend = spot.world.env.backend
    more: dict[str, Any] = {"attachments": backend.store_attachments(spot.channel.id, files)}
    if to is not None:
        more["reference"] = backend.normalize_message_reference(
            spot.channel.id, {"channel_id": str(spot.channel.id), "message_id": str(to.id)}
        )
    await person.send_dm(text, **more)


async def press(person: Any, spot: Spot, button: type[Any], job: str) -> Any:
    """Press a button; submit the modal that it opens."""
    message = await spot.message(button, job)
    custom_id = button.custom_id_of(spot.jobs[job])
    return await submitted(person, await person.click(message, custom_id=custom_id))


async def submitted(person: Any, result: Any) -> Any:
    if result.modal is None:
        return result
    name = "prompt" if "remix" in result.modal["custom_id"] else "words"
    return await person.submit_modal(result, {name: PROMPT})


@way("`/imagine`")
async def _imagine(person: Any, spot: Spot) -> Any:
    return await slash(person, spot, "imagine", prompt=PROMPT)


@way("`/imagine` with a picture")
async def _imagine_from_a_picture(person: Any, spot: Spot) -> Any:
    return await slash(person, spot, "imagine", prompt=PROMPT, init_image=PICTURE)


@way("`/imagine` like a picture")
async def _imagine_like_a_picture(person: Any, spot: Spot) -> Any:
    return await slash(person, spot, "imagine", prompt=PROMPT, like=PICTURE)


@way("`/blend`")
async def _blend(person: Any, spot: Spot) -> Any:
    return await slash(person, spot, "blend", prompt=PROMPT, image=PICTURE, image_2=MASK)


@way(CHOICES)
async def _choices(person: Any, spot: Spot) -> Any:
    result = await slash(person, spot, "imagine", prompt=f"{{{PROMPT}, {PROMPT}}}")
    await spot.world.until(
        lambda: result.response and (result.response.content or result.response.components), CHOICES
    )
    if not result.response.components:  # refused before it was offered
        return result
    return await person.click(result.response, label="Confirm")


@way("`/imagine` with a mask")
async def _imagine_with_a_mask(person: Any, spot: Spot) -> Any:
    return await slash(person, spot, "imagine", prompt=f"{PROMPT} @hill", region=MASK)


@way("`/edit`")
async def _edit(person: Any, spot: Spot) -> Any:
    return await slash(person, spot, "edit", prompt=PROMPT, image=PICTURE)


@way("menu `Edit this image`")
async def _menu(person: Any, spot: Spot) -> Any:
    message = await spot.message(AgainButton, "painted")
    scene = SimpleNamespace(actor=person, channel=spot.channel, picture=message, world=spot.world)
    return await submitted(person, await open_menu(scene, "Edit this image"))


def _button(name: str, button: type[Any], job: str) -> None:
    async def pressed(person: Any, spot: Spot) -> Any:
        return await press(person, spot, button, job)

    WAYS[name] = pressed


_button("button `edit`", EditButton, "painted")
for _kind in (VaryButton, UpscaleButton, AroundButton):
    _button(f"button `{_kind.action}`", _kind, "painted")
_button("button `gridagain`", GridAgainButton, "painted")
_button("button `gridremix`", GridRemixButton, "painted")
for _word, _pressed in (
    ("again", AgainButton),
    ("remix", RemixButton),
    ("continue", ContinueButton),
    ("video", VideoButton),
):
    _button(f"button `{_word}`", _pressed, "painted")
    _button(f"button `{_word}` on an edit", _pressed, "edited")
_button("button `fileagain`", FileAgainButton, "file")
_button("button `fileremix`", FileRemixButton, "file")
_button("button `again` on a time-lapse", AgainButton, "time-lapse")


@way("button `paint`")
async def _paint(person: Any, spot: Spot) -> Any:
    message = await spot.show(PaintButton(PROMPT))
    return await person.click(message, custom_id=PaintButton(PROMPT).custom_id)


@way("reply with words")
async def _reply(person: Any, spot: Spot) -> None:
    await send(person, spot, EDIT, await spot.message(AgainButton, "painted"))


@way("reply with a picture")
async def _reply_with_a_picture(person: Any, spot: Spot) -> None:
    await send(person, spot, EDIT, await spot.message(AgainButton, "painted"), [PICTURE])


@way("mention with a picture")
async def _mention(person: Any, spot: Spot) -> None:
    mention = "" if spot.user is not None else f"<@{spot.world.bot.user.id}> "
    await send(person, spot, f"{mention}{PROMPT}", files=[PICTURE])


@way("direct message")
async def _direct_message(person: Any, spot: Spot) -> None:
    await getattr(person, "user", person).send_dm(f"imagine: {PROMPT}")


def command_of(name: str) -> str | None:
    """Return the command, button or menu of a way as the page's first table names it."""
    found = re.match(r"(?:menu |button )?`[^`]+`", name)
    return None if found is None else found[0].replace("`", "")


def tables() -> list[dict[str, dict[str, str]]]:
    """Return the page's tables: rows by their first cell, each as a dict by column."""
    found: list[list[str]] = [[]]
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("|"):
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    made = []
    for lines in found:
        if not lines:
            continue
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        head, _, *rows = cells
        made.append({row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows})
    return made
