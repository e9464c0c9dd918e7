"""bf16 in training, where the processor computes it: elsewhere it is emulated, and slower."""

from __future__ import annotations

import torch


def bf16_is_fast() -> bool:
    """Whether this processor has instructions for products of bf16 numbers."""
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def bf16_where_fast() -> torch.autocast:
    """Autocast to bf16 on such a processor; without it a context that changes nothing.

    One of AVX2 alone took 6 to 48 times as long for a convolution in bf16 as in float32.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=bf16_is_fast())
