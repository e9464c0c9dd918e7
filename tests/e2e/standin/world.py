"""Servers, channels, people and messages."""

from __future__ import annotations

from dataclasses import dataclass, field

import discord

from tests.e2e.standin.clock import Clock
from tests.e2e.standin.errors import (
    MISSING_ACCESS,
    UNKNOWN_CHANNEL,
    UNKNOWN_MESSAGE,
    UNKNOWN_USER,
    ApiError,
)

MEMBER = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    embed_links=True,
    read_message_history=True,
    use_application_commands=True,
)
MODERATOR = MEMBER | discord.Permissions(manage_messages=True)


@dataclass
class Channel:
    id: str
    name: str
    guild_id: str | None
    messages: dict[str, dict] = field(default_factory=dict)
    bot_permissions: discord.Permissions = MEMBER
    recipient: str | None = None
    deleted: bool = False

    def payload(self):
        if self.guild_id is None:
            return {"id": self.id, "type": 1, "recipients": [], "last_message_id": None}
        return {
            "id": self.id,
            "type": 0,
            "name": self.name,
            "position": 0,
            "guild_id": self.guild_id,
            "permission_overwrites": [],
            "nsfw": False,
            "topic": None,
            "parent_id": None,
            "rate_limit_per_user": 0,
            "last_message_id": None,
        }


@dataclass
class User:
    id: str
    name: str
    permissions: discord.Permissions = MEMBER
    takes_dms: bool = True

    def payload(self):
        return {
            "id": self.id,
            "username": self.name,
            "discriminator": "0",
            "avatar": None,
            "global_name": self.name.title(),
            "bot": False,
            "public_flags": 0,
        }


