"""Interactions: their limits of 3 seconds and 15 minutes, and their answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.standin.errors import (
    ALREADY_ACKNOWLEDGED,
    INVALID_WEBHOOK_TOKEN,
    UNKNOWN_INTERACTION,
    ApiError,
)
from tests.e2e.standin.world import Channel, User, World

ANSWER_SECONDS, TOKEN_SECONDS = 3.0, 15 * 60.0
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5


@dataclass
class Interaction:
    id: str
    token: str
    kind: int
    channel: Channel
    user: User
    created: float
    source: dict | None = None
    answer: dict | None = None  # the callback's body
    answered_after: float | None = None  # seconds by Discord's clock
    message: Any = None  # the original response
    followups: list[dict] = field(default_factory=list)
    edited: asyncio.Event = field(default_factory=asyncio.Event)
    acknowledged: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ephemeral(self) -> bool:
        return bool(self.message and self.message["flags"] & 64)

    @property
    def content(self) -> str:
        """What the person reads: the last followup, or the original response."""
        message = self.followups[-1] if self.followups else self.message
        return message["content"] if message else ""

    @property
    def modal(self) -> dict | None:
        return self.answer["data"] if self.answer and self.answer["type"] == 9 else None


class Interactions:
    def __init__(self, world: World):
        self.world = world
        self.by_token: dict[str, Interaction] = {}

    def create(
        self, kind: int, channel: Channel, user: User, data: dict, source: dict | None = None
    ) -> tuple[Interaction, dict]:
        """A new interaction, and its event."""
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
            "locale": "en-US",
            "entitlements": [],
            "app_permissions": str(channel.bot_permissions.value),
            "authorizing_integration_owners": {"0": channel.guild_id or "0"},
            "context": 0 if channel.guild_id else 1,
            "attachment_size_limit": 10485760,
        }
        if channel.guild_id is None:
            event["user"] = user.payload()
        else:
            event |= {
                "guild_id": channel.guild_id,
                "guild_locale": "en-US",
                "guild": {"id": channel.guild_id, "locale": "en-US", "features": []},
                "member": {
                    "user": user.payload(),
                    "roles": [],
                    "deaf": False,
                    "mute": False,
                    "joined_at": world.clock.stamp(),
                    "flags": 0,
                    "pending": False,
                    "permissions": str(user.permissions.value),
                },
            }
        if source is not None:
            event["message"] = source
        return interaction, event

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
            raise ApiError(404, 10008, "Unknown Message")
        return interaction
