"""Serves the page, what it shows as it changes, and what it asks people to do."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

from bot.preview.acts import Acts
from bot.preview.people import Place
from bot.preview.view import channels_of, commands_of, messages_of, place_of
from bot.standin import StandIn

_PAGE = Path(__file__).parent / "page"
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_MOST_BYTES = 64 * 1024 * 1024
_LOOK_SECONDS = 1.0  # for what changes without a request: an interaction that gets no answer
# The page's own files and pictures, and nothing else; what people attached runs nothing.
_POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
_POLICY_OF_FILES = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Serves the page on ``host`` and ``port`` (0: any) from :meth:`start` to :meth:`close`."""

    def __init__(self, standin: StandIn, place: Place, host: str, port: int) -> None:
        self._standin, self._place = standin, place
        self._acts = Acts(standin, place)
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None
        self._watching: set[asyncio.Event] = set()
        standin.rest.watchers.append(self._changed)

    async def start(self) -> None:
        """Start listening; raises OSError if the port is taken."""
        application = web.Application(client_max_size=_MOST_BYTES, middlewares=[self._guard])
        application.router.add_get("/live", self._live)
        application.router.add_post("/act", self._act)
        application.router.add_post("/upload", self._upload)
        application.router.add_get(
            "/{kind:attachments|ephemeral-attachments}/{tail:.*}", self._standin.media
        )
        for file in sorted(_PAGE.iterdir()):
            address = "/" if file.name == "index.html" else f"/{file.name}"
            application.router.add_get(address, _sends(file))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """The page's address once it listens."""
        assert self._runner is not None
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"

    def _changed(self) -> None:
        for event in self._watching:
            event.set()

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Refuse what other sites in the same browser send, and let the page load only itself."""
        origin = request.headers.get("Origin")
        if (origin is not None and origin != f"http://{request.host}") or (
            _is_loopback(self._host) and not _is_loopback(request.url.host or "")
        ):
            raise web.HTTPForbidden(text="This page can only be used from its own address.")
        response = await handler(request)
        if not response.prepared:
            attached = request.path.startswith(("/attachments/", "/ephemeral-attachments/"))
            response.headers["Content-Security-Policy"] = _POLICY_OF_FILES if attached else _POLICY
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Cache-Control"] = "no-store"
        return response

    async def _act(self, request: web.Request) -> web.Response:
        """Do what the page's JSON says."""
        try:
            asked = await request.json()
        except ValueError:
            raise web.HTTPBadRequest(text="Not JSON.") from None
        if not isinstance(asked, dict):
            raise web.HTTPBadRequest(text="Not an object.")
        done = await self._acts.do(asked)
        self._changed()
        return web.json_response(done)

    async def _upload(self, request: web.Request) -> web.Response:
        """Keep a file: its bytes are the body."""
        try:
            user = self._place.user(request.query["as"])
            channel = self._place.channel(user, request.query["channel"])
            name = Path(request.query["name"]).name
        except LookupError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        id = self._acts.upload(user, channel, name, await request.read())
        return web.json_response({"id": id})

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        """Send what a person sees in a channel, again whenever a part of it has changed.

        The page says who and where: {"as": id, "channel": id}; without, it is the first.
        """
        socket = web.WebSocketResponse(heartbeat=20.0)
        await socket.prepare(request)
        looks: dict[str, str] = {}
        changed = asyncio.Event()
        changed.set()
        self._watching.add(changed)
        sender = asyncio.create_task(self._send(socket, looks, changed))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    looks.update(json.loads(message.data))
                    changed.set()
        finally:
            self._watching.discard(changed)
            sender.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await sender
        return socket

    async def _send(
        self, socket: web.WebSocketResponse, looks: dict[str, str], changed: asyncio.Event
    ) -> None:
        sent: dict[str, str] = {}
        while not socket.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _LOOK_SECONDS)
            changed.clear()
            now = {name: json.dumps(part) for name, part in self._parts(looks).items()}
            new = {name: part for name, part in now.items() if sent.get(name) != part}
            if new:
                sent |= new
                # Files come from this server, whose address the page has.
                body = ",".join(f'"{name}":{part}' for name, part in new.items())
                await socket.send_str(f"{{{body}}}".replace(self._standin.url, ""))

    def _parts(self, looks: dict[str, str]) -> dict[str, Any]:
        place, standin = self._place, self._standin
        try:
            user = place.user(looks["as"])
        except LookupError:
            user = place.people[0].user
        try:
            channel = place.channel(user, looks["channel"])
        except LookupError:
            channel = place.channels(user)[0]
        return {
            "place": place_of(standin, place),
            "here": {"as": user.id, "channel": channel.id, "language": user.locale},
            "channels": channels_of(place, user),
            "commands": commands_of(standin, user, channel),
            "messages": messages_of(standin, user, channel),
        }


def _sends(file: Path) -> _Handler:
    data, kind = file.read_bytes(), _KINDS[file.suffix]

    async def send(request: web.Request) -> web.Response:
        return web.Response(body=data, content_type=kind, charset="utf-8")

    return send


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
