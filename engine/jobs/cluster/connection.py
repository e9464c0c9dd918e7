"""The connection to a Ray cluster: the only module of the program that imports Ray.

Ray's calls run in threads of their own, because some wait for the network; what they return is
awaited in the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from engine.errors import InstallationError
from engine.jobs.cluster.settings import STARTED_HERE

T = TypeVar("T")

_STORE_BYTES = 256_000_000  # of a cluster that is started here; the jobs' files are small
_UNREACHABLE_SECONDS = 6.0  # less than a worker may be silent
_RETRY_SECONDS = 0.5
_ANSWER_SECONDS = 30.0  # of the cluster itself


class ClusterError(OSError):
    """The cluster, or something in it, is gone."""


class UnreachableError(ClusterError):
    """A machine of the cluster does not answer."""


class Cluster:
    """A Ray cluster. All methods but :meth:`check` raise ClusterError if it cannot be reached."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._is_ours = False

    @staticmethod
    def check() -> None:
        """Raise InstallationError if Ray is not installed."""
        if importlib.util.find_spec("ray") is None:
            raise InstallationError(
                "Ray isn't installed; run pip install -c constraints.txt '.[cluster]', or set "
                "IMAGINE_ENGINE to local."
            )

    async def open(self) -> None:
        """Connect, or start a cluster here; does nothing while there is a connection."""
        await _in_thread(self._open)

    def _open(self) -> None:
        ray = _ray()
        if ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to Ray's makers
        here = self._address == STARTED_HERE and "RAY_ADDRESS" not in os.environ
        options: dict[str, Any] = {"namespace": "imagine-bot", "log_to_driver": False}
        if here:
            options |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
        if self._address != STARTED_HERE:
            options["address"] = self._address
        ray.init(configure_logging=False, **options)
        self._is_ours = True

    async def close(self) -> None:
        """Disconnect, if this connected, and end a cluster that was started here."""
        if self._is_ours:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await _in_thread(lambda: _ray().shutdown())
                    self._is_ours = False

    async def create(self, kind: type, *arguments: object, cpus: float, gpus: float) -> Any:
        """An actor of ``kind``. It waits until a machine has ``cpus`` and ``gpus`` free for it."""

        def make() -> Any:
            # A dead one is replaced by the pool, which knows whether it is still needed.
            options = {"num_cpus": cpus, "num_gpus": gpus, "max_restarts": 0}
            return _ray().remote(kind).options(**options).remote(*arguments)

        return await _in_thread(make)

    async def shared(self, kind: type, name: str) -> Any:
        """The one actor of this ``kind`` and ``name`` that all users of the cluster share."""

        def get() -> Any:
            options: dict[str, Any] = {"num_cpus": 0, "lifetime": "detached", "get_if_exists": True}
            # On the head: another machine could not be removed while it is there.
            options["resources"] = {"node:__internal_head__": 0.001}
            return _ray().remote(kind).options(name=name, **options).remote()

        return await _in_thread(get)

    async def call(self, method: Any, *arguments: object, seconds: float | None) -> Any:
        """The answer of an actor's ``method``, waited for up to ``seconds``; None: without end.

        If the actor cannot be reached at the moment, it is asked again, for some seconds: so the
        method has to allow that.
        """
        unreachable_since: float | None = None
        while True:
            try:
                async with asyncio.timeout(seconds):
                    return await _answer(await _in_thread(lambda: method.remote(*arguments)))
            except _unreachable_error() as error:
                now = time.monotonic()
                unreachable_since = now if unreachable_since is None else unreachable_since
                if now - unreachable_since > _UNREACHABLE_SECONDS:
                    raise UnreachableError(_first_line(error)) from None
                await asyncio.sleep(_RETRY_SECONDS)
            except TimeoutError:
                raise UnreachableError(f"no answer within {seconds} s") from None
            except _errors() as error:
                raise ClusterError(_first_line(error)) from None

    async def kill(self, actor: Any) -> None:
        """End an actor at once, with the processes that it started."""
        await _in_thread(lambda: _ray().kill(actor))

    async def nodes(self) -> list[dict[str, Any]]:
        """The living machines, as Ray describes them: NodeID, NodeManagerAddress, Resources."""
        async with asyncio.timeout(_ANSWER_SECONDS):
            nodes = await _in_thread(lambda: _ray().nodes())
        return [node for node in nodes if node["Alive"]]


async def _in_thread(function: Callable[[], T]) -> T:
    """What ``function`` returns; one that never returns does not keep this process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settle_future: Callable[[], None]) -> None:
        if not future.done():
            settle_future()

    def run() -> None:
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001  it is raised where it is awaited
            outcome = partial(future.set_exception, error)
        else:
            outcome = partial(future.set_result, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, daemon=True, name="ray").start()
    try:
        return await future
    except _errors() as error:
        raise ClusterError(_first_line(error)) from error


def this_node() -> tuple[str, str]:
    """Ray's id and the address of the machine that this process, an actor, is on."""
    node = _ray().get_runtime_context().get_node_id()
    return node, importlib.import_module("ray.util").get_node_ip_address()


async def _answer(reference: Any) -> Any:
    return await reference


def _ray() -> Any:
    return importlib.import_module("ray")


def _unreachable_error() -> type[Exception]:
    error: type[Exception] = importlib.import_module("ray.exceptions").ActorUnavailableError
    return error


def _errors() -> tuple[type[Exception], ...]:
    """What Ray raises when a part of the cluster, or the connection, is gone."""
    exceptions, grpc = importlib.import_module("ray.exceptions"), importlib.import_module("grpc")
    return (exceptions.RayError, grpc.RpcError, ConnectionError, RuntimeError, ValueError)


def _first_line(error: BaseException) -> str:
    """Its name and what says most: Ray puts facts first and the reason last."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join([f"{type(error).__name__}:", *lines[:1], *lines[1:][-1:]])
