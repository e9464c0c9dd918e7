"""Each kernel against PyTorch's own operations, in values and gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from engine.models.kernels import attention, group_norm
from engine.models.kernels.attention import attend
from engine.models.kernels.convolution import convolve, double_and_convolve, phase_weights
from engine.models.kernels.recompute import recomputed

SIDES = st.integers(1, 7)


def draw(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def assert_same(
    ours: Callable[..., Tensor], plain: Callable[..., Tensor], *inputs: Tensor, rtol: float = 1e-9
) -> None:
    """Values, and the gradients of a weighted sum of them, are the same."""
    results = []
    for compute in (ours, plain):
        leaves = [x.clone().requires_grad_() for x in inputs]
        y = compute(*leaves)
        weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape)
        results.append([y.detach(), *torch.autograd.grad((y * weights).sum(), leaves)])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=rtol, atol=rtol)


def plain_norm(x: Tensor, weight: Tensor, bias: Tensor, groups: int, silu: bool) -> Tensor:
    y = F.group_norm(x, groups, weight, bias, 1e-6)
    return y * torch.sigmoid(y) if silu else y


@settings(max_examples=20, deadline=None)
@given(
    batch=st.integers(1, 2),
    groups=st.integers(1, 4),
    each=st.integers(1, 3),
    height=st.integers(2, 7),
    width=SIDES,
    silu=st.booleans(),
    part=st.integers(1, 99),
)
def test_group_norm(batch, groups, each, height, width, silu, part):
    channels = groups * each
    x = 3 * draw(batch, channels, height, width) + 1
    weight, bias = draw(channels, seed=1), draw(channels, seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_norm, "_PART", part)
        assert_same(
            lambda x: group_norm.group_norm(x, weight, bias, groups, 1e-6, silu=silu),
            lambda x: plain_norm(x, weight, bias, groups, silu),
            x,
            rtol=1e-8,
        )


@pytest.mark.parametrize("silu", [False, True])
def test_group_norm_as_a_gpu_computes_it(silu):
    x, weight, bias = draw(2, 12, 3, 5) + 1, draw(12, seed=1), draw(12, seed=2)
    y, (mean, rstd) = group_norm._on_a_gpu(x, weight, bias, 4, 1e-6, silu=silu)
    torch.testing.assert_close(y, plain_norm(x, weight, bias, 4, silu))
    _, m, r = torch.native_group_norm(x, weight, bias, 2, 12, 15, 4, 1e-6)
    torch.testing.assert_close((mean, rstd), (m, r))


def test_group_norm_of_bf16_has_sums_in_float32():
    """With a large mean the sums of rounded numbers would be wrong by far more than 2%."""
    x = (draw(1, 64, 32, 32) + 8).bfloat16().contiguous(memory_format=torch.channels_last)
    weight, bias = draw(64, seed=1).float(), draw(64, seed=2).float()
    gradient = draw(1, 64, 32, 32, seed=3)
    results = []
    for kind, compute in (
        (torch.bfloat16, lambda x: group_norm.group_norm(x, weight, bias, 32, 1e-6, silu=True)),
        (torch.float64, lambda x: plain_norm(x, weight.double(), bias.double(), 32, True)),
    ):
        leaf = x.detach().clone().to(kind).requires_grad_()
        y = compute(leaf)
        (dx,) = torch.autograd.grad(y, leaf, gradient.to(kind))
        assert y.dtype == dx.dtype == kind
        results.append((y.detach().double(), dx.double()))
    for mine, exact in zip(*results, strict=True):
        assert (mine - exact).norm() < 0.01 * exact.norm()


@settings(max_examples=15, deadline=None)
@given(batch=st.integers(1, 2), height=SIDES, width=SIDES, side=st.sampled_from([1, 3, 5]))
def test_convolve(batch, height, width, side):
    weight, bias = draw(4, 3, side, side, seed=1), draw(4, seed=2)
    assert_same(
        lambda x: convolve(x, weight, bias),
        lambda x: F.conv2d(x, weight, bias, padding=side // 2),
        draw(batch, 3, height, width),
    )


@settings(max_examples=15, deadline=None)
@given(batch=st.integers(1, 2), height=SIDES, width=SIDES)
def test_double_and_convolve(batch, height, width):
    weight, bias = draw(4, 3, 3, 3, seed=1), draw(4, seed=2)
    assert_same(
        lambda x: double_and_convolve(x, phase_weights(weight), bias),
        lambda x: F.conv2d(F.interpolate(x, scale_factor=2.0), weight, bias, padding=1),
        draw(batch, 3, height, width),
    )


@settings(max_examples=15, deadline=None)
@given(batch=st.integers(1, 2), count=st.integers(1, 12), part=st.integers(1, 60))
def test_attend(batch, count, part):
    q, k, v = (draw(batch, count, 5, seed=seed) for seed in range(3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "_PART", part)
        assert_same(attend, F.scaled_dot_product_attention, q, k, v)


def test_what_is_recomputed_has_the_same_bits_and_keeps_its_input_only():
    kept: list[int] = []

    def compute(x: Tensor) -> Tensor:
        return (x.sin() * x.exp()).tanh()

    results = []
    for run in (compute, lambda x: recomputed(compute, x)):
        x = draw(50).requires_grad_()
        kept.append(0)

        def keep(tensor: Tensor) -> Tensor:
            kept[-1] += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            y = run(x)
        y.square().sum().backward()
        results.append((y.detach(), x.grad))
    for mine, plain in zip(*results, strict=True):
        assert torch.equal(mine, plain)
    assert kept[1] < kept[0]
