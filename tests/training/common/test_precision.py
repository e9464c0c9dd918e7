"""Training computes in bf16 if the processor has it, and in float32 if it would be emulated."""

from __future__ import annotations

import pytest
import torch

from training.common import precision


def _product() -> torch.dtype:
    numbers = torch.ones(4, 4)
    with precision.bf16_where_fast():
        return (numbers @ numbers).dtype


@pytest.mark.parametrize("instructions", ["avx512_bf16", "amx_bf16", "bf16"])
def test_a_processor_with_such_instructions_multiplies_bf16(
    monkeypatch: pytest.MonkeyPatch, instructions: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, instructions: True})
    assert _product() == torch.bfloat16


def test_one_without_them_multiplies_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    assert _product() == torch.float32
