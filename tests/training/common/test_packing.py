from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.common.packing import pack, unpack


@pytest.mark.parametrize("bits", [4, 8])
@given(seed=st.integers(0, 10**6), rows=st.integers(0, 5), pairs=st.integers(1, 9))
def test_at_most_half_a_step_is_lost(bits: int, seed: int, rows: int, pairs: int) -> None:
    values = torch.randn(rows, 2 * pairs, generator=torch.Generator().manual_seed(seed))
    values *= 10.0 ** torch.arange(-2, rows - 2)[:, None]
    numbers, scales = pack(values, bits)
    assert numbers.nbytes == rows * 2 * pairs * bits // 8
    lost = (unpack(numbers, scales, bits) - values).abs()
    most = values.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1) / 2
    assert (lost <= 1.001 * most).all()


def test_zeros_stay_zeros() -> None:
    numbers, scales = pack(torch.zeros(2, 4), 4)
    assert not unpack(numbers, scales, 4).any()
    assert np.isfinite(scales).all()
