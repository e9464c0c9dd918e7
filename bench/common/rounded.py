"""bf16 on processors without instructions for it, with the numbers of those that have them.

PyTorch emulates bf16 there, and takes up to 40 times as long as in float32. But a product of two
bf16 numbers is exact in float32, in which processors with the instructions add them up as well. So
the same result comes from float32's products of the rounded numbers, rounded once at the end, up to
the order of the sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from engine.models.precision import bf16_is_fast

_aten = torch.ops.aten
_PRODUCTS = (_aten.mm, _aten.bmm, _aten.addmm, _aten.baddbmm, _aten.convolution)


@contextmanager
def products_of_bf16(device: str) -> Iterator[None]:
    """Compute products and convolutions of bf16 in float32 if ``device`` emulates bf16."""
    if device != "cpu" or bf16_is_fast(torch.device(device)):
        yield
    else:
        with _InFloat32():
            yield


class _InFloat32(TorchDispatchMode):
    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func.overloadpacket not in _PRODUCTS or not _has_bf16(args):
            return func(*args, **kwargs)
        target = kwargs.pop("out", None)
        # The overload that allocates its result also does what the one with ``out`` does.
        wide = func.overloadpacket.default(*tree_map(_wide, args), **tree_map(_wide, kwargs))
        if target is None:
            return wide.to(torch.bfloat16)
        return target.copy_(wide)


def _has_bf16(args: tuple[Any, ...]) -> bool:
    return any(isinstance(x, torch.Tensor) and x.dtype is torch.bfloat16 for x in args)


def _wide(value: Any) -> Any:
    return value.float() if isinstance(value, torch.Tensor) else value
