"""The REST routes that the bot uses; others are refused and recorded in ``unknown``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.e2e.standin import checks, errors
from tests.e2e.standin.errors import ApiError, invalid
from tests.e2e.standin.faults import Buckets, Fault
from tests.e2e.standin.interactions import Interactions
from tests.e2e.standin.world import World

NONCE_SECONDS = 300.0


@dataclass
class Recorded:
    """One request, and its answer."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    payload: Any = None
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    status: int = 0
    answer: object = None


class Rest:
    def __init__(self, world: World, interactions: Interactions, token: str):
        self.world, self.interactions, self.token = world, interactions, token
        self.requests: list[Recorded] = []
        self.faults: list[Fault] = []
        self.buckets = Buckets()
        self.max_file = 10 * 1024 * 1024
        self.commands: list[dict] = []
        self.unknown: list[str] = []
        self.gateway_url = ""
        self.away = False  # an outage: all connections are cut
        self._nonces: dict[tuple[str, str], tuple[float, str]] = {}
        self._routes: list[tuple[str, str, Callable[..., object]]] = [
            ("GET", r"/users/@me", self.me),
            ("GET", r"/oauth2/applications/@me", self.application),
            ("GET", r"/gateway/bot", self.gateway),
            ("GET", r"/users/(\d+)", self.user),
            ("POST", r"/users/@me/channels", self.direct),
            ("PUT", r"/applications/(\d+)/commands", self.sync),
            ("POST", r"/interactions/(\d+)/([\w-]+)/callback", self.answer),
            ("POST", r"/webhooks/(\d+)/([\w-]+)", self.follow_up),
            ("PATCH", r"/webhooks/(\d+)/([\w-]+)/messages/@original", self.edit_original),
            ("GET", r"/webhooks/(\d+)/([\w-]+)/messages/@original", self.get_original),
            ("POST", r"/channels/(\d+)/messages", self.post),
            ("GET", r"/channels/(\d+)/messages", self.history),
            ("PATCH", r"/channels/(\d+)/messages/(\d+)", self.edit),
            ("DELETE", r"/channels/(\d+)/messages/(\d+)", self.delete),
        ]

    def forget_nonces(self) -> None:
        """As if the minutes for which Discord remembers a nonce had passed."""
        self._nonces.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        recorded = Recorded(
            self.world.clock.now(),
            request.method,
            request.path,
            dict(request.query),
            dict(request.headers),
        )
        self.requests.append(recorded)
        try:
            await self._read(request, recorded)
            fault = next((fault for fault in self.faults if fault.takes(request)), None)
            if fault is not None and not fault.done:
                response: web.StreamResponse = fault.response(request)
            else:
                response = self._handle(request, recorded)
                if fault is not None:
                    response = fault.response(request)
        except ApiError as error:
            response = error.response()
        recorded.status = response.status
        return response

    def _handle(self, request: web.Request, recorded: Recorded) -> web.Response:
        path = request.path.removeprefix("/api/v10")
        webhook = path.startswith(("/interactions/", "/webhooks/"))
        if not webhook and request.headers.get("Authorization") != f"Bot {self.token}":
            raise ApiError(*errors.UNAUTHORIZED)
        for method, pattern, handler in self._routes:
            found = re.fullmatch(pattern, path)
            if found is None or method != request.method:
                continue
            headers: dict[str, str] = {}
            refusal = None
            if path.startswith("/channels/"):
                headers, refusal = self.buckets.take((method, pattern, found[1]))
            if refusal is not None:
                return refusal
            recorded.answer = handler(recorded, *found.groups())
            if recorded.answer is None:
                return web.Response(status=204, headers=headers)
            return errors.answer(recorded.answer, headers=headers)
        self.unknown.append(f"{request.method} {path}")
        raise ApiError(404, 0, "404: Not Found")

    async def _read(self, request: web.Request, recorded: Recorded) -> None:
        if request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                assert isinstance(part, BodyPartReader)
                if part.name == "payload_json":
                    recorded.payload = json.loads(await part.text())
                else:
                    data = bytes(await part.read(decode=False))
                    recorded.files[str(part.name)] = (str(part.filename), data)
            if any(len(data) > self.max_file for _, data in recorded.files.values()):
                raise ApiError(*errors.TOO_LARGE)
        elif request.can_read_body:
            if request.headers.get("Content-Type") != "application/json":
                raise invalid("Content-Type must be application/json")
            recorded.payload = json.loads(await request.read())

    # The routes.

    def me(self, recorded):
        return self.world.bot_user

    def application(self, recorded):
        owner = {"id": "1", "username": "owner", "discriminator": "0", "avatar": None}
        return {
            "id": self.world.application_id,
            "name": "imagine",
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "summary": "",
            "verify_key": "",
            "team": None,
            "flags": 0,
            "owner": owner,
            "rpc_origins": [],
            "hook": True,
            "integration_types_config": {},
        }

    def gateway(self, recorded):
        return {
            "url": self.gateway_url,
            "shards": 1,
            "session_start_limit": {
                "total": 1000,
                "remaining": 999,
                "reset_after": 14400000,
                "max_concurrency": 1,
            },
        }

    def user(self, recorded, user_id):
        user = self.world.users.get(user_id)
        if user is None:
            raise ApiError(*errors.UNKNOWN_USER)
        return user.payload()

    def direct(self, recorded):
        channel = self.world.direct(str(recorded.payload["recipient_id"]))
        recipient = self.world.users[str(channel.recipient)]
        return {**channel.payload(), "recipients": [recipient.payload()]}

    def sync(self, recorded, application_id):
        checks.check_commands(recorded.payload)
        self.commands = [
            {
                "description": "",
                **command,
                "id": self.world.clock.snowflake(),
                "version": "1",
                "application_id": application_id,
                "type": command.get("type", 1),
                "default_member_permissions": None,
            }
            for command in recorded.payload
        ]
        return self.commands

    def answer(self, recorded, interaction_id, token):
        interaction = self.interactions.for_answer(interaction_id, token)
        body = recorded.payload
        kind, data = body["type"], body.get("data") or {}
        if kind == 4:
            checks.check_message(data, recorded.files)
            interaction.message = self._response(interaction, data, recorded.files)
        elif kind == 5:
            interaction.message = self._response(interaction, data, {})
        elif kind == 6:
            interaction.message = interaction.source
        elif kind == 9:
            checks.check_modal(data)
        elif kind != 8:
            raise invalid(f"callback type {kind}")
        interaction.answer = body
        interaction.acknowledged.set()
        if recorded.query.get("with_response") != "1":
            return None
        answer = {"interaction": {"id": interaction.id, "type": interaction.kind}}
        if kind in (4, 5):
            answer["interaction"]["response_message_id"] = interaction.message["id"]
            answer["resource"] = {"type": kind, "message": interaction.message}
        return answer

    def _response(self, interaction, data, files):
        """A response message; an ephemeral one is not in the channel's list."""
        ephemeral = bool(data.get("flags", 0) & 64)
        message = self.world.new_message(interaction.channel, data, files, ephemeral=ephemeral)
        if ephemeral:
            del interaction.channel.messages[message["id"]]
        return message

    def follow_up(self, recorded, application_id, token):
        interaction = self.interactions.for_followup(token)
        checks.check_message(recorded.payload, recorded.files)
        message = self._response(interaction, recorded.payload, recorded.files)
        interaction.followups.append(message)
        interaction.edited.set()
        return message

    def edit_original(self, recorded, application_id, token):
        interaction = self.interactions.for_followup(token)
        checks.check_message(recorded.payload, recorded.files, editing=True)
        self.world.change_message(
            interaction.channel, interaction.message, recorded.payload, recorded.files
        )
        interaction.edited.set()
        return interaction.message

    def get_original(self, recorded, application_id, token):
        return self.interactions.for_followup(token).message

    def _check_view(self, channel):
        if not channel.bot_permissions.view_channel:
            raise ApiError(*errors.MISSING_ACCESS)

    def _check_post(self, channel, files):
        permissions = channel.bot_permissions
        self._check_view(channel)
        if not permissions.send_messages or (files and not permissions.attach_files):
            raise ApiError(*errors.MISSING_PERMISSIONS)
        if channel.recipient and not self.world.users[channel.recipient].takes_dms:
            raise ApiError(*errors.CANNOT_DM)

    def post(self, recorded, channel_id):
        channel, payload = self.world.channel(channel_id), recorded.payload
        self._check_post(channel, recorded.files)
        checks.check_message(payload, recorded.files)
        nonce = payload.get("nonce")
        now = self.world.clock.now()
        if nonce is not None and payload.get("enforce_nonce"):
            at, message_id = self._nonces.get((channel_id, nonce), (0.0, ""))
            if now - at < NONCE_SECONDS and message_id in channel.messages:
                return channel.messages[message_id]
        message = self.world.new_message(channel, payload, recorded.files)
        if nonce is not None:
            self._nonces[channel_id, nonce] = (now, message["id"])
        return message

    def history(self, recorded, channel_id):
        channel = self.world.channel(channel_id)
        self._check_view(channel)
        if not channel.bot_permissions.read_message_history:
            return []
        newest = sorted(channel.messages.values(), key=lambda message: -int(message["id"]))
        before = recorded.query.get("before")
        if before is not None:
            newest = [message for message in newest if int(message["id"]) < int(before)]
        return newest[: int(recorded.query.get("limit", 50))]

    def edit(self, recorded, channel_id, message_id):
        channel = self.world.channel(channel_id)
        self._check_view(channel)
        message = self.world.message(channel_id, message_id)
        if message["author"]["id"] != self.world.application_id:
            raise ApiError(*errors.NOT_THE_AUTHOR)
        checks.check_message(recorded.payload, recorded.files, editing=True)
        return self.world.change_message(channel, message, recorded.payload, recorded.files)

    def delete(self, recorded, channel_id, message_id):
        self.world.message(channel_id, message_id)
        del self.world.channel(channel_id).messages[message_id]
