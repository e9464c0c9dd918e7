"""A server of the stand-in, as stories use it: its owner, its channel, and what people do there."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.components import buttons
from bot.standin.guilds import MEMBER, Guild, User
from bot.standin.interactions import Interaction
from tests.e2e.conftest import BotProcess
from tests.e2e.jobs import rows


@dataclass
class Server:
    """A server with a channel, its owner, and what its members do there."""

    standin: StandIn
    bot: BotProcess
    guild: Guild
    channel: Channel

    @property
    def owner(self) -> User:
        return self.guild.owner

    def add_channel(self, name: str, **more) -> Channel:
        return self.standin.world.add_channel(name, guild=self.guild, **more)

    def add_role(self, name: str, permissions=MEMBER, position=1):
        return self.standin.world.add_role(name, permissions, position=position, guild=self.guild)

    async def answer(self, interaction: Interaction) -> str:
        """What the bot answers, once it has stopped thinking."""
        await self.bot.until(lambda: interaction.text, "the answer")
        return interaction.text

    async def run(self, user: User, path: str, *, where: Channel | None = None, **options) -> str:
        """Run a command; returns the answer."""
        asked = await self.standin.command(user, where or self.channel, path, **options)
        return await self.answer(asked)

    async def press(self, user: User, message: dict, label: str, where: Channel | None = None):
        return await self.standin.press(user, where or self.channel, message, label)

    async def fill_in(self, user: User, opened: Interaction, words: str) -> str:
        """Submit the modal that an interaction opened; returns the answer."""
        await self.bot.until(opened.acknowledged.is_set, "the modal")
        assert opened.modal is not None, opened.content
        filled = await self.standin.submit(
            user, opened.channel, opened.modal, words, source=opened.source
        )
        return await self.answer(filled)

    async def result(self, count: int = 1, where: Channel | None = None) -> dict:
        """The newest of ``count`` posted pictures."""
        place = where or self.channel
        found = await self.bot.until(
            lambda: (posted := self.standin.results(place))[count - 1 :] and posted, "the result"
        )
        return found[-1]

    def videos(self) -> list[dict]:
        """The posted time-lapses."""
        return [
            message
            for message in self.channel.messages.values()
            if any(file["filename"].endswith(".mp4") for file in message["attachments"])
        ]

    def states(self) -> list[str]:
        """The states of this server's jobs, oldest first."""
        sql = "SELECT state FROM jobs WHERE guild_id = ? ORDER BY sequence"
        return [row["state"] for row in rows(self.bot, sql, self.guild.id)]

    def jobs(self, user: User) -> list[dict]:
        """A person's requests in this server, oldest first."""
        sql = "SELECT request FROM jobs WHERE guild_id = ? AND person = ? ORDER BY created_at"
        return [json.loads(row["request"]) for row in rows(self.bot, sql, self.guild.id, user.id)]


def from_bot(channel: Channel) -> list[dict]:
    """The bot's messages in a channel."""
    return [message for message in channel.messages.values() if message["author"]["bot"]]


def by_label(message: dict, label: str) -> str:
    """The custom_id of a message's button."""
    [button] = [button for button in buttons(message) if button["label"] == label]
    return button["custom_id"]
