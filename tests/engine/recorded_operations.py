"""Records the operations of an iteration on the CPU and does them again, as a CUDA graph does.

What is replayed knows tensors' memory and nothing else: numbers that the host put into an operation
stay what they were, and what PyTorch did not do (numpy, Python) does not happen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from engine.painting.graphs.cache import Graphs

_READS = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal")


class CapturedReadError(RuntimeError):
    """Reading a number makes the host wait, which ends a capture on a GPU."""


class OperationRecorder(TorchDispatchMode):
    """A Recorder of the CPU, and its one recording's operations; ``replays`` counts them all."""

    replays = 0
    recorded = 0

    def __init__(self) -> None:
        super().__init__()
        self._operations: list[tuple[Any, Any, dict[str, Any], list[Tensor]]] = []
        self.size = 0

    def record(self, iterate: Callable[[], None]) -> OperationRecording:
        iterate()
        self._operations = []
        with self:
            iterate()
        OperationRecorder.recorded += 1
        self.size += sum(each.nbytes for *_, results in self._operations for each in results)
        return OperationRecording(self._operations)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func._schema.name.removeprefix("aten::") in _READS:
            raise CapturedReadError(f"{func} reads a number")
        result = func(*args, **kwargs)
        given = {each.untyped_storage()._cdata for each in _tensors((args, kwargs))}
        made = [each for each in _tensors(result) if each.untyped_storage()._cdata not in given]
        is_view = not made and not func._schema.is_mutable
        if not is_view:
            self._operations.append((func, args, kwargs, made))
        return result


class OperationRecording:
    def __init__(self, operations: list[tuple[Any, Any, dict[str, Any], list[Tensor]]]) -> None:
        self._operations = operations

    @torch.no_grad()
    def replay(self) -> None:
        OperationRecorder.replays += 1
        for func, args, kwargs, made in self._operations:
            result = func(*args, **kwargs)
            if made:
                given = {each.untyped_storage()._cdata for each in _tensors((args, kwargs))}
                new = [e for e in _tensors(result) if e.untyped_storage()._cdata not in given]
                for before, now in zip(made, new, strict=True):
                    before.copy_(now)


def graphs_on_cpu(device: torch.device, limit: int = 1 << 34) -> Graphs:
    return Graphs(OperationRecorder, limit)


def _tensors(values: Any) -> list[Tensor]:
    return [each for each in tree_iter(values) if isinstance(each, Tensor)]
