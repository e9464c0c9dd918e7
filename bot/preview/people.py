"""The server of the preview: its channels, and the people that the page can act as."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.guilds import MEMBER, User

_MODERATOR = MEMBER | discord.Permissions(manage_messages=True, manage_guild=True)
_HOST = MEMBER | discord.Permissions(administrator=True)


@dataclass(frozen=True)
class Person:
    """Somebody that the page can act as; ``about`` says what they can do here."""

    user: User
    about: str


class Place:
    """A server with two channels, and direct messages with the bot."""

    def __init__(self, standin: StandIn) -> None:
        self.world = world = standin.world
        world.add_channel("paintings")
        world.add_channel("moderation-log")
        world.add_channel("adults-only", nsfw=True)
        world.add_role("Painters")
        moderators = world.add_role("Moderators", _MODERATOR, position=2)
        hosts = world.add_role("Hosts", _HOST, position=3)
        world.host.roles.append(hosts)
        self.people = (
            Person(world.add_user("robin"), "a member"),
            Person(world.add_user("kim"), "another member"),
            Person(world.add_user("morgan", moderators), "a moderator"),
            Person(world.host, "the bot's host"),
        )

    def user(self, user_id: str) -> User:
        """Return the person with that id; raises LookupError."""
        for person in self.people:
            if person.user.id == user_id:
                return person.user
        raise LookupError(f"there is no person {user_id!r}")

    def channels(self, user: User) -> list[Channel]:
        """Return the channels that a person sees, direct messages last."""
        direct = self.world.direct(user.id)
        everyone = [channel for channel in self.world.channels.values() if channel.guild]
        return [*(channel for channel in everyone if not channel.deleted), direct]

    def channel(self, user: User, channel_id: str) -> Channel:
        """Return a channel that a person sees; raises LookupError."""
        for channel in self.channels(user):
            if channel.id == channel_id:
                return channel
        raise LookupError(f"there is no channel {channel_id!r}")
