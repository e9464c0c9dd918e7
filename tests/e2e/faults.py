"""The faults of bench.chaos, by their names.

A fault is an async context manager over a :class:`Target`: it starts when it is entered, and ends
when it is left, unless it cannot be undone (a deleted channel, a killed process).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import discord

from bot.standin import StandIn
from bot.standin.channels import Channel
from bot.standin.components import buttons
from bot.standin.guilds import MEMBER

MESSAGES = r"/channels/\d+/messages$"
ANYTHING = r"/channels/"


class Processes(Protocol):
    """The processes of the bot and its worker."""

    def signal_bot(self, number: int) -> None:
        """Send a signal to the bot."""

    def signal_worker(self, number: int, rng: random.Random) -> bool:
        """Send a signal to the worker, of several to some; returns whether there is one."""


@dataclass
class Target:
    """What a fault acts on: a stand-in, one of its channels, and the processes.

    ``toggle_blocked`` is called with the channels in which nothing can be delivered, at the start
    and at the end of that time. ``given_up`` collects the jobs whose progress message somebody
    deleted: the bot may cancel them.
    """

    standin: StandIn
    processes: Processes
    channel: Channel
    rng: random.Random
    toggle_blocked: Callable[[list[Channel]], None]
    given_up: set[str]


Fault = Callable[[Target], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def bot_killed(target: Target) -> AsyncIterator[None]:
    """kill -9 of the bot; its supervisor restarts it."""
    target.processes.signal_bot(signal.SIGKILL)
    yield


@contextlib.asynccontextmanager
async def worker_killed(target: Target) -> AsyncIterator[None]:
    """kill -9 of the worker, as the system does if memory runs out."""
    target.processes.signal_worker(signal.SIGKILL, target.rng)
    yield


@contextlib.asynccontextmanager
async def worker_hung(target: Target) -> AsyncIterator[None]:
    """The worker is stopped, but its process exists."""
    target.processes.signal_worker(signal.SIGSTOP, target.rng)
    yield


@contextlib.asynccontextmanager
async def gateway_dropped(target: Target) -> AsyncIterator[None]:
    """The gateway connection is cut; the session can be resumed."""
    await target.standin.gateway.drop()
    yield


@contextlib.asynccontextmanager
async def session_invalid(target: Target) -> AsyncIterator[None]:
    """The session ends: at once, or when the bot tries to resume it."""
    gateway = target.standin.gateway
    if target.rng.random() < 0.5:
        await gateway.drop()
    await gateway.end_session()
    yield


@contextlib.asynccontextmanager
async def _failing(
    target: Target, method: str, pattern: str, statuses: list[int], **more
) -> AsyncIterator[None]:
    faults = [target.standin.fail(method, pattern, status, **more) for status in statuses]
    try:
        yield
    finally:
        for fault in faults:
            fault.times = 0
            target.standin.rest.faults.remove(fault)


def limited(target: Target) -> AbstractAsyncContextManager[None]:
    """429 with Retry-After, for posts or edits."""
    method = target.rng.choice(["POST", "PATCH"])
    return _failing(target, method, ANYTHING, [429] * target.rng.randint(1, 4), retry_after=0.5)


def limited_everywhere(target: Target) -> AbstractAsyncContextManager[None]:
    """429 for the bot's global limit."""
    return _failing(
        target,
        target.rng.choice(["POST", "PATCH"]),
        ANYTHING,
        [429, 429],
        retry_after=0.7,
        everywhere=True,
    )


def server_errors(target: Target) -> AbstractAsyncContextManager[None]:
    """A burst of 5xx; the requests have no effect."""
    statuses = [target.rng.choice([500, 502, 503, 504]) for _ in range(target.rng.randint(3, 9))]
    return _failing(target, target.rng.choice(["POST", "PATCH", "GET"]), ANYTHING, statuses)


def answers_lost(target: Target) -> AbstractAsyncContextManager[None]:
    """Posts take effect, but the answer is a 5xx or the connection is cut."""
    status = target.rng.choice([0, 0, 502, 503])
    return _failing(target, "POST", MESSAGES, [status] * target.rng.randint(1, 3), done=True)


