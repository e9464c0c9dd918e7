"""Recording on a GPU, as CUDA graphs."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from engine.painting.graphs.cache import Graphs

_SHARE = 0.3  # of a GPU's memory, for all recordings
_WARM_UPS = 2


def graphs_on(device: torch.device) -> Graphs:
    """The graphs of a GPU."""
    total = torch.cuda.get_device_properties(device).total_memory
    return Graphs(lambda: CudaRecorder(device), int(_SHARE * total))


class CudaRecorder:
    """Records iterations of the same networks into one pool of memory.

    What an iteration leaves in the pool is read by no other, since its results are copied to
    buffers outside. So they can use the same memory, and the largest decides.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()
        self.size = 0

    def record(self, iterate: Callable[[], None]) -> CudaRecording:
        """See engine.painting.graphs.cache.Recorder."""
        with torch.cuda.device(self._device):
            self._warm_up(iterate)
            graph, uses = torch.cuda.CUDAGraph(), Uses()
            gc.collect()
            torch.cuda.empty_cache()
            before = torch.cuda.memory_reserved(self._device)
            # Other threads may go on, as with copies to pinned memory.
            capture = torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local")
            try:
                with capture, uses:
                    iterate()
            finally:
                self.size += max(0, torch.cuda.memory_reserved(self._device) - before)
        return CudaRecording(graph, uses.outside(), self._device)

    def _warm_up(self, iterate: Callable[[], None]) -> None:
        """Let libraries and caches make what they make once, on a stream as in a capture."""
        current, stream = torch.cuda.current_stream(), torch.cuda.Stream()
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                iterate()
        current.wait_stream(stream)


@dataclass(frozen=True)
class CudaRecording:
    """A CUDA graph, with the memory outside of its pool that it reads and writes."""

    graph: torch.cuda.CUDAGraph
    memory: list[torch.UntypedStorage]
    device: torch.device

    def replay(self) -> None:
        """Start all its kernels on the current stream."""
        with torch.cuda.device(self.device):
            self.graph.replay()


class Uses(TorchDispatchMode):
    """Notes what memory operations use that they did not allocate.

    A graph knows addresses only: weights, tables and buffers have to live as long as it does. What
    they allocated is not kept, or the pool would need room for all of an iteration at once.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's is untyped
        # An address can be used again, but only by what is allocated later, too.
        self._made: set[int] = set()
        self._outside: dict[int, torch.UntypedStorage] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation."""
        for storage in _storages((args, kwargs)):
            if storage._cdata not in self._made:
                self._outside[storage._cdata] = storage
        result = func(*args, **(kwargs or {}))
        for storage in _storages(result):
            if storage._cdata not in self._outside:
                self._made.add(storage._cdata)
        return result

    def outside(self) -> list[torch.UntypedStorage]:
        """The memory that was used and not allocated."""
        return list(self._outside.values())


def _storages(values: Any) -> list[torch.UntypedStorage]:
    return [each.untyped_storage() for each in tree_iter(values) if isinstance(each, Tensor)]
