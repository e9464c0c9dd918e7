"""The precision in which a generator decodes: float32, or bf16 if the device is fast at it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.errors import ModelError

PRECISIONS = ("auto", "float32", "bf16")


def choose_precision(name: str, device: torch.device) -> str:
    """Choose "float32" or "bf16" as ``name``, one of PRECISIONS, says; else raises ModelError.

    "auto" is bf16 on a CPU with instructions for products of bf16 numbers. Without them PyTorch
    emulates bf16: a convolution takes 6 to 48 times as long as in float32 on a CPU with AVX2 only.
    """
    if name not in PRECISIONS:
        raise ModelError(
            "There is no precision called {name}; choose one of {names}.",
            name=repr(name),
            names=", ".join(PRECISIONS),
        )
    if name != "auto":
        return name
    return "bf16" if device.type == "cpu" and bf16_is_fast() else "float32"


def bf16_is_fast() -> bool:
    """Whether this processor has instructions for products of bf16 numbers."""
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def to_bf16(network: nn.Module) -> None:
    """Round the weights of convolutions and linear layers to bf16, in place.

    Normalisations keep float32 weights: their sums over thousands of values need the precision,
    and PyTorch's CPU kernels take bf16 activations with them.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.to(torch.bfloat16)


def at_least_float32(x: Tensor) -> Tensor:
    """``x`` in float32, or in its own precision if that is higher."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
