"""The gateway: identify, heartbeat, events to every session, resume."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque

from aiohttp import WSCloseCode, WSMsgType, web

from bot.standin.world import World, shard_of

PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)  # members, presences, message content
_GUILDS, _GUILD_MESSAGES, _DIRECT_MESSAGES = 1 << 0, 1 << 9, 1 << 12
_GUILD_REACTIONS, _DIRECT_REACTIONS = 1 << 10, 1 << 13
_KEPT_EVENTS = 1000  # of a session, for its resume
_ENDING = (WSCloseCode.OK, WSCloseCode.GOING_AWAY)  # a client that closes so does not resume


class Session:
    """One shard of one process. Its events are numbered, and kept for when it resumes."""

    def __init__(self, session_id: str, shard: tuple[int, int], intents: int):
        self.id, self.shard, self.intents = session_id, shard, intents
        self.sequence = 0
        self.events: deque[tuple[int, str]] = deque(maxlen=_KEPT_EVENTS)
        self.added = asyncio.Event()

    def wants(self, name: str, guild_id: str | None) -> bool:
        """Whether this session gets an event: its shard's servers, its intents."""
        shard, shards = self.shard
        if shard != shard_of(guild_id, shards):
            return False
        if name.startswith("MESSAGE_REACTION_"):
            wanted = _DIRECT_REACTIONS if guild_id is None else _GUILD_REACTIONS
            return bool(self.intents & wanted)
        if name.startswith("MESSAGE_"):
            return bool(self.intents & (_DIRECT_MESSAGES if guild_id is None else _GUILD_MESSAGES))
        return name == "INTERACTION_CREATE" or bool(self.intents & _GUILDS)

    def add(self, name: str, data: dict) -> None:
        self.sequence += 1
        event = {"op": 0, "t": name, "s": self.sequence, "d": data}
        self.events.append((self.sequence, json.dumps(event)))
        self.added.set()

    async def send(self, socket: web.WebSocketResponse, after: int) -> None:
        """Send the events after a number, and those to come."""
        while not socket.closed:
            for number, event in list(self.events):
                if number > after:
                    after = number
                    await socket.send_str(event)
            self.added.clear()
            if self.sequence == after:
                await self.added.wait()


class Gateway:
    """All websockets of the bot, and the sessions that they belong to."""

    def __init__(self, world: World, token: str):
        self.world, self.token = world, token
        self.url = ""
        self.shards = 1  # what /gateway/bot recommends
        self.starts_left = 1000
        self.concurrency = 1  # sessions that may start within five seconds
        self.sessions: dict[str, Session] = {}
        self.sockets: dict[web.WebSocketResponse, Session] = {}
        self.ready = asyncio.Event()
        self.identified = 0
        self.resumed = 0
        self.intents = 0
        self.away = False  # an outage: new connections are cut
        world.emit = self.dispatch

    def connected(self, shard: int, shards: int) -> bool:
        """Whether a process is connected to a shard."""
        return (shard, shards) in {session.shard for session in self.sockets.values()}

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        if self.away:
            assert request.transport is not None
            request.transport.abort()
            return socket
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 5000}})
        sender: asyncio.Task[None] | None = None
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                after = await self._receive(socket, json.loads(message.data))
                if after is not None:
                    sender = asyncio.create_task(self.sockets[socket].send(socket, after))
        finally:
            session = self.sockets.pop(socket, None)
            if session is not None and socket.close_code in _ENDING:
                self.sessions.pop(session.id, None)
            if not self.sockets:
                self.ready.clear()
            if sender is not None:
                sender.cancel()
                with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                    await sender
        return socket

    async def _receive(self, socket: web.WebSocketResponse, message: dict) -> int | None:
        """Returns the number after which a new or resumed session gets events."""
        op, data = message["op"], message["d"]
        if op == 1:
            await socket.send_json({"op": 11, "d": None})
        elif op in (2, 6) and data["token"] != self.token:
            await socket.close(code=4004)
        elif op == 2 and data["intents"] & PRIVILEGED:
            await socket.close(code=4014)
        elif op == 2:
            self._identify(socket, data)
            return 0
        elif op == 6:
            session = self.sessions.get(data["session_id"])
            if session is None or session.sequence - data["seq"] > len(session.events):
                await socket.send_json({"op": 9, "d": False})
                return None
            self.resumed += 1
            self.sockets[socket] = session
            session.add("RESUMED", {})
            self.ready.set()
            return int(data["seq"])
        return None

    def _identify(self, socket: web.WebSocketResponse, data: dict) -> None:
        self.identified += 1
        self.starts_left -= 1
        self.intents = data["intents"]
        shard, shards = data.get("shard") or (0, 1)
        session = Session(f"session-{self.identified}", (shard, shards), self.intents)
        guilds = [
            guild
            for guild in self.world.guilds.values()
            if not guild.kicked and session.wants("GUILD_CREATE", guild.id)
        ]
        session.add(
            "READY",
            {
                "v": 10,
                "user": self.world.bot_user,
                "session_id": session.id,
                "resume_gateway_url": self.url,
                "shard": [shard, shards],
                "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
                "application": {"id": self.world.application_id, "flags": 0},
            },
        )
        for guild in guilds:
            session.add("GUILD_CREATE", self.world.guild_created(guild) | {"unavailable": False})
        # A process that starts again does not resume what it had.
        connected = set(self.sockets.values())
        for former in list(self.sessions.values()):
            if former.shard == session.shard and former not in connected:
                del self.sessions[former.id]
        self.sessions[session.id] = session
        self.sockets[socket] = session
        self.ready.set()

    def dispatch(self, name: str, data: dict, guild_id: str | None) -> None:
        """Send an event to every session that gets it; to a disconnected one when it resumes."""
        for session in self.sessions.values():
            if session.wants(name, guild_id):
                session.add(name, data)

    async def end_session(self) -> None:
        """End all sessions, also those that could be resumed: the bot must start new ones."""
        self.sessions.clear()
        for socket in list(self.sockets):
            await socket.send_json({"op": 9, "d": False})

    async def drop(self) -> None:
        """Cut all connections; sessions can be resumed."""
        self.ready.clear()
        sockets, self.sockets = list(self.sockets), {}
        for socket in sockets:
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()
