"""Numbers in four or eight bits each, with a scale for each row."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def pack(rows: Tensor, bits: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """``rows`` [N, W] as bytes, and the rows' scales [N]; ``bits`` is 4, for an even W, or 8.

    Each number is rounded to a whole multiple of its row's scale: at most half of it is lost.
    """
    most = 2 ** (bits - 1) - 1
    scales = (rows.float().abs().amax(1) / most).clamp(min=1e-12)
    numbers = ((rows.float() / scales[:, None]).round() + most).to(torch.uint8).numpy()
    if bits == 4:
        numbers = numbers[:, ::2] | numbers[:, 1::2] << 4
    return numbers, scales.numpy()


def unpack(numbers: NDArray[np.uint8], scales: NDArray[np.float32], bits: int) -> Tensor:
    """The rows [N, W] that :func:`pack` packed, in float32."""
    if bits == 4:
        numbers = np.stack([numbers & 15, numbers >> 4], 2).reshape(
            len(numbers), 2 * numbers.shape[1]
        )
    whole = torch.from_numpy(numbers).float() - (2 ** (bits - 1) - 1)
    rows: Tensor = whole * torch.from_numpy(scales)[:, None]
    return rows
