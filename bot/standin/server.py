"""The stand-in as tests use it: the server on loopback, what people do, faults, and results."""

from __future__ import annotations

import mimetypes
import re
from typing import Any

from aiohttp import web

from bot.standin.channels import Channel
from bot.standin.clock import Clock
from bot.standin.components import buttons
from bot.standin.faults import Fault
from bot.standin.gateway import Gateway
from bot.standin.guilds import Guild
from bot.standin.interactions import Interactions
from bot.standin.people import People
from bot.standin.recorded import Recorded
from bot.standin.rest import Rest
from bot.standin.world import World

# Not a secret; a token contains the application's id, here 123456789012345678.
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.for-tests"  # noqa: S105


class StandIn(People):
    """One server; channels and people are added to its ``world``.

    Without ``records`` it forgets the requests that it has answered.
    """

    def __init__(self, *, records: bool = True) -> None:
        self.clock = Clock()
        world = World(self.clock)
        interactions = Interactions(world)
        self.gateway = Gateway(world, TOKEN)
        self.rest = Rest(world, interactions, self.gateway, records)
        super().__init__(world, interactions, self.rest.registered)
        self.token = TOKEN
        self.fetched: list[str] = []  # paths requested from the media host
        self.redirects: dict[str, str] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_get("/{kind:attachments|ephemeral-attachments}/{tail:.*}", self.media)
        app.router.add_route("*", "/api/v10/{tail:.*}", self.rest.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.world.messages.media = self.url
        self.gateway.url = f"ws://127.0.0.1:{self.port}/gateway"

    async def stop(self) -> None:
        await self.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def media(self, request: web.Request) -> web.Response:
        """A file of the media host."""
        if self.rest.records:
            self.fetched.append(request.path)
        if request.path in self.redirects:
            raise web.HTTPFound(self.redirects[request.path])
        data = self.world.messages.blobs.get(request.path)
        if data is None:
            raise web.HTTPNotFound
        kind = mimetypes.guess_type(request.path)[0] or "application/octet-stream"
        return web.Response(body=data, content_type=kind)

    # Faults.

    async def kick(self, guild: Guild | None = None) -> None:
        """Kick the bot from a server."""
        guild = guild or self.world.guild
        guild.kicked = True
        self.world.emit("GUILD_DELETE", {"id": guild.id}, guild.id)

    async def invite(self, guild: Guild | None = None) -> None:
        """Invite the bot again."""
        guild = guild or self.world.guild
        guild.kicked = False
        self.world.emit("GUILD_CREATE", self.world.guild_created(guild), guild.id)

    async def go_away(self) -> None:
        """Make everything unreachable until :meth:`come_back`."""
        self.rest.away = self.gateway.away = True
        await self.gateway.drop()

    def come_back(self) -> None:
        """End the outage."""
        self.rest.away = self.gateway.away = False

    def fail(self, method: str, pattern: str, status: int, **more: Any) -> Fault:
        """Make requests fail; see :class:`Fault`."""
        fault = Fault(method, pattern, status, **more)
        self.rest.faults.append(fault)
        return fault

    # Results.

    def requests(self, method: str, pattern: str = "") -> list[Recorded]:
        return [
            request
            for request in self.rest.requests
            if request.method == method and re.search(pattern, request.path)
        ]

    def results(self, channel: Channel) -> list[dict]:
        """The posted pictures: messages with a Video button, oldest first."""
        return [
            message
            for message in channel.messages.values()
            if "Video" in [button["label"] for button in buttons(message)]
        ]
