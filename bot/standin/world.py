"""All servers, channels and people; what changes is sent to the bot as events."""

from __future__ import annotations

import time
from collections.abc import Callable

import discord

from bot.standin.channels import DIRECT, PUBLIC_THREAD, TEXT, Channel
from bot.standin.clock import Clock
from bot.standin.errors import (
    MISSING_ACCESS,
    UNKNOWN_CHANNEL,
    UNKNOWN_GUILD,
    UNKNOWN_MESSAGE,
    UNKNOWN_USER,
    ApiError,
)
from bot.standin.guilds import MEMBER, Guild, Role, User
from bot.standin.messages import Messages


def shard_of(guild_id: str | None, shards: int) -> int:
    """The shard that events of a server, or of direct messages (None), come to."""
    return 0 if guild_id is None else (int(guild_id) >> 22) % shards


class World:
    """Starts with one server, :attr:`guild`. ``emit`` sends an event: name, data, guild id."""

    def __init__(self, clock: Clock):
        self.clock = clock
        self.application_id = clock.snowflake()
        self.bot = User(self.application_id, "imagine", bot=True)
        self.host = User(clock.snowflake(), "host")
        self.users: dict[str, User] = {self.host.id: self.host, self.bot.id: self.bot}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.messages = Messages(clock, self.bot)
        self.emit: Callable[[str, dict, str | None], None] = lambda name, data, guild_id: None
        self.guild = self.add_guild("Studio")

    @property
    def guild_id(self) -> str:
        return self.guild.id

    @property
    def bot_user(self) -> dict:
        """The bot, as it sees itself."""
        return self.bot.payload() | {
            "verified": True,
            "mfa_enabled": False,
            "email": None,
            "locale": "en-US",
        }

    @property
    def blobs(self) -> dict[str, bytes]:
        """The files of the media host, by path."""
        return self.messages.blobs

    # What tests add.

    def add_guild(self, name: str, shard: int = 0, shards: int = 1) -> Guild:
        """Add a server whose events come to a shard."""
        guild_id = self.clock.snowflake()
        while shard_of(guild_id, shards) != shard:
            time.sleep(0.001)
            guild_id = self.clock.snowflake()
        everyone = Role(guild_id, guild_id, "@everyone", MEMBER, 0)
        owner = self.add_user(f"owner of {name}")
        guild = Guild(guild_id, name, owner, [everyone], self.clock.stamp())
        self.guilds[guild_id] = guild
        self.emit("GUILD_CREATE", self.guild_created(guild), guild_id)
        return guild

    def add_role(
        self,
        name: str,
        permissions: discord.Permissions = MEMBER,
        *,
        position: int = 1,
        guild: Guild | None = None,
    ) -> Role:
        guild = guild or self.guild
        role = Role(self.clock.snowflake(), guild.id, name, permissions, position)
        guild.roles.append(role)
        self.emit("GUILD_ROLE_CREATE", {"guild_id": guild.id, "role": role.payload()}, guild.id)
        return role

    def add_user(self, name: str, *roles: Role) -> User:
        user = User(self.clock.snowflake(), name, list(roles))
        self.users[user.id] = user
        return user

    def add_channel(
        self,
        name: str,
        kind: int = TEXT,
        *,
        guild: Guild | None = None,
        parent: Channel | None = None,
        nsfw: bool = False,
    ) -> Channel:
        guild = guild or self.guild
        channel = Channel(self.clock.snowflake(), name, guild, self.bot, kind, parent, nsfw)
        return self._added(channel)

    def add_thread(self, parent: Channel, name: str, kind: int = PUBLIC_THREAD) -> Channel:
        """A thread in a channel, or a post in a forum."""
        thread = Channel(self.clock.snowflake(), name, parent.guild, self.bot, kind, parent)
        return self._added(thread)

    def _added(self, channel: Channel) -> Channel:
        self.channels[channel.id] = channel
        name = "THREAD_CREATE" if channel.is_thread else "CHANNEL_CREATE"
        self.emit(name, channel.payload(), channel.guild_id)
        return channel

    def changed(self, channel: Channel) -> None:
        """Send the event for a channel's new settings or permissions."""
        name = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self.emit(name, channel.payload(), channel.guild_id)

    def upload(self, channel: Channel, name: str, data: bytes) -> dict:
        """A person's attachment, as interactions have it in an option."""
        return self.messages.upload(channel, name, data)

    # What requests ask for.

    def channel(self, channel_id: str) -> Channel:
        channel = self.channels.get(channel_id)
        if channel is None or channel.deleted:
            raise ApiError(*UNKNOWN_CHANNEL)
        if channel.guild is not None and channel.guild.kicked:
            raise ApiError(*MISSING_ACCESS)
        return channel

    def message(self, channel_id: str, message_id: str) -> dict:
        message = self.channel(channel_id).messages.get(message_id)
        if message is None:
            raise ApiError(*UNKNOWN_MESSAGE)
        return message

    def user(self, user_id: str) -> User:
        if user_id not in self.users:
            raise ApiError(*UNKNOWN_USER)
        return self.users[user_id]

    def joined_guild(self, guild_id: str) -> Guild:
        guild = self.guilds.get(guild_id)
        if guild is None or guild.kicked:
            raise ApiError(*UNKNOWN_GUILD)
        return guild

    def direct(self, user_id: str) -> Channel:
        """The direct messages of the bot and a person."""
        user = self.user(user_id)
        for channel in self.channels.values():
            if channel.recipient == user.id:
                return channel
        channel = Channel(self.clock.snowflake(), "dm", None, self.bot, DIRECT, recipient=user.id)
        self.channels[channel.id] = channel
        return channel

    # Messages that appear, change or disappear, with their events.

    def delete_message(self, channel: Channel, message_id: str) -> None:
        del channel.messages[message_id]
        event = {"id": message_id, "channel_id": channel.id}
        if channel.guild_id is not None:
            event["guild_id"] = channel.guild_id
        self.emit("MESSAGE_DELETE", event, channel.guild_id)

    def post(self, channel: Channel, payload: dict, files: dict) -> dict:
        """Post a message of the bot, who sees it in an event like everybody."""
        message = self.messages.answer(channel, payload, files)
        if message["id"] in channel.messages:
            self.emit("MESSAGE_CREATE", self._event(channel, message), channel.guild_id)
        return message

    def edit(self, channel: Channel, message: dict, payload: dict, files: dict) -> dict:
        self.messages.change(channel, message, payload, files)
        if message["id"] in channel.messages:
            self.emit("MESSAGE_UPDATE", self._event(channel, message), channel.guild_id)
        return message

    def _event(self, channel: Channel, message: dict) -> dict:
        event = self.messages.event(channel, message)
        if channel.guild is not None:
            event["member"] = channel.guild.member(self.bot)
        return event

    # Servers as events have them.

    def guild_created(self, guild: Guild) -> dict:
        """A server that the bot has joined; discord.py tells it by the missing ``unavailable``."""
        channels = [
            channel
            for channel in self.channels.values()
            if channel.guild is guild and not channel.deleted
        ]
        return guild.payload() | {
            "joined_at": guild.joined_at,
            "large": False,
            "member_count": len(self.users),
            "voice_states": [],
            "members": [guild.member(self.bot) | {"user": self.bot.payload()}],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "channels": [channel.payload() for channel in channels if not channel.is_thread],
            "threads": [
                channel.payload()
                for channel in channels
                if channel.is_thread and not channel.archived
            ],
        }