@contextlib.asynccontextmanager
async def nonces_forgotten(target: Target) -> AsyncIterator[None]:
    """The same, and Discord no longer knows the nonces (it keeps them for some minutes)."""
    async with _failing(target, "POST", MESSAGES, [0] * 3, done=True):
        for _ in range(10):
            await asyncio.sleep(0.2)
            target.standin.rest.forget_nonces()
        yield
    target.standin.rest.forget_nonces()


@contextlib.asynccontextmanager
async def progress_deleted(target: Target) -> AsyncIterator[None]:
    """A moderator deletes the messages of jobs that are not finished: 10008."""
    for message in list(target.channel.messages.values()):
        for button in buttons(message):
            if button["label"] == "Cancel":
                target.given_up.add(button["custom_id"].rsplit(":", 1)[1])
                await target.standin.delete(target.channel, message)
    yield


@contextlib.asynccontextmanager
async def _permissions(target: Target, permissions: discord.Permissions) -> AsyncIterator[None]:
    target.toggle_blocked([target.channel])
    target.channel.bot_permissions = permissions
    try:
        yield
    finally:
        target.toggle_blocked([target.channel])
        target.channel.bot_permissions = MEMBER
        target.standin.world.changed(target.channel)


def access_taken(target: Target) -> AbstractAsyncContextManager[None]:
    """50001: the channel is hidden from the bot for a while."""
    return _permissions(target, MEMBER & ~discord.Permissions(view_channel=True))


def permission_taken(target: Target) -> AbstractAsyncContextManager[None]:
    """50013: the bot may not send messages, or not attach files, for a while."""
    removed = target.rng.choice(
        [
            discord.Permissions(send_messages=True, send_messages_in_threads=True),
            discord.Permissions(attach_files=True),
        ]
    )
    return _permissions(target, MEMBER & ~removed)


@contextlib.asynccontextmanager
async def threads_archived(target: Target) -> AsyncIterator[None]:
    """50083: all threads are archived, and refuse edits until somebody posts in them."""
    world = target.standin.world
    for channel in world.channels.values():
        if channel.is_thread:
            channel.archived = True
            world.changed(channel)
    yield


@contextlib.asynccontextmanager
async def channel_gone(target: Target) -> AsyncIterator[None]:
    """The channel is deleted."""
    target.toggle_blocked([target.channel])
    target.channel.deleted = True
    yield


@contextlib.asynccontextmanager
async def kicked(target: Target) -> AsyncIterator[None]:
    """The bot is kicked from the channel's server, and invited again."""
    guild = target.channel.guild
    channels = [
        channel for channel in target.standin.world.channels.values() if channel.guild is guild
    ]
    target.toggle_blocked(channels)
    await target.standin.kick(guild)
    try:
        yield
    finally:
        target.toggle_blocked(channels)
        await target.standin.invite(guild)


@contextlib.asynccontextmanager
async def upload_too_large(target: Target) -> AsyncIterator[None]:
    """40005: Discord accepts only smaller files than the server's limit."""
    target.standin.rest.max_file = 3000
    try:
        yield
    finally:
        target.standin.rest.max_file = 10 * 1024 * 1024


@contextlib.asynccontextmanager
async def outage(target: Target) -> AsyncIterator[None]:
    """Discord cannot be reached."""
    await target.standin.go_away()
    try:
        yield
    finally:
        target.standin.come_back()


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        bot_killed,
        worker_killed,
        worker_hung,
        gateway_dropped,
        session_invalid,
        limited,
        limited_everywhere,
        server_errors,
        answers_lost,
        nonces_forgotten,
        progress_deleted,
        access_taken,
        permission_taken,
        threads_archived,
        channel_gone,
        kicked,
        upload_too_large,
        outage,
    )
}


def shuffled_faults(
    rng: random.Random, rounds: int, kinds: Collection[str] = tuple(FAULTS)
) -> list[str]:
    """``rounds`` faults: each kind once, in random order, before any is repeated."""
    faults: list[str] = []
    while len(faults) < rounds:
        names = list(kinds)
        rng.shuffle(names)
        faults += names
    return faults[:rounds]
