"""Which devices record iterations; nothing else is imported until one does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from engine.painting.graphs.cache import Graph, Graphs
    from engine.painting.graphs.slots import Recordable


def _on_cuda(device: torch.device) -> Graphs:
    from engine.painting.graphs.cuda import graphs_on

    return graphs_on(device)


RECORDERS: dict[str, Callable[[torch.device], Graphs]] = {"cuda": _on_cuda}
"""By the type of device; empty if nothing is recorded."""

_GRAPHS: dict[torch.device, Graphs] = {}


def graph_of(paintings: Sequence[Recordable]) -> Graph | None:
    """What records or replays the next iteration of ``paintings``, which are stepped together.

    None if there is nothing that could.
    """
    device = paintings[0].latent.z.device
    make = RECORDERS.get(device.type)
    if make is None:
        return None
    if device not in _GRAPHS:
        _GRAPHS[device] = make(device)
    return _GRAPHS[device].of(paintings)


def make_room() -> bool:
    """Forget all recordings, as memory ran out; whether there was one."""
    return True in [graphs.make_room() for graphs in _GRAPHS.values()]


def status() -> dict[str, dict[str, Any]]:
    """Of each device, how many iterations are recorded, and why others are not."""
    return {str(device): graphs.status() for device, graphs in _GRAPHS.items()}


def turn_off() -> None:
    """Record nothing in this process from now on."""
    RECORDERS.clear()
    _GRAPHS.clear()
