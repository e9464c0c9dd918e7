"""What goes wrong in a round of bench.chaos, each fault by its name.

A fault is an async context manager over a :class:`Scene`: it strikes when it is entered, lasts
as long as its body, and is over when it is left, but for what cannot be mended (a channel that
is gone, a process that was killed).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import discord

from tests.e2e.standin import StandIn
from tests.e2e.standin.server import buttons
from tests.e2e.standin.world import MEMBER, Channel

MESSAGES = r"/channels/\d+/messages$"
ANYTHING = r"/channels/"


class Processes(Protocol):
    """The bot's process and its worker's, as a fault sees them."""

    def signal_bot(self, number: int) -> None:
        """Send a signal to the bot."""

    def signal_worker(self, number: int) -> bool:
        """Send a signal to the worker; whether there is one."""


@dataclass
class Scene:
    """Where a fault strikes: one channel of a stand-in, and the processes.

    ``hinder`` is told of the channels in which nothing can be delivered for a while.
    """

    standin: StandIn
    processes: Processes
    channel: Channel
    rng: random.Random
    hinder: Callable[[list[Channel]], None]


Fault = Callable[[Scene], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def bot_killed(scene: Scene) -> AsyncIterator[None]:
    """kill -9 of the bot; whoever watches over it starts it again."""
    scene.processes.signal_bot(signal.SIGKILL)
    yield


@contextlib.asynccontextmanager
async def worker_killed(scene: Scene) -> AsyncIterator[None]:
    """kill -9 of the worker, as the system does when memory runs out."""
    scene.processes.signal_worker(signal.SIGKILL)
    yield


@contextlib.asynccontextmanager
async def worker_hung(scene: Scene) -> AsyncIterator[None]:
    """The worker stands still and is there all the same."""
    scene.processes.signal_worker(signal.SIGSTOP)
    yield


@contextlib.asynccontextmanager
async def gateway_dropped(scene: Scene) -> AsyncIterator[None]:
    """The connection to the gateway is cut; the session can be resumed."""
    await scene.standin.gateway.drop()
    yield


@contextlib.asynccontextmanager
async def session_invalid(scene: Scene) -> AsyncIterator[None]:
    """The session is over: at once, or found so at the resume."""
    gateway = scene.standin.gateway
    if scene.rng.random() < 0.5:
        await gateway.drop()
    await gateway.end_session()
    yield


@contextlib.asynccontextmanager
async def _failing(scene: Scene, method: str, pattern: str, statuses: list[int],
                   **more) -> AsyncIterator[None]:
    faults = [scene.standin.fail(method, pattern, status, **more) for status in statuses]
    try:
        yield
    finally:
        for fault in faults:
            fault.times = 0
            scene.standin.rest.faults.remove(fault)


def limited(scene: Scene) -> AbstractAsyncContextManager[None]:
    """429 with Retry-After, for posts or edits."""
    method = scene.rng.choice(["POST", "PATCH"])
    return _failing(scene, method, ANYTHING, [429] * scene.rng.randint(1, 4), retry_after=0.5)


def limited_everywhere(scene: Scene) -> AbstractAsyncContextManager[None]:
    """429, and it is the bot's global limit."""
    return _failing(scene, scene.rng.choice(["POST", "PATCH"]), ANYTHING, [429, 429],
                    retry_after=0.7, everywhere=True)


def server_errors(scene: Scene) -> AbstractAsyncContextManager[None]:
    """A burst of 5xx, nothing being carried out."""
    statuses = [scene.rng.choice([500, 502, 503, 504]) for _ in range(scene.rng.randint(3, 9))]
    return _failing(scene, scene.rng.choice(["POST", "PATCH", "GET"]), ANYTHING, statuses)


def answers_lost(scene: Scene) -> AbstractAsyncContextManager[None]:
    """Posts are carried out and the connection is cut before the answer, or it is a 5xx."""
    status = scene.rng.choice([0, 0, 502, 503])
    return _failing(scene, "POST", MESSAGES, [status] * scene.rng.randint(1, 3), done=True)


@contextlib.asynccontextmanager
async def nonces_forgotten(scene: Scene) -> AsyncIterator[None]:
    """The same, and the few minutes are over for which Discord knows a nonce again."""
    async with _failing(scene, "POST", MESSAGES, [0] * 3, done=True):
        for _ in range(10):
            await asyncio.sleep(0.2)
            scene.standin.rest.forget_nonces()
        yield
    scene.standin.rest.forget_nonces()


@contextlib.asynccontextmanager
async def progress_deleted(scene: Scene) -> AsyncIterator[None]:
    """A moderator deletes the messages of jobs that are under way: 10008."""
    messages = scene.channel.messages
    for message in list(messages.values()):
        if "Cancel" in [button["label"] for button in buttons(message)]:
            del messages[message["id"]]
    yield


@contextlib.asynccontextmanager
async def _permissions(scene: Scene, permissions: discord.Permissions) -> AsyncIterator[None]:
    scene.hinder([scene.channel])
    scene.channel.bot_permissions = permissions
    try:
        yield
    finally:
        scene.hinder([scene.channel])
        scene.channel.bot_permissions = MEMBER
        await scene.standin.channel_changed(scene.channel)


def access_taken(scene: Scene) -> AbstractAsyncContextManager[None]:
    """50001: the channel is hidden from the bot for a while."""
    return _permissions(scene, MEMBER & ~discord.Permissions(view_channel=True))


def permission_taken(scene: Scene) -> AbstractAsyncContextManager[None]:
    """50013: the bot may not send, or not attach, for a while."""
    taken = scene.rng.choice([discord.Permissions(send_messages=True),
                              discord.Permissions(attach_files=True)])
    return _permissions(scene, MEMBER & ~taken)


@contextlib.asynccontextmanager
async def channel_gone(scene: Scene) -> AsyncIterator[None]:
    """The channel is deleted, for good."""
    scene.hinder([scene.channel])
    scene.channel.gone = True
    yield


@contextlib.asynccontextmanager
async def kicked(scene: Scene) -> AsyncIterator[None]:
    """The bot is thrown out of the server, and invited again."""
    channels = [channel for channel in scene.standin.world.channels.values()
                if channel.guild_id is not None]
    scene.hinder(channels)
    await scene.standin.kick()
    try:
        yield
    finally:
        scene.hinder(channels)
        await scene.standin.invite()


@contextlib.asynccontextmanager
async def upload_too_large(scene: Scene) -> AsyncIterator[None]:
    """40005: less may be uploaded than the server's limit says."""
    scene.standin.rest.max_file = 3000
    try:
        yield
    finally:
        scene.standin.rest.max_file = 10 * 1024 * 1024


@contextlib.asynccontextmanager
async def outage(scene: Scene) -> AsyncIterator[None]:
    """Discord cannot be reached at all."""
    await scene.standin.go_away()
    try:
        yield
    finally:
        scene.standin.come_back()


FAULTS: dict[str, Fault] = {fault.__name__: fault for fault in (
    bot_killed, worker_killed, worker_hung, gateway_dropped, session_invalid, limited,
    limited_everywhere, server_errors, answers_lost, nonces_forgotten, progress_deleted,
    access_taken, permission_taken, channel_gone, kicked, upload_too_large, outage)}


def deck(rng: random.Random, rounds: int) -> list[str]:
    """So many faults: each kind once, in random order, before any comes again."""
    drawn: list[str] = []
    while len(drawn) < rounds:
        names = list(FAULTS)
        rng.shuffle(names)
        drawn += names
    return drawn[:rounds]
