"""A stand-in for Discord, for single parts of the bot: channels that record or refuse messages.

SimCord does not lose answers, fail for a while or let a file be too large; these channels do.
"""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import discord

ME, ALICE, BOB = 1, 111, 222
_ids = itertools.count(1)


async def until(condition):
    """Let other tasks go on until ``condition()`` holds."""
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


def new_id(age=0.0):
    """Return a message id from ``age`` seconds ago."""
    moment = discord.utils.utcnow() - timedelta(seconds=age)
    return discord.utils.time_snowflake(moment) + next(_ids)


def refusal(status, code=0):
    """Return the error that discord.py raises for this answer from Discord."""
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(
        status, discord.DiscordServerError if status >= 500 else discord.HTTPException
    )
    response: Any = SimpleNamespace(status=status, reason="")
    return kind(response, {"code": code, "message": ""})


class Message:
    """A posted message and everything it was posted with; also used as a partial message."""

    def __init__(self, channel, id, author=ME, **parts):
        self.channel, self.id, self.author = channel, id, SimpleNamespace(id=author)
        self.edits = 0
        self.nonce, self.reference = parts.get("nonce"), parts.get("reference")
        self._take(parts)

    def _take(self, parts):
        self.content = parts.get("content")
        self.embeds = list(parts.get("embeds", ()))
        self.files = {
            file.filename: file.fp.read()
            for file in parts.get("files") or parts.get("attachments") or ()
        }
        self.allowed_mentions = parts.get("allowed_mentions")
        self.components = [] if parts.get("view") is None else parts["view"].children

    @property
    def jump_url(self):
        return f"https://discord.com/channels/{self.channel.guild_id}/{self.channel.id}/{self.id}"

    async def edit(self, **parts):
        await self.channel.answer("edit")
        if self not in self.channel.messages:
            raise refusal(404, 10008)
        self.edits += 1
        self._take(parts)

    async def delete(self):
        await self.channel.answer("delete")
        if self not in self.channel.messages:
            raise refusal(404, 10008)
        self.channel.messages.remove(self)


class Channel:
    """A channel. ``failures`` are raised one at a time, by ("send", "edit", "delete", "read").

    Those in ``lost`` are raised after the message has arrived.
    """

    def __init__(self, id=200, guild_id=100):
        self.id, self.guild_id = id, guild_id
        self.messages = []
        self.failures = []
        self.lost = []
        self.sends = 0

    async def answer(self, what):
        """Raise the next failure, if it is one of ``what``."""
        if self.failures and self.failures[0][0] == what:
            raise self.failures.pop(0)[1]

    async def send(self, content=None, **parts):
        self.sends += 1
        await self.answer("send")
        message = Message(self, new_id(), content=content, **parts)
        self.messages.append(message)
        if self.lost:
            raise self.lost.pop(0)
        return message

    def get_partial_message(self, id):
        return next((message for message in self.messages if message.id == id), Message(self, id))

    async def history(self, *, limit):
        await self.answer("read")
        for message in self.messages[::-1][:limit]:
            yield message


class User:
    """A user with a direct message channel."""

    def __init__(self, id):
        self.id = id
        self.direct = Channel(id * 10, None)

    async def create_dm(self):
        return self.direct

    async def send(self, content=None, **parts):
        return await self.direct.send(content, **parts)


class Client:
    """The client: channels and users by id, created on first use."""

    def __init__(self, *, file_limit=10_000_000):
        self.user = SimpleNamespace(id=ME)
        self.channels, self.users = {}, {}
        self.guild = SimpleNamespace(id=100, filesize_limit=file_limit)

    def get_partial_messageable(self, id, *, guild_id=None):
        return self.channels.setdefault(id, Channel(id, guild_id))

    def get_guild(self, id):
        return self.guild if id == self.guild.id else None

    def get_user(self, id):
        return self.users.get(id)

    async def fetch_user(self, id):
        return self.users.setdefault(id, User(id))
