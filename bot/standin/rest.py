"""The HTTP API: reads and records requests, and answers them by the routes or with faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from aiohttp import BodyPartReader, web

from bot.standin import errors
from bot.standin.commands import Commands
from bot.standin.errors import ApiError, invalid
from bot.standin.faults import Buckets, Fault
from bot.standin.gateway import Gateway
from bot.standin.interactions import Interactions
from bot.standin.recorded import Recorded
from bot.standin.routes import Route
from bot.standin.routes.application import ApplicationRoutes
from bot.standin.routes.interactions import InteractionRoutes
from bot.standin.routes.messages import MessageRoutes
from bot.standin.world import World

_FILE_BYTES = 10 * 1024 * 1024


class Rest:
    """Routes that the stand-in does not have are refused, and recorded in ``unknown``."""

    def __init__(
        self, world: World, interactions: Interactions, gateway: Gateway, records: bool = True
    ):
        self.world, self.token = world, gateway.token
        self.requests: list[Recorded] = []
        self.records = records
        self.watchers: list[Callable[[], None]] = []  # called after each request
        self.faults: list[Fault] = []
        self.buckets = Buckets()
        self.max_file = _FILE_BYTES
        self.registered = Commands()
        self.unknown: list[str] = []
        self.away = False  # an outage: all connections are cut
        self._messages = MessageRoutes(world)
        self._routes: list[Route] = [
            *ApplicationRoutes(world, self.registered, gateway).routes,
            *InteractionRoutes(world, interactions).routes,
            *self._messages.routes,
        ]

    @property
    def commands(self) -> list[dict]:
        """The commands that are registered everywhere."""
        return self.registered.everywhere

    def forget_nonces(self) -> None:
        """As if the minutes for which Discord remembers a nonce had passed."""
        self._messages.nonces.clear()

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
        if self.records:
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
        for watcher in self.watchers:
            watcher()
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
        if not request.can_read_body:
            return
        recorded.content_type = request.content_type
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
        else:
            if request.headers.get("Content-Type") != "application/json":
                raise invalid("Content-Type must be application/json")
            recorded.payload = json.loads(await request.read())
