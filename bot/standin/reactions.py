"""Reactions to messages: who reacted with what, and the events about it."""

from __future__ import annotations

from bot.standin.channels import Channel
from bot.standin.commands import RefusedError
from bot.standin.guilds import User
from bot.standin.world import World

MOST_KINDS = 20
"""Discord's limit for the kinds of one message."""


class Reactions:
    """Changes the reactions of messages, which have them as ``reactions``.

    ``people`` has who reacted to a message: by its id, then by emoji.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.people: dict[str, dict[str, list[User]]] = {}

    def add(self, user: User, channel: Channel, message: dict, emoji: str) -> None:
        """React with a Unicode emoji; once more changes nothing."""
        kinds = self.people.setdefault(message["id"], {})
        allowed = channel.permissions_of(user)
        if not allowed.read_message_history or (emoji not in kinds and not allowed.add_reactions):
            raise RefusedError("that needs Add Reactions")
        if emoji not in kinds and len(kinds) == MOST_KINDS:
            raise RefusedError(f"a message has at most {MOST_KINDS} kinds of reactions")
        people = kinds.setdefault(emoji, [])
        if user in people:
            return
        people.append(user)
        self._show(message, kinds)
        event = self._event(channel, message, emoji) | {
            "user_id": user.id,
            "message_author_id": message["author"]["id"],
            "burst_colors": [],
            "burst": False,
            "type": 0,
        }
        if channel.guild is not None:
            event["member"] = channel.guild.member(user) | {"user": user.payload()}
        self.world.emit("MESSAGE_REACTION_ADD", event, channel.guild_id)

    def remove(self, user: User, channel: Channel, message: dict, emoji: str) -> None:
        """Take the person's own reaction back."""
        kinds = self.people.get(message["id"], {})
        if user not in kinds.get(emoji, ()):
            raise RefusedError("there is no such reaction")
        kinds[emoji].remove(user)
        if not kinds[emoji]:
            del kinds[emoji]
        self._show(message, kinds)
        event = self._event(channel, message, emoji)
        event |= {"user_id": user.id, "burst": False, "type": 0}
        self.world.emit("MESSAGE_REACTION_REMOVE", event, channel.guild_id)

    def clear(self, user: User, channel: Channel, message: dict, emoji: str | None = None) -> None:
        """Take all reactions away, or all with one emoji, as a moderator."""
        if not channel.permissions_of(user).manage_messages:
            raise RefusedError("that needs Manage Messages")
        kinds = self.people.setdefault(message["id"], {})
        if emoji is None:
            kinds.clear()
        else:
            kinds.pop(emoji, None)
        self._show(message, kinds)
        name = "MESSAGE_REACTION_REMOVE_ALL" if emoji is None else "MESSAGE_REACTION_REMOVE_EMOJI"
        self.world.emit(name, self._event(channel, message, emoji), channel.guild_id)

    def _show(self, message: dict, kinds: dict[str, list[User]]) -> None:
        """Write the reactions into the message, as Discord returns it."""
        message["reactions"] = [
            {
                "emoji": {"id": None, "name": emoji},
                "count": len(people),
                "count_details": {"burst": 0, "normal": len(people)},
                "burst_colors": [],
                "me_burst": False,
                "me": self.world.bot in people,
            }
            for emoji, people in kinds.items()
        ]
        if not kinds:
            del message["reactions"]

    def _event(self, channel: Channel, message: dict, emoji: str | None) -> dict:
        event = {"channel_id": channel.id, "message_id": message["id"]}
        if channel.guild_id is not None:
            event["guild_id"] = channel.guild_id
        return event if emoji is None else event | {"emoji": {"id": None, "name": emoji}}