class World:
    def __init__(self, clock: Clock):
        self.clock = clock
        self.application_id = clock.snowflake()
        self.guild_id = clock.snowflake()
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, User] = {}
        self.blobs: dict[str, bytes] = {}  # path on the media host -> bytes
        self.media = ""
        self.kicked = False  # the bot is not a member of the server

    @property
    def bot_user(self):
        return {
            "id": self.application_id,
            "username": "imagine",
            "discriminator": "0001",
            "avatar": None,
            "bot": True,
            "global_name": None,
            "public_flags": 0,
            "verified": True,
            "mfa_enabled": False,
            "flags": 0,
            "email": None,
        }

    def add_channel(self, name: str) -> Channel:
        channel = Channel(self.clock.snowflake(), name, self.guild_id)
        self.channels[channel.id] = channel
        return channel

    def add_user(self, name: str, permissions=MEMBER) -> User:
        user = User(self.clock.snowflake(), name, permissions)
        self.users[user.id] = user
        return user

    def channel(self, channel_id: str) -> Channel:
        channel = self.channels.get(channel_id)
        if channel is None or channel.deleted:
            raise ApiError(*UNKNOWN_CHANNEL)
        if self.kicked and channel.guild_id is not None:
            raise ApiError(*MISSING_ACCESS)
        return channel

    def message(self, channel_id: str, message_id: str) -> dict:
        message = self.channel(channel_id).messages.get(message_id)
        if message is None:
            raise ApiError(*UNKNOWN_MESSAGE)
        return message

    def direct(self, user_id: str) -> Channel:
        if user_id not in self.users:
            raise ApiError(*UNKNOWN_USER)
        for channel in self.channels.values():
            if channel.recipient == user_id:
                return channel
        channel = Channel(self.clock.snowflake(), "dm", None, recipient=user_id)
        self.channels[channel.id] = channel
        return channel

    def guild_payload(self):
        everyone = {
            "id": self.guild_id,
            "name": "@everyone",
            "permissions": str(MEMBER.value),
            "position": 0,
            "color": 0,
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "flags": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        }
        me = {
            "user": self.bot_user,
            "roles": [],
            "joined_at": self.clock.stamp(),
            "deaf": False,
            "mute": False,
            "flags": 0,
        }
        return {
            "id": self.guild_id,
            "name": "Studio",
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "owner_id": self.clock.snowflake(),
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "roles": [everyone],
            "emojis": [],
            "features": [],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "vanity_url_code": None,
            "description": None,
            "banner": None,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "public_updates_channel_id": None,
            "nsfw_level": 0,
            "stickers": [],
            "premium_progress_bar_enabled": False,
            "safety_alerts_channel_id": None,
            "joined_at": self.clock.stamp(),
            "large": False,
            "unavailable": False,
            "member_count": 3,
            "voice_states": [],
            "members": [me],
            "threads": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "channels": [
                channel.payload()
                for channel in self.channels.values()
                if channel.guild_id is not None and not channel.deleted
            ],
        }

    def new_message(self, channel: Channel, payload: dict, files: dict, *, ephemeral=False) -> dict:
        message = {
            "id": self.clock.snowflake(),
            "channel_id": channel.id,
            "author": self.bot_user,
            "content": payload.get("content") or "",
            "timestamp": self.clock.stamp(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "pinned": False,
            "embeds": payload.get("embeds") or [],
            "type": 0,
            "components": payload.get("components") or [],
            "flags": payload.get("flags", 0) | (64 if ephemeral else 0),
        }
        if channel.guild_id is not None:
            message["guild_id"] = channel.guild_id
        if payload.get("nonce") is not None:
            message["nonce"] = payload["nonce"]
        self.attach(channel, message, payload, files)
        channel.messages[message["id"]] = message
        return message

    def person_message(
        self,
        channel: Channel,
        user: User,
        content: str,
        reply_to: dict | None,
        files: tuple[tuple[str, bytes], ...],
    ) -> tuple[dict, dict]:
        """A person's message, and its event for a bot without the privileged intent.

        A reply mentions the author of the message it replies to. If the bot is not mentioned, the
        event has no content.
        """
        message = self.new_message(
            channel, {"content": content}, {f"files[{i}]": file for i, file in enumerate(files)}
        )
        message["author"] = user.payload()
        mentioned = [self.bot_user] if f"<@{self.application_id}>" in content else []
        if reply_to is not None:
            message |= {
                "type": 19,
                "referenced_message": reply_to,
                "message_reference": {
                    "type": 0,
                    "channel_id": channel.id,
                    "message_id": reply_to["id"],
                },
            }
            if reply_to["author"] not in mentioned:
                mentioned.append(reply_to["author"])
        message["mentions"] = mentioned
        event = dict(message)
        if channel.guild_id is not None:
            event["member"] = {
                "roles": [],
                "joined_at": self.clock.stamp(),
                "deaf": False,
                "mute": False,
                "flags": 0,
                "pending": False,
            }
            if self.bot_user not in mentioned:
                event |= {"content": "", "attachments": [], "embeds": [], "components": []}
        return message, event

    def change_message(self, channel: Channel, message: dict, payload: dict, files: dict) -> dict:
        for key in ("content", "embeds", "components", "flags"):
            if key in payload:
                message[key] = (
                    payload[key] if payload[key] is not None else ("" if key == "content" else [])
                )
        message["edited_timestamp"] = self.clock.stamp()
        if "attachments" in payload or files:
            self.attach(channel, message, payload, files)
        return message

    def attach(self, channel: Channel, message: dict, payload: dict, files: dict) -> None:
        """Keep the attachments that the payload lists, and add the new ones."""
        listed = {str(item["id"]): item for item in payload.get("attachments") or []}
        kept = [old for old in message["attachments"] if old["id"] in listed]
        for field_name, (name, data) in files.items():
            index = field_name.removeprefix("files[").removesuffix("]")
            attachment_id = self.clock.snowflake()
            path = f"/attachments/{channel.id}/{attachment_id}/{name}"
            self.blobs[path] = data
            url = f"{self.media}{path}"
            kept.append(
                {
                    "id": attachment_id,
                    "size": len(data),
                    "url": url,
                    "proxy_url": url,
                    "filename": listed.get(index, {}).get("filename", name),
                }
            )
        message["attachments"] = kept

    def upload(self, channel: Channel, name: str, data: bytes) -> dict:
        """A person's attachment, as interactions have it in an option."""
        attachment_id = self.clock.snowflake()
        path = f"/ephemeral-attachments/{channel.id}/{attachment_id}/{name}"
        self.blobs[path] = data
        url = f"{self.media}{path}"
        return {
            "id": attachment_id,
            "size": len(data),
            "url": url,
            "proxy_url": url,
            "filename": name,
            "content_type": "image/png",
        }
