"""Messages in channels and threads."""

from __future__ import annotations

from typing import Any

from bot.standin import checks, errors
from bot.standin.channels import Channel
from bot.standin.errors import ApiError
from bot.standin.recorded import Recorded
from bot.standin.routes import Route
from bot.standin.world import World

NONCE_SECONDS = 300.0
_CHANNEL, _MESSAGE = r"/channels/(\d+)", r"/channels/(\d+)/messages/(\d+)"


class MessageRoutes:
    """The routes of channels and their messages."""

    def __init__(self, world: World):
        self.world = world
        self.nonces: dict[tuple[str, str], tuple[float, str]] = {}
        self.routes: list[Route] = [
            ("GET", _CHANNEL, self.channel),
            ("PATCH", _CHANNEL, self.change_thread),
            ("POST", rf"{_CHANNEL}/messages", self.post),
            ("GET", rf"{_CHANNEL}/messages", self.history),
            ("GET", _MESSAGE, self.get),
            ("PATCH", _MESSAGE, self.edit),
            ("DELETE", _MESSAGE, self.delete),
            ("POST", rf"{_CHANNEL}/messages/bulk-delete", self.delete_many),
        ]

    def _visible(self, channel_id: str) -> Channel:
        channel = self.world.channel(channel_id)
        if not channel.bot_permissions.view_channel:
            raise ApiError(*errors.MISSING_ACCESS)
        return channel

    def channel(self, recorded: Recorded, channel_id: str) -> Any:
        channel = self._visible(channel_id)
        if channel.recipient is None:
            return channel.payload()
        return channel.payload() | {"recipients": [self.world.user(channel.recipient).payload()]}

    def change_thread(self, recorded: Recorded, channel_id: str) -> Any:
        channel = self._visible(channel_id)
        if not channel.is_thread or (
            not channel.bot_permissions.manage_threads
            and (channel.locked or set(recorded.payload) - {"archived"})
        ):
            raise ApiError(*errors.MISSING_PERMISSIONS)
        for name in ("archived", "locked", "name"):
            setattr(channel, name, recorded.payload.get(name, getattr(channel, name)))
        self.world.changed(channel)
        return channel.payload()

    def _check_post(self, channel: Channel, files: dict) -> None:
        permissions = channel.bot_permissions
        if not channel.takes_messages:
            raise ApiError(*errors.NOT_A_TEXT_CHANNEL)
        if channel.archived and channel.locked and not permissions.manage_threads:
            raise ApiError(*errors.THREAD_ARCHIVED)
        may_send = (
            permissions.send_messages_in_threads if channel.is_thread else permissions.send_messages
        )
        if not may_send or (files and not permissions.attach_files):
            raise ApiError(*errors.MISSING_PERMISSIONS)
        if channel.recipient and not self.world.users[channel.recipient].takes_dms:
            raise ApiError(*errors.CANNOT_DM)

    def post(self, recorded: Recorded, channel_id: str) -> Any:
        channel, payload = self._visible(channel_id), recorded.payload
        self._check_post(channel, recorded.files)
        checks.check_message(payload, recorded.files)
        nonce = payload.get("nonce")
        now = self.world.clock.now()
        if nonce is not None and payload.get("enforce_nonce"):
            at, message_id = self.nonces.get((channel_id, nonce), (0.0, ""))
            if now - at < NONCE_SECONDS and message_id in channel.messages:
                return channel.messages[message_id]
        if channel.archived:  # a message takes a thread out of the archive
            channel.archived = False
            self.world.changed(channel)
        message = self.world.post(channel, payload, recorded.files)
        if nonce is not None:
            self.nonces[channel_id, nonce] = (now, message["id"])
        return message

    def history(self, recorded: Recorded, channel_id: str) -> Any:
        channel = self._visible(channel_id)
        if not channel.bot_permissions.read_message_history:
            return []
        newest = sorted(channel.messages.values(), key=lambda message: -int(message["id"]))
        before = recorded.query.get("before")
        if before is not None:
            newest = [message for message in newest if int(message["id"]) < int(before)]
        return newest[: int(recorded.query.get("limit", 50))]

    def get(self, recorded: Recorded, channel_id: str, message_id: str) -> Any:
        channel = self._visible(channel_id)
        if not channel.bot_permissions.read_message_history:
            raise ApiError(*errors.MISSING_PERMISSIONS)
        return self.world.message(channel_id, message_id)

    def edit(self, recorded: Recorded, channel_id: str, message_id: str) -> Any:
        channel = self._visible(channel_id)
        message = self.world.message(channel_id, message_id)
        if message["author"]["id"] != self.world.application_id:
            raise ApiError(*errors.NOT_THE_AUTHOR)
        if channel.archived:
            raise ApiError(*errors.THREAD_ARCHIVED)
        checks.check_message(recorded.payload, recorded.files, message)
        return self.world.edit(channel, message, recorded.payload, recorded.files)

    def delete(self, recorded: Recorded, channel_id: str, message_id: str) -> None:
        channel = self._visible(channel_id)
        message = self.world.message(channel_id, message_id)
        mine = message["author"]["id"] == self.world.application_id
        if not mine and not channel.bot_permissions.manage_messages:
            raise ApiError(*errors.MISSING_PERMISSIONS)
        self.world.delete_message(channel, message_id)

    def delete_many(self, recorded: Recorded, channel_id: str) -> None:
        channel = self._visible(channel_id)
        if not channel.bot_permissions.manage_messages:
            raise ApiError(*errors.MISSING_PERMISSIONS)
        for message_id in map(str, recorded.payload["messages"]):
            if message_id in channel.messages:
                self.world.delete_message(channel, message_id)
