"""Convolutions with half the multiplications, against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from engine.models.kernels import convolution, winograd
from engine.models.kernels.convolution import convolve
from engine.models.kernels.winograd import RowKernels, convolve_rows, row_kernels


def numbers(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    x = drawn.to(dtype)  # the same numbers in each precision
    return x.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else x


@given(
    batch=st.integers(1, 2),
    channels=st.integers(1, 3),
    out=st.integers(1, 3),
    height=st.integers(1, 20),
    width=st.integers(1, 9),
    band=st.sampled_from([1, 200, 1 << 22]),
    biased=st.booleans(),
)
def test_values_are_pytorch_s_for_any_height(batch, channels, out, height, width, band, biased):
    x, weight = numbers(batch, channels, height, width), numbers(out, channels, 3, 3, seed=1)
    bias = numbers(out, seed=2) if biased else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_BAND", band)
        ours = convolve_rows(x, row_kernels(weight), bias)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours, F.conv2d(x, weight, bias, padding=1))


def with_gradient(x: Tensor, weight: Tensor, bias: Tensor, rows: RowKernels | None) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = convolve(x, weight, bias, rows)
    y.backward(numbers(*y.shape, dtype=y.dtype, seed=3))
    assert x.grad is not None
    return [y.detach(), x.grad]


@pytest.mark.parametrize("size", [(1, 128, 128, 64, 24), (2, 128, 256, 70, 9)])
def test_where_it_is_faster_values_and_gradients_stay_as_exact(size, monkeypatch):
    batch, channels, out, height, width = size
    x = numbers(batch, channels, height, width, dtype=torch.float32)
    weight = numbers(out, channels, 3, 3, dtype=torch.float32, seed=1) / (9 * channels) ** 0.5
    bias = numbers(out, dtype=torch.float32, seed=2)
    calls: list[torch.Size] = []

    def watched(x: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
        calls.append(x.shape)
        return convolve_rows(x, kernels, bias)

    monkeypatch.setattr(convolution, "convolve_rows", watched)
    ours = with_gradient(x, weight, bias, RowKernels())
    assert calls == [x.shape, ours[0].shape]  # forwards and backwards
    plain = with_gradient(x, weight, bias, None)
    exact = with_gradient(x.double(), weight.double(), bias.double(), None)
    for mine, theirs, right in zip(ours, plain, exact, strict=True):
        assert (mine - right).norm() < 5 * (theirs - right).norm()
        assert (mine - right).norm() < 2e-6 * right.norm()


def test_a_picture_of_a_batch_is_what_it_is_alone():
    x = numbers(3, 128, 65, 12, dtype=torch.float32)
    kernels = row_kernels(numbers(128, 128, 3, 3, dtype=torch.float32, seed=1))
    together = convolve_rows(x, kernels, None)
    for picture, seen in zip(x, together, strict=True):
        assert torch.equal(convolve_rows(picture[None], kernels, None)[0], seen)


def test_kernels_are_made_again_when_the_weight_changes():
    rows, weight = RowKernels(), numbers(128, 128, 3, 3, dtype=torch.float32)
    first = rows.forward.of(weight)
    assert rows.forward.of(weight) is first
    weight.mul_(2)
    torch.testing.assert_close(rows.forward.of(weight), 2 * first)


@pytest.mark.parametrize(
    ("channels", "height", "kernel", "dtype", "device", "worth_it"),
    [
        (128, 64, 3, torch.float32, "cpu", True),
        (128, 64, 3, torch.bfloat16, "cpu", False),  # the sums need more digits
        (64, 64, 3, torch.float32, "cpu", False),
        (128, 63, 3, torch.float32, "cpu", False),
        (128, 64, 1, torch.float32, "cpu", False),
        (128, 64, 3, torch.float32, "meta", False),
    ],
)
def test_where_it_is_used(channels, height, kernel, dtype, device, worth_it):
    x = torch.empty(1, channels, height, 8, dtype=dtype, device=device)
    weight = torch.empty(128, channels, kernel, kernel, dtype=dtype, device=device)
    assert winograd.is_worth_it(x, weight) is worth_it
