"""The gateway: identify, heartbeat, events, resume."""

from __future__ import annotations

import asyncio
import json

from aiohttp import WSMsgType, web

from tests.e2e.standin.world import World

PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)  # members, presences, message content


class Gateway:
    def __init__(self, world: World, token: str):
        self.world, self.token = world, token
        self.url = ""
        self.sockets: list[web.WebSocketResponse] = []
        self.ready = asyncio.Event()
        self.identified = 0
        self.resumed = 0
        self.intents = 0
        self.away = False  # an outage: new connections are cut
        self.invalid = False  # the session has ended: the next resume is refused
        self._sequence = 0
        self._events: list[dict] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        if self.away:
            assert request.transport is not None
            request.transport.abort()
            return socket
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 5000}})
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                await self._receive(socket, json.loads(message.data))
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)
            if not self.sockets:
                self.ready.clear()
        return socket

    async def _receive(self, socket: web.WebSocketResponse, message: dict) -> None:
        op, data = message["op"], message["d"]
        if op == 1:
            await socket.send_json({"op": 11, "d": None})
        elif op in (2, 6) and data["token"] != self.token:
            await socket.close(code=4004)
        elif op == 2:
            await self._identify(socket, data)
        elif op == 6 and self.invalid:
            self.invalid = False
            await socket.send_json({"op": 9, "d": False})
        elif op == 6:
            self.resumed += 1
            self.sockets.append(socket)
            for event in [event for event in self._events if event["s"] > data["seq"]]:
                await socket.send_json(event)
            await self._send(socket, "RESUMED", {})
            self.ready.set()

    async def _identify(self, socket: web.WebSocketResponse, data: dict) -> None:
        self.intents = data["intents"]
        if self.intents & PRIVILEGED:
            await socket.close(code=4014)
            return
        self.identified += 1
        self._events.clear()
        self.sockets.append(socket)
        world = self.world
        await self._send(
            socket,
            "READY",
            {
                "v": 10,
                "user": world.bot_user,
                "session_id": f"session-{self.identified}",
                "resume_gateway_url": self.url,
                "shard": data.get("shard", [0, 1]),
                "guilds": [] if world.kicked else [{"id": world.guild_id, "unavailable": True}],
                "application": {"id": world.application_id, "flags": 0},
            },
        )
        if not world.kicked:
            await self._send(socket, "GUILD_CREATE", world.guild_payload())
        self.ready.set()

    async def _send(self, socket: web.WebSocketResponse, name: str, data: dict) -> None:
        self._sequence += 1
        event = {"op": 0, "t": name, "s": self._sequence, "d": data}
        self._events.append(event)
        if not socket.closed:
            await socket.send_json(event)

    async def dispatch(self, name: str, data: dict) -> None:
        """Send an event to the bot; if it is disconnected, when it resumes."""
        if self.sockets:
            await self._send(self.sockets[-1], name, data)
        else:
            self._sequence += 1
            self._events.append({"op": 0, "t": name, "s": self._sequence, "d": data})

    async def end_session(self) -> None:
        """Tell the bot that its session has ended and that it must start a new one."""
        for socket in list(self.sockets):
            await socket.send_json({"op": 9, "d": False})
        self.invalid = not self.sockets

    async def drop(self) -> None:
        """Cut all connections; sessions can be resumed."""
        self.ready.clear()
        sockets, self.sockets = self.sockets, []
        for socket in sockets:
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()
