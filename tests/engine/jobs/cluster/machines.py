"""A cluster in memory: machines that a test adds and takes away, and workers that it scripts."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from engine.jobs.cluster.connection import ClusterError
from engine.jobs.cluster.host import Begun, Gone, Placed, Report
from engine.version import version
from engine.worker.messages import Close, Loaded, Ready, WorkerSettings


class Machines:
    """Stands in for engine.jobs.cluster.connection.Cluster; each machine has room for one worker.

    ``hosts`` are the workers that run, by machine.
    """

    def __init__(self, *names: str) -> None:
        self.free = list(names)
        self.hosts: dict[str, Host] = {}
        self.waiting: list[Host] = []
        self.down = False
        self.version = version()
        self.resources = {"CPU": 1.0}
        self._shared: dict[str, Any] = {}

    def check(self) -> None:
        """Ray is not needed here."""

    async def open(self) -> None:
        self._check_up()

    async def close(self) -> None:
        """There is no connection."""

    def _check_up(self) -> None:
        if self.down:
            raise ClusterError("the cluster is down")

    async def create(self, kind: type, settings: WorkerSettings, **share: float) -> Host:
        self._check_up()
        host = Host(self, settings, share)
        self.waiting.append(host)
        self._place()
        return host

    def add(self, name: str) -> None:
        """A machine joins."""
        self.free.append(name)
        self._place()

    def _place(self) -> None:
        while self.free and self.waiting:
            host = self.waiting.pop(0)
            host.machine = self.free.pop(0)
            self.hosts[host.machine] = host
            host.changed.set()

    def lose(self, name: str) -> None:
        """A machine is gone, with its worker."""
        if name in self.free:
            self.free.remove(name)
        host = self.hosts.pop(name, None)
        if host is not None:
            host.die()

    async def shared(self, kind: type, name: str) -> Any:
        self._check_up()
        return self._shared.setdefault(name, kind())

    async def call(self, method: Any, *arguments: object, seconds: float | None) -> Any:
        return await method(*arguments)

    async def kill(self, actor: Host) -> None:
        if actor in self.waiting:
            self.waiting.remove(actor)
        actor.die()
        if actor.machine is not None and self.hosts.get(actor.machine) is actor:
            del self.hosts[actor.machine]
            self.free.append(actor.machine)
            self._place()

    async def nodes(self) -> list[dict[str, Any]]:
        self._check_up()
        return [{"NodeID": name, "Resources": self.resources} for name in [*self.free, *self.hosts]]


class Host:
    """Stands in for a WorkerHost: ``sent`` is what the queue sent, :meth:`say` answers."""

    def __init__(self, machines: Machines, settings: WorkerSettings, share: Any) -> None:
        self.machine: str | None = None
        self.settings, self.share = settings, share
        self.sent: list[Any] = []
        self.last_words: tuple[Any, ...] = ()
        self.changed = asyncio.Event()
        self._machines = machines
        self._messages: deque[Any] = deque()
        self._confirmed = 0
        self._dead = False

    def say(self, *messages: Any) -> None:
        self._messages += messages
        self.changed.set()

    def die(self) -> None:
        self._dead = True
        self.changed.set()

    async def _until(self, condition: Any) -> None:
        while not condition():
            if self._dead:
                raise ClusterError("the actor died")
            self.changed.clear()
            await self.changed.wait()

    async def place(self) -> Placed:
        await self._until(lambda: self.machine is not None)
        assert self.machine is not None
        return Placed(self.machine, f"address of {self.machine}")

    async def begin(self) -> Begun:
        model = self.settings.preload
        if model is not None:
            self.say(Loaded(model, 1.0, (model,)))
        self.say(Ready(self.settings.device))
        return Begun(1234, self._machines.version)

    async def send(self, number: int, messages: list[Any]) -> None:
        self.sent += messages
        if Close() in messages:
            self.say(*self.last_words)
            self.end()

    async def receive(self, confirmed: int) -> Report:
        while self._confirmed < confirmed:
            self._messages.popleft()
            self._confirmed += 1
        await self._until(lambda: self._messages)
        messages = tuple(self._messages)
        return Report(self._confirmed + len(messages), messages, 5_000_000)

    def end(self, **how: bool) -> None:
        """The worker's process ends."""
        self.say(Gone(**{"hung": False, "lost_device": False, "out_of_memory": False, **how}))
