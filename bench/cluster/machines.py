"""A Ray cluster of several machines on this one, each with a raylet of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator
from typing import Any

_STORE_BYTES = 100_000_000  # the least that Ray accepts is a little below
_HOST = "127.0.0.1"


class Machines:
    """The cluster; ``nodes`` are those besides the head, ``address`` is that for IMAGINE_ENGINE."""

    def __init__(self, cluster: Any, address: str) -> None:
        self.address = address
        self._cluster = cluster
        self.nodes: list[Any] = []

    def add(self) -> None:
        """A machine joins, with a CPU. Ray starts it only from the main thread, which waits."""
        node = self._cluster.add_node(num_cpus=1, object_store_memory=_STORE_BYTES)
        self.nodes.append(node)

    async def kill(self) -> str:
        """Kill the newest machine with all that runs on it, without a warning; returns its id."""
        node = self.nodes.pop()
        await asyncio.to_thread(self._cluster.remove_node, node, allow_graceful=False)
        return str(node.unique_id)


@contextlib.asynccontextmanager
async def ray_machines(
    count: int, *, cpus: int = 1, client: bool = False
) -> AsyncIterator[Machines]:
    """A cluster of ``count`` machines, the head (with ``cpus``) among them.

    This process is connected to the head; with ``client`` it is not, and ``address`` is that of
    Ray's client server. Raises ImportError without Ray.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # as the worker on this machine has it
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # nobody else can use it
    import ray
    from ray.cluster_utils import Cluster

    head: dict[str, Any] = {
        "num_cpus": cpus,
        "object_store_memory": _STORE_BYTES,
        "include_dashboard": False,
    }
    address = "ray"
    if client:
        head["ray_client_server_port"] = port = _free_port()
        address = f"ray://{_HOST}:{port}"
    cluster = Cluster(initialize_head=True, head_node_args=head)  # in the main thread, as above
    try:
        machines = Machines(cluster, address)
        for _ in range(count - 1):
            machines.add()
        if not client:
            await asyncio.to_thread(
                lambda: ray.init(
                    cluster.address,
                    namespace="imagine-bot",
                    log_to_driver=False,
                    configure_logging=False,
                )
            )
        yield machines
    finally:
        await asyncio.to_thread(ray.shutdown)
        await asyncio.to_thread(cluster.shutdown)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
        return port
