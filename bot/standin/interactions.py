"""Interactions: their limits of 3 seconds and 15 minutes, and their answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.standin.channels import Channel
from bot.standin.components import walk
from bot.standin.errors import (
    ALREADY_ACKNOWLEDGED,
    INVALID_WEBHOOK_TOKEN,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    ApiError,
    invalid,
)
from bot.standin.guilds import User
from bot.standin.messages import EPHEMERAL
from bot.standin.world import World

ANSWER_SECONDS, TOKEN_SECONDS = 3.0, 15 * 60.0
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
ANSWER, DEFER, DEFER_UPDATE, UPDATE, CHOICES, OPEN_MODAL = 4, 5, 6, 7, 8, 9


@dataclass(eq=False)
class Interaction:
    """What a person did with the bot, and how it answered."""

    id: str
    token: str
    kind: int
    channel: Channel
    user: User
    created: float
    source: dict | None = None  # the message of the pressed component
    answer: dict | None = None  # the callback's body
    answered_after: float | None = None  # seconds by Discord's clock
    message: dict | None = None  # the original response
    followups: list[dict] = field(default_factory=list)
    edited: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ephemeral(self) -> bool:
        return bool(self.message and self.message["flags"] & EPHEMERAL)

    @property
    def content(self) -> str:
        """What the person reads: the last followup, or the original response."""
        message = self.followups[-1] if self.followups else self.message
        return message["content"] if message else ""

    @property
    def text(self) -> str:
        """All that the person reads: the content, and the texts of embeds and components."""
        message = self.followups[-1] if self.followups else self.message
        if message is None:
            return ""
        parts = [message["content"]]
        for embed in message["embeds"]:
            parts += [embed.get("title"), embed.get("description")]
            parts += [text for field in embed["fields"] for text in (field["name"], field["value"])]
        parts += [part.get("content") for part in walk(message["components"])]
        return "\n".join(part for part in parts if part)

    @property
    def modal(self) -> dict | None:
        return self.answer["data"] if self.answer and self.answer["type"] == OPEN_MODAL else None

    def original(self) -> dict:
        if self.message is None:
            raise ApiError(*UNKNOWN_MESSAGE)
        return self.message

    def check_callback(self, kind: int) -> None:
        """Raise ApiError if this kind of interaction cannot be answered so."""
        if kind == CHOICES:
            fits = self.kind == AUTOCOMPLETE
        elif kind in (DEFER_UPDATE, UPDATE):
            fits = self.source is not None
        elif kind == OPEN_MODAL:
            fits = self.kind in (COMMAND, COMPONENT)
        else:
            fits = kind in (ANSWER, DEFER) and self.kind != AUTOCOMPLETE
        if not fits:
            raise invalid(f"type: {kind} does not answer an interaction of type {self.kind}")


class Interactions:
    """All interactions, by their token."""

    def __init__(self, world: World):
        self.world = world
        self.by_token: dict[str, Interaction] = {}

    def send(
        self, kind: int, channel: Channel, user: User, data: dict, source: dict | None = None
    ) -> Interaction:
        """A new interaction; its event goes to the bot."""
        world, new_id = self.world, self.world.clock.snowflake()
        interaction = Interaction(
            new_id, f"token-{new_id}", kind, channel, user, world.clock.now(), source
        )
        self.by_token[interaction.token] = interaction
        event = {
            "id": new_id,
            "application_id": world.application_id,
            "type": kind,
            "data": data,
            "token": interaction.token,
            "version": 1,
            "channel_id": channel.id,
            "channel": channel.payload(),
            "locale": user.locale,
            "entitlements": [],
            "app_permissions": str(channel.bot_permissions.value),
            "authorizing_integration_owners": {"0": channel.guild_id or "0"},
            "context": 0 if channel.guild_id else 1,
            "attachment_size_limit": 10485760,
        }
        if channel.guild is None:
            event["user"] = user.payload()
        else:
            permissions = str(channel.permissions_of(user).value)
            event |= {
                "guild_id": channel.guild.id,
                "guild_locale": "en-US",
                "guild": {"id": channel.guild.id, "locale": "en-US", "features": []},
                "member": channel.guild.member(user)
                | {"user": user.payload(), "permissions": permissions},
            }
        if source is not None:
            event["message"] = source
        world.emit("INTERACTION_CREATE", event, channel.guild_id)
        return interaction

    def hidden(self, user: User, channel: Channel) -> list[dict]:
        """The messages in a channel that only this person sees."""
        found = {
            message["id"]: message
            for interaction in self.by_token.values()
            if interaction.user is user and interaction.channel is channel
            for message in (interaction.message, *interaction.followups)
            if message is not None and message["flags"] & EPHEMERAL
        }
        return list(found.values())

    def forget(self, message: dict) -> None:
        """Remove a message that was deleted from the interactions that it answered."""
        for interaction in self.by_token.values():
            if interaction.message is message:
                interaction.message = None
            if message in interaction.followups:
                interaction.followups.remove(message)

    def for_answer(self, interaction_id: str, token: str) -> Interaction:
        interaction = self.by_token.get(token)
        if interaction is None or interaction.id != interaction_id:
            raise ApiError(*UNKNOWN_INTERACTION)
        age = self.world.clock.now() - interaction.created
        if interaction.answer is not None:
            raise ApiError(*ALREADY_ACKNOWLEDGED)
        if age > ANSWER_SECONDS:
            raise ApiError(*UNKNOWN_INTERACTION)
        interaction.answered_after = age
        return interaction

    def for_followup(self, token: str) -> Interaction:
        interaction = self.by_token.get(token)
        if interaction is None:
            raise ApiError(404, 10015, "Unknown Webhook")
        if self.world.clock.now() - interaction.created > TOKEN_SECONDS:
            raise ApiError(*INVALID_WEBHOOK_TOKEN)
        if interaction.answer is None:
            raise ApiError(*UNKNOWN_MESSAGE)
        return interaction
