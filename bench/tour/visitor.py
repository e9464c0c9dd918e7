"""Somebody at the preview's page, without a browser: sends acts, and receives what people see."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from bot.standin.components import buttons

Message = dict[str, Any]
Fits = Callable[[Message], bool]


class LostError(Exception):
    """The bot does not show, or does not have, what the visitor looks for."""


class Visitor:
    """Acts through the preview at ``url``. ``seen`` is the newest state of the page.

    ``seconds`` is the longest wait for anything.
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        socket: aiohttp.ClientWebSocketResponse,
        seconds: float,
    ) -> None:
        self.url, self.session, self.seconds = url, session, seconds
        self._socket = socket
        self.seen: dict[str, Any] = {}

    @property
    def people(self) -> dict[str, str]:
        """The ids of those that the visitor can act as, by name."""
        return {each["name"]: each["id"] for each in self.seen["place"]["people"]}

    @property
    def me(self) -> str:
        """The id of the person that the visitor looks as."""
        return str(self.seen["here"]["as"])

    async def look(self, **where: str) -> None:
        """Look as another person (``as``) or at another ``channel``, by their ids."""
        await self._socket.send_json(where)
        await self.until(lambda: where.items() <= self.seen["here"].items())

    async def until(self, condition: Callable[[], Any]) -> Any:
        """The condition's value once it is true; raises LostError if that takes too long."""
        deadline = time.monotonic() + self.seconds
        while not self.seen or not (found := condition()):
            if time.monotonic() > deadline:
                shown = map(str, self.seen.get("messages", ["nothing yet"]))
                raise LostError("\n".join(["It did not appear. What is there:", *shown]))
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                self.seen |= await self._socket.receive_json(timeout=1.0)
        return found

    async def act(
        self, kind: str, who: str | None = None, channel: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """Do one act of the page, and return its answer: a modal, choices, or an error."""
        here = {"as": who or self.me, "channel": channel or self.seen["here"]["channel"]}
        async with self.session.post(
            f"{self.url}act", json={"act": kind, **here, **more}
        ) as answer:
            done: dict[str, Any] = await answer.json()
            return done

    async def do(self, kind: str, **more: Any) -> dict[str, Any]:
        """The same; raises LostError about an error."""
        done = await self.act(kind, **more)
        if "error" in done:
            raise LostError(f"{kind} {more}: {done['error']}")
        return done

    async def message(self, fits: Fits) -> Message:
        """The newest message for which ``fits`` holds, once there is one."""
        found: list[Message] = await self.until(
            lambda: [each for each in self.seen["messages"] if fits(each)]
        )
        return found[-1]

    async def upload(self, name: str, data: bytes) -> str:
        """Keep a file for the act that names it, and return its id."""
        where = {"as": self.me, "channel": self.seen["here"]["channel"], "name": name}
        async with self.session.post(f"{self.url}upload", params=where, data=data) as answer:
            return str((await answer.json())["id"])

    async def file(self, address: str) -> bytes:
        """Return a file of the page, by its address."""
        async with self.session.get(self.url + address.lstrip("/")) as answer:
            return await answer.read()


@contextlib.asynccontextmanager
async def visiting(url: str, seconds: float) -> AsyncIterator[Visitor]:
    """Visit the preview at ``url`` once its bot is ready."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}live", max_msg_size=0) as socket,
    ):
        visitor = Visitor(url, session, socket, seconds)
        await visitor.until(lambda: visitor.seen["place"]["ready"] and visitor.seen["commands"])
        yield visitor


def labels(message: Message) -> list[str]:
    """The labels of a message's buttons."""
    return [str(button.get("label")) for button in buttons(message)]


def is_hidden(message: Message) -> bool:
    """Whether only one person sees it."""
    return bool(message["flags"] & 64)
