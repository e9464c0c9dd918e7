"""What the page asks people to do: one function for each kind of act, by its name."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from bot.preview.people import Place
from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.commands import RefusedError
from bot.standin.guilds import User
from bot.standin.interactions import ANSWER_SECONDS, Interaction

# What a value from the page names, unless it is a text, a number or a boolean.
_REFERENCES = ("user", "role", "channel", "attachment")
LANGUAGES = ("en-US", "de")


class Acts:
    """Does what the page sends; refuses what a client of Discord would not do."""

    def __init__(self, standin: StandIn, place: Place) -> None:
        self._standin, self._place = standin, place
        self._uploads: dict[str, dict[str, Any]] = {}
        self._acts = {
            "command": self._command,
            "complete": self._complete,
            "menu": self._menu,
            "press": self._press,
            "select": self._select,
            "submit": self._submit,
            "say": self._say,
            "react": self._react,
            "delete": self._delete,
            "speak": self._speak,
        }

    async def do(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do ``asked``: ``act``, who (``as``), the ``channel``, and what the act needs.

        Returns what the page shows at once: a ``modal``, ``choices``, or an ``error``.
        """
        try:
            act = self._acts[asked["act"]]
            user = self._place.user(asked["as"])
            channel = self._place.channel(user, asked["channel"])
            return await act(user, channel, asked)
        except (RefusedError, LookupError, TypeError, ValueError) as error:
            return {"error": str(error)}
        except TimeoutError:
            return {"error": "The bot did not answer in time."}

    def upload(self, user: User, channel: Channel, name: str, data: bytes) -> str:
        """Keep a file for the act that names it; returns its id."""
        self._place.channel(user, channel.id)
        attachment = self._standin.world.upload(channel, name, data)
        self._uploads[attachment["id"]] = attachment
        return str(attachment["id"])

    def _value(self, user: User, value: Any) -> Any:
        """The value of an option or a select: {"user": id} and the like are looked up."""
        if isinstance(value, list):
            return tuple(self._value(user, each) for each in value)
        if not isinstance(value, dict):
            return value
        [(kind, id)] = value.items()
        if kind not in _REFERENCES:
            raise ValueError(f"unknown kind of value {kind!r}")
        world = self._standin.world
        if kind == "user":
            return world.users[id]
        if kind == "role":
            return next(role for role in world.guild.roles if role.id == id)
        if kind == "channel":
            return self._place.channel(user, id)
        return self._uploads[id]

    def _values(self, user: User, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(user, value) for name, value in given.items()}

    def _message(self, user: User, channel: Channel, message_id: str) -> dict[str, Any]:
        """A message that this person sees."""
        if message_id in channel.messages:
            return channel.messages[message_id]
        for message in self._standin.interactions.hidden(user, channel):
            if message["id"] == message_id:
                return message
        raise LookupError("That message is gone.")

    async def _outcome(self, interaction: Interaction) -> dict[str, Any]:
        """The modal that the bot opens, if it does; its messages reach the page by themselves."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(interaction.acknowledged.wait(), ANSWER_SECONDS + 0.5)
        if interaction.modal is None:
            return {}
        return {"modal": interaction.modal, "interaction": interaction.token}

    async def _command(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        options = self._values(user, asked["options"])
        return await self._outcome(
            await self._standin.command(user, channel, asked["path"], **options)
        )

    async def _complete(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        others = self._values(user, asked["options"])
        return {
            "choices": await self._standin.choices(
                user, channel, asked["path"], asked["option"], asked["typed"], others
            )
        }

    async def _menu(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        target = self._message(user, channel, asked["message"])
        return await self._outcome(await self._standin.menu(user, channel, asked["name"], target))

    async def _press(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        message = self._message(user, channel, asked["message"])
        return await self._outcome(
            await self._standin.press_id(user, channel, message, asked["custom_id"])
        )

    async def _select(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        message = self._message(user, channel, asked["message"])
        values = self._value(user, asked["values"])
        return await self._outcome(
            await self._standin.select(user, channel, message, asked["custom_id"], *values)
        )

    async def _submit(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        opened = self._standin.interactions.by_token[asked["interaction"]]
        if opened.modal is None or opened.user is not user:
            raise RefusedError("there is no such modal")
        return await self._outcome(
            await self._standin.submit(
                user,
                opened.channel,
                opened.modal,
                self._values(user, asked["values"]),
                source=opened.source,
            )
        )

    async def _say(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        reply = asked.get("reply_to")
        blobs = self._standin.world.blobs
        attached = [self._uploads[id] for id in asked.get("files") or ()]
        files = tuple(
            (file["filename"], blobs[file["url"].removeprefix(self._standin.url)])
            for file in attached
        )
        if not asked["content"] and not files:
            raise RefusedError("write something, or attach a file")
        await self._standin.say(
            user,
            channel,
            asked["content"],
            reply_to=None if reply is None else self._message(user, channel, reply),
            files=files,
            ping=bool(asked.get("ping", True)),
        )
        return {}

    async def _react(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        """React with an emoji, or take that back."""
        message, emoji = channel.messages[asked["message"]], asked["emoji"]
        reacted = self._standin.reactions.people.get(message["id"], {}).get(emoji, ())
        change = self._standin.unreact if user in reacted else self._standin.react
        await change(user, channel, message, emoji)
        return {}

    async def _delete(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        message = channel.messages[asked["message"]]
        mine = message["author"]["id"] == user.id
        if not mine and (channel.guild is None or not channel.permissions_of(user).manage_messages):
            raise RefusedError("that needs Manage Messages")
        await self._standin.delete(channel, message)
        return {}

    async def _speak(self, user: User, channel: Channel, asked: Mapping[str, Any]) -> dict:
        """Set the language of a person's Discord."""
        if asked["language"] not in LANGUAGES:
            raise ValueError(f"the page has {', '.join(LANGUAGES)}")
        user.locale = asked["language"]
        return {}
