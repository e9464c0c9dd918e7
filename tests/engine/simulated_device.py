"""A device that works like a GPU: the host waits if it reads what is there.

Its tensors hide tensors of the CPU, which compute; PyTorch knows it as a backend written in Python
(torch.utils.backend_registration). Registering it cannot be undone, so use it in a process of its
own: ``simulate()``, then everything inside ``with Device() as device``. It counts what a GPU would
make the host wait for in ``device.waits``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils.backend_registration import (
    _DummyBackendModule,
    _setup_privateuseone_for_python_backend,
)

NAME = "simulated"
_READS = {
    f"aten::{name}"
    for name in ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal")
}
_INDEXES = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


_LIBRARY = torch.library.Library("_", "IMPL")


class _Backend(_DummyBackendModule):
    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]


def simulate() -> torch.device:
    """Register the device."""
    _setup_privateuseone_for_python_backend(NAME, _Backend())
    _LIBRARY.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    return torch.device(NAME, 0)


class _Remote(Tensor):
    """A tensor there; ``numbers`` has what it hides."""

    numbers: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> _Remote:
        made: _Remote = Tensor._make_wrapper_subclass(
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=torch.device(NAME, 0),
        )
        made.numbers = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):  # type: ignore[override]
        raise AssertionError(f"{func} outside of the device's mode")


class Device(TorchDispatchMode):
    """Runs operations there, and notes those that a host waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func._schema.name
        target = kwargs.get("device")
        if name == "aten::copy_":
            target = args[0].device
        tensors = list(_tensors((args, kwargs)))
        there = [each for each in tensors if isinstance(each, _Remote)]
        here = [each for each in tensors if not isinstance(each, _Remote)]
        to_there = bool(there) if target is None else torch.device(target).type == NAME
        self._note(name, args, kwargs, there, here, to_there)
        inner = _changed((args, kwargs), _Remote, lambda each: each.numbers)
        if "device" in inner[1]:
            inner[1]["device"] = torch.device("cpu")
        result = func(*inner[0], **inner[1])
        if to_there:
            result = _changed(result, Tensor, _Remote)
        if not there or name == "aten::_to_copy":
            return result
        return return_and_correct_aliasing(func, args, kwargs, result)

    def _note(
        self,
        name: str,
        args: Any,
        kwargs: dict[str, Any],
        there: list[_Remote],
        here: list[Tensor],
        to_there: bool,
    ) -> None:
        if name in ("aten::_to_copy", "aten::copy_"):
            crosses = bool(there) != to_there or bool(there and here)
            if crosses and not (kwargs.get("non_blocking") or (len(args) > 2 and args[2])):
                self.waits.append(f"{name} {'to' if to_there else 'from'} the device")
        elif there and name in _READS:
            self.waits.append(name)
        elif there and name in _INDEXES and any(_is_mask(each) for each in args[1]):
            self.waits.append(f"{name} with a mask")
        elif there and any(each.dim() for each in here):
            self.waits.append(f"{name} with tensors of the host")
        elif here and to_there and not there:
            self.waits.append(f"{name} to the device")


def _is_mask(index: Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, dict):
        yield from _tensors(tuple(values.values()))
    elif isinstance(values, list | tuple):
        for each in values:
            yield from _tensors(each)


def _changed(values: Any, kind: type[Tensor], change: Callable[[Any], Tensor]) -> Any:
    """The values of a call with each tensor of a kind changed, much sooner than by PyTorch's."""
    if isinstance(values, kind):
        return change(values)
    if isinstance(values, dict):
        return {name: _changed(each, kind, change) for name, each in values.items()}
    if isinstance(values, list | tuple):
        return type(values)(_changed(each, kind, change) for each in values)
    return values
