"""Answers to interactions: callbacks, and the webhook of their token."""

from __future__ import annotations

from typing import Any

from bot.standin import checks, errors
from bot.standin.errors import ApiError
from bot.standin.interactions import (
    ANSWER,
    CHOICES,
    DEFER,
    DEFER_UPDATE,
    OPEN_MODAL,
    UPDATE,
    Interaction,
    Interactions,
)
from bot.standin.messages import EPHEMERAL
from bot.standin.recorded import Recorded
from bot.standin.routes import Route
from bot.standin.world import World

_LOADING = 128
_WEBHOOK = r"/webhooks/(\d+)/([\w-]+)"
_WEBHOOK_MESSAGE = rf"{_WEBHOOK}/messages/(@original|\d+)"


class InteractionRoutes:
    """The routes of an interaction's callback and token."""

    def __init__(self, world: World, interactions: Interactions):
        self.world, self.interactions = world, interactions
        self.routes: list[Route] = [
            ("POST", r"/interactions/(\d+)/([\w-]+)/callback", self.answer),
            ("POST", _WEBHOOK, self.follow_up),
            ("GET", _WEBHOOK_MESSAGE, self.get),
            ("PATCH", _WEBHOOK_MESSAGE, self.edit),
            ("DELETE", _WEBHOOK_MESSAGE, self.delete),
        ]

    def answer(self, recorded: Recorded, interaction_id: str, token: str) -> Any:
        interaction = self.interactions.for_answer(interaction_id, token)
        body = recorded.payload
        kind, data = body["type"], body.get("data") or {}
        interaction.check_callback(kind)
        if kind == ANSWER:
            checks.check_message(data, recorded.files)
            interaction.message = self.world.post(interaction.channel, data, recorded.files)
        elif kind == DEFER:
            flags = data.get("flags", 0) & EPHEMERAL | _LOADING
            interaction.message = self.world.post(interaction.channel, {"flags": flags}, {})
        elif kind in (DEFER_UPDATE, UPDATE):
            interaction.message = interaction.source
            if kind == UPDATE:
                self._change(interaction, interaction.original(), data, recorded.files)
        elif kind == CHOICES:
            checks.check_choices(data)
        elif kind == OPEN_MODAL:
            checks.check_modal(data)
        interaction.answer = body
        interaction.acknowledged.set()
        if recorded.query.get("with_response") != "1":
            return None
        return self._with_response(interaction, kind)

    def _with_response(self, interaction: Interaction, kind: int) -> Any:
        about = {"id": interaction.id, "type": interaction.kind}
        if kind not in (ANSWER, DEFER, UPDATE):
            return {"interaction": about}
        message = interaction.original()
        about |= {
            "response_message_id": message["id"],
            "response_message_loading": kind == DEFER,
            "response_message_ephemeral": interaction.ephemeral,
        }
        if kind == DEFER:
            return {"interaction": about}
        return {"interaction": about, "resource": {"type": kind, "message": message}}

    def _change(self, interaction: Interaction, message: dict, payload: dict, files: dict) -> None:
        checks.check_message(payload, files, message)
        self.world.edit(interaction.channel, message, payload, files)
        message["flags"] &= ~_LOADING
        interaction.edited.set()

    def follow_up(self, recorded: Recorded, application_id: str, token: str) -> Any:
        interaction = self.interactions.for_followup(token)
        checks.check_message(recorded.payload, recorded.files)
        if interaction.message is not None and interaction.message["flags"] & _LOADING:
            # Discord takes the first followup for the answer that was deferred.
            self._change(interaction, interaction.message, recorded.payload, recorded.files)
            return interaction.message
        message = self.world.post(interaction.channel, recorded.payload, recorded.files)
        interaction.followups.append(message)
        interaction.edited.set()
        return message

    def _message(self, interaction: Interaction, message_id: str) -> dict:
        if message_id == "@original":
            return interaction.original()
        for message in interaction.followups:
            if message["id"] == message_id:
                return message
        raise ApiError(*errors.UNKNOWN_MESSAGE)

    def get(self, recorded: Recorded, application_id: str, token: str, message_id: str) -> Any:
        return self._message(self.interactions.for_followup(token), message_id)

    def edit(self, recorded: Recorded, application_id: str, token: str, message_id: str) -> Any:
        interaction = self.interactions.for_followup(token)
        message = self._message(interaction, message_id)
        self._change(interaction, message, recorded.payload, recorded.files)
        return message

    def delete(self, recorded: Recorded, application_id: str, token: str, message_id: str) -> None:
        interaction = self.interactions.for_followup(token)
        message = self._message(interaction, message_id)
        if message["id"] in interaction.channel.messages:
            self.world.delete_message(interaction.channel, message["id"])
        self.interactions.forget(message)
