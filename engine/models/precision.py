"""The precision of generators and picture towers: float32, or bf16 if the device is fast at it."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.errors import ModelError

PRECISIONS = ("auto", "float32", "bf16")


def choose_precision(name: str, device: torch.device) -> str:
    """Choose "float32" or "bf16" as ``name``, one of PRECISIONS, says; else raises ModelError.

    "auto" is bf16 on a device with instructions for products of bf16 numbers. Without them PyTorch
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
    return "bf16" if bf16_is_fast(device) else "float32"


def bf16_is_fast(device: torch.device) -> bool:
    """Whether this CPU or CUDA device has instructions for products of bf16 numbers."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def at_least_float32(x: Tensor) -> Tensor:
    """``x`` in float32, or in its own precision if that is higher."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
