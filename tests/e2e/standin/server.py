"""The stand-in as tests use it: people who type, press buttons and send messages."""

from __future__ import annotations

import asyncio

from aiohttp import web

from tests.e2e.standin.clock import Clock
from tests.e2e.standin.faults import Fault
from tests.e2e.standin.gateway import Gateway
from tests.e2e.standin.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL,
    Interaction,
    Interactions,
)
from tests.e2e.standin.rest import Recorded, Rest
from tests.e2e.standin.world import Channel, User, World

# A token contains the application's id, here 123456789012345678.
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.for-tests"
OPTION_TYPES = {str: 3, int: 4, float: 10, dict: 11}
MESSAGE_MENU = 3


class StandIn:
    """One server; tests add channels and people."""

    def __init__(self):
        self.clock = Clock()
        self.world = World(self.clock)
        self.interactions = Interactions(self.world)
        self.rest = Rest(self.world, self.interactions, TOKEN)
        self.gateway = Gateway(self.world, TOKEN)
        self.token = TOKEN
        self.fetched: list[str] = []  # paths requested from the media host
        self.redirects: dict[str, str] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/gateway", self.gateway.handle)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_get("/{kind:attachments|ephemeral-attachments}/{tail:.*}", self._media)
        app.router.add_route("*", "/api/v10/{tail:.*}", self.rest.handle)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.world.media = self.url
        self.gateway.url = self.rest.gateway_url = f"ws://127.0.0.1:{self.port}/gateway"

    async def stop(self) -> None:
        await self.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _media(self, request: web.Request) -> web.Response:
        self.fetched.append(request.path)
        if request.path in self.redirects:
            raise web.HTTPFound(self.redirects[request.path])
        data = self.world.blobs.get(request.path)
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type="image/png")

    # What people do.

    async def command(self, user: User, channel: Channel, name: str, **options) -> Interaction:
        """Run a slash command; a picture option takes the result of :meth:`World.upload`."""
        listed: list[dict] = []
        resolved: dict[str, dict] = {}
        for option, value in options.items():
            kind = OPTION_TYPES[type(value)]
            if kind == 11:
                resolved.setdefault("attachments", {})[value["id"]] = value
            listed.append(
                {"name": option, "type": kind, "value": value["id"] if kind == 11 else value}
            )
        found = next(command for command in self.rest.commands if command["name"] == name)
        return await self._send(
            COMMAND,
            channel,
            user,
            {"id": found["id"], "name": name, "type": 1, "options": listed, "resolved": resolved},
        )

    async def complete(
        self, user: User, channel: Channel, name: str, option: str, typed: str
    ) -> list[str]:
        """The autocomplete choices of an option for a typed text."""
        found = next(command for command in self.rest.commands if command["name"] == name)
        interaction = await self._send(
            AUTOCOMPLETE,
            channel,
            user,
            {
                "id": found["id"],
                "name": name,
                "type": 1,
                "options": [{"name": option, "type": 3, "value": typed, "focused": True}],
            },
        )
        await asyncio.wait_for(interaction.acknowledged.wait(), 10)
        assert interaction.answer is not None
        return [choice["value"] for choice in interaction.answer["data"]["choices"]]

    async def press(self, user: User, channel: Channel, message: dict, label: str) -> Interaction:
        """Press a button of a message."""
        button = next(button for button in buttons(message) if button["label"] == label)
        return await self._send(
            COMPONENT,
            channel,
            user,
            {"custom_id": button["custom_id"], "component_type": 2},
            message,
        )

    async def submit(
        self, user: User, channel: Channel, modal: dict, text: str | dict[str, str]
    ) -> Interaction:
        """Submit a modal with ``text`` in its first field, or with a text for each custom_id."""
        ids = [label["component"]["custom_id"] for label in modal["components"]]
        values = {ids[0]: text} if isinstance(text, str) else text
        return await self._send(
            MODAL,
            channel,
            user,
            {
                "custom_id": modal["custom_id"],
                "components": [
                    {
                        "type": 18,
                        "id": 2 * i + 1,
                        "component": {
                            "type": 4,
                            "id": 2 * i + 2,
                            "custom_id": id,
                            "value": values.get(id, ""),
                        },
                    }
                    for i, id in enumerate(ids)
                ],
            },
        )

    async def menu(self, user: User, channel: Channel, name: str, message: dict) -> Interaction:
        """Run a command from a message's menu; the bot gets the message of any author."""
        found = next(
            command
            for command in self.rest.commands
            if (command["name"], command["type"]) == (name, MESSAGE_MENU)
        )
        return await self._send(
            COMMAND,
            channel,
            user,
            {
                "id": found["id"],
                "name": name,
                "type": MESSAGE_MENU,
                "target_id": message["id"],
                "resolved": {"messages": {message["id"]: message}},
            },
        )

    async def say(
        self,
        user: User,
        channel: Channel,
        content: str = "",
        *,
        reply_to: dict | None = None,
        files: tuple[tuple[str, bytes], ...] = (),
    ) -> dict:
        """Write a message; a reply pings. The bot can read it only if it is mentioned."""
        message, event = self.world.person_message(channel, user, content, reply_to, files)
        await self.gateway.dispatch("MESSAGE_CREATE", event)
        return message

    async def _send(
        self, kind: int, channel: Channel, user: User, data: dict, source: dict | None = None
    ) -> Interaction:
        interaction, event = self.interactions.create(kind, channel, user, data, source)
        await self.gateway.dispatch("INTERACTION_CREATE", event)
        return interaction

    # Faults.

    async def kick(self) -> None:
        """Kick the bot from the server."""
        self.world.kicked = True
        await self.gateway.dispatch("GUILD_DELETE", {"id": self.world.guild_id})

    async def invite(self) -> None:
        """Invite the bot again."""
        self.world.kicked = False
        await self.gateway.dispatch("GUILD_CREATE", self.world.guild_payload())

    async def channel_changed(self, channel: Channel) -> None:
        """Send the event for a channel's changed settings or permissions."""
        await self.gateway.dispatch("CHANNEL_UPDATE", channel.payload())

    async def go_away(self) -> None:
        """Make everything unreachable until :meth:`come_back`."""
        self.rest.away = self.gateway.away = True
        await self.gateway.drop()

    def come_back(self) -> None:
        """End the outage."""
        self.rest.away = self.gateway.away = False

    # Results.

    def fail(self, method: str, pattern: str, status: int, **more) -> Fault:
        """Make requests fail; see :class:`Fault`."""
        fault = Fault(method, pattern, status, **more)
        self.rest.faults.append(fault)
        return fault

    def requests(self, method: str, pattern: str = "") -> list[Recorded]:
        import re

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


def buttons(message: dict) -> list[dict]:
    found = []

    def walk(components):
        for component in components:
            if component["type"] == 2:
                found.append(component)
            walk(component.get("components") or [])

    walk(message["components"])
    return found
