"""What people do: they run commands, press, choose, fill in, write and delete."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.standin.channels import Channel
from bot.standin.commands import Commands, RefusedError, Resolved
from bot.standin.components import BUTTON, SELECTS, STRING_SELECT, buttons, by_custom_id
from bot.standin.guilds import Role, User
from bot.standin.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    MODAL,
    Interaction,
    Interactions,
)
from bot.standin.reactions import Reactions
from bot.standin.world import World

_COMPLETION_SECONDS = 10


class People:
    """Sends what people do to the bot; :class:`RefusedError` if their clients would not."""

    def __init__(self, world: World, interactions: Interactions, commands: Commands):
        self.world, self.interactions, self.registered = world, interactions, commands
        self.reactions = Reactions(world)

    async def command(
        self, user: User, channel: Channel, path: str, /, **options: Any
    ) -> Interaction:
        """Run a slash command, for example ``config channels allow``.

        Options take texts, numbers, people, roles and channels; a picture option takes the result
        of :meth:`World.upload`.
        """
        data = self.registered.data(channel, user, path, options)
        return self.interactions.send(COMMAND, channel, user, data)

    async def complete(
        self, user: User, channel: Channel, path: str, option: str, typed: str, **others: Any
    ) -> list[str]:
        """The values that an option's autocompletion offers for a typed text."""
        offered = await self.choices(user, channel, path, option, typed, others)
        return [choice["value"] for choice in offered]

    async def choices(
        self, user: User, channel: Channel, path: str, option: str, typed: str, others: dict
    ) -> list[dict]:
        """The same with the choices' names; ``others`` are the values of other options."""
        data = self.registered.completion(channel, user, path, option, typed, others)
        interaction = self.interactions.send(AUTOCOMPLETE, channel, user, data)
        await asyncio.wait_for(interaction.acknowledged.wait(), _COMPLETION_SECONDS)
        assert interaction.answer is not None
        assert interaction.answer["type"] == CHOICES
        return list(interaction.answer["data"]["choices"])

    async def menu(
        self, user: User, channel: Channel, name: str, target: dict | User
    ) -> Interaction:
        """Run a command from a message's or person's menu; the bot gets a message of any author."""
        data = self.registered.menu(channel, user, name, target)
        return self.interactions.send(COMMAND, channel, user, data)

    async def press(self, user: User, channel: Channel, message: dict, label: str) -> Interaction:
        """Press a button of a message; one from elsewhere, as a changed client could claim."""
        found = [button for button in buttons(message) if button.get("label") == label]
        if not found:
            raise RefusedError(f"the message has no button {label!r}")
        return await self.press_id(user, channel, message, found[0]["custom_id"])

    async def press_id(
        self, user: User, channel: Channel, message: dict, custom_id: str
    ) -> Interaction:
        """Press the button with that custom_id."""
        found = [button for button in buttons(message) if button.get("custom_id") == custom_id]
        if not found or found[0].get("disabled"):
            raise RefusedError(f"the message has no button {custom_id!r} that can be pressed")
        data = {"custom_id": custom_id, "component_type": BUTTON, "id": found[0]["id"]}
        return self.interactions.send(COMPONENT, channel, user, data, message)

    async def select(
        self,
        user: User,
        channel: Channel,
        message: dict,
        custom_id: str,
        *values: str | User | Role | Channel,
    ) -> Interaction:
        """Choose in a select menu of a message: texts, people, roles or channels."""
        part = by_custom_id(message, custom_id)
        if not part["min_values"] <= len(values) <= part["max_values"]:
            raise RefusedError(f"{custom_id} takes {part['min_values']} to {part['max_values']}")
        if part["type"] == STRING_SELECT:
            offered = [option["value"] for option in part["options"]]
            if not set(values) <= set(offered):
                raise RefusedError(f"{custom_id} offers {offered}")
        resolved = Resolved(channel, user)
        data = {
            "custom_id": custom_id,
            "component_type": part["type"],
            "id": part["id"],
            "values": [resolved.add(value) for value in values],
            "resolved": resolved.data,
        }
        return self.interactions.send(COMPONENT, channel, user, data, message)

    async def submit(
        self,
        user: User,
        channel: Channel,
        modal: dict,
        text: str | dict[str, object],
        *,
        source: dict | None = None,
    ) -> Interaction:
        """Submit a modal with ``text`` in its first field, or with a value for each custom_id.

        A field without a value has what the modal fills in. A select takes a tuple. ``source`` is
        the message whose button opened the modal.
        """
        labels = [label for label in modal["components"] if "component" in label]
        first = labels[0]["component"]["custom_id"]
        values = {first: text} if isinstance(text, str) else text
        resolved = Resolved(channel, user)
        fields = [_field(label["component"], values, resolved) for label in labels]
        components = [
            {"type": 18, "id": 2 * i + 1, "component": {**field, "id": 2 * i + 2}}
            for i, field in enumerate(fields)
        ]
        data = {
            "custom_id": modal["custom_id"],
            "components": components,
            "resolved": resolved.data,
        }
        return self.interactions.send(MODAL, channel, user, data, source)

    async def say(
        self,
        user: User,
        channel: Channel,
        content: str = "",
        *,
        reply_to: dict | None = None,
        files: tuple[tuple[str, bytes], ...] = (),
        ping: bool = True,
    ) -> dict:
        """Write a message; a reply pings. The bot can read it only if it is mentioned."""
        message, event = self.world.messages.written(channel, user, content, reply_to, files, ping)
        self.world.emit("MESSAGE_CREATE", event, channel.guild_id)
        return message

    async def react(self, user: User, channel: Channel, message: dict, emoji: str) -> None:
        """React to a message."""
        self.reactions.add(user, channel, message, emoji)

    async def unreact(self, user: User, channel: Channel, message: dict, emoji: str) -> None:
        """Take a reaction back."""
        self.reactions.remove(user, channel, message, emoji)

    async def delete(self, channel: Channel, message: dict) -> None:
        """Delete a message, as its author or a moderator."""
        self.world.delete_message(channel, message["id"])


def _field(component: dict, values: dict, resolved: Resolved) -> dict:
    """A modal's field, filled in."""
    kind, custom_id = component["type"], component["custom_id"]
    filled = {"type": kind, "custom_id": custom_id}
    if kind in SELECTS or kind in (19, 22):  # selects, uploads and groups of checkboxes
        chosen = values.get(custom_id)
        if chosen is None:
            chosen = tuple(
                option["value"]
                for option in component.get("options") or []
                if option.get("default")
            )
        return filled | {"values": [resolved.add(value) for value in chosen]}
    value = values.get(custom_id, component.get("value") or "")
    low, high = component.get("min_length") or 0, component.get("max_length") or 4000
    if kind == 4 and not low <= len(value) <= high:
        raise RefusedError(f"{custom_id} takes {low} to {high} characters")
    return filled | {"value": value}
