"""The kernels give what PyTorch's operations give, as Triton's interpreter runs them."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from engine.models.kernels import group_norm
from engine.painting.cutouts import cut, draw_cutouts
from engine.painting.cutouts.colours import Brightness, Colour
from engine.painting.cutouts.finishing import Finishing
from engine.painting.cutouts.steps import Chain, Chosen, Clamp, Erase, Noise, Step
from engine.painting.cutouts.warps import gradient_in_fixed_point
from engine.random_numbers import Draws, Stream
from engine.random_numbers.elements import TILE
from engine.request.recipe import PRESETS, Padding

SIDE, COUNT = 24, 4
PADDINGS: dict[Padding, int] = {"zeros": 0, "border": 1, "reflection": 2}


def random(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def twice(kernels, make) -> Tensor:
    """What a kernel gives once it has proved itself against the operations."""
    make()
    (known,) = kernels.status().values()
    assert all(known.values()), known
    return make()


@pytest.mark.parametrize("count", [TILE + 1, 8 * TILE, 130_001])
def test_normal_numbers_are_those_of_the_cpu(kernels, count):
    seeds, iterations = [3, -(2**63) + 5, 2**63 - 1], [0, 7, 2**31]
    alone = [
        Draws(seed % 2**64, at, 2).normal(Stream.GRAIN, (count,))
        for seed, at in zip(seeds, iterations, strict=True)
    ]
    draws = Draws(torch.tensor(seeds), torch.tensor(iterations), 2)
    draws._by_numpy = False
    found = twice(kernels, lambda: draws.normal(Stream.GRAIN, (count,)))
    assert torch.equal(found, torch.stack(alone))


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")  # infinity's
@pytest.mark.parametrize("padding", PADDINGS)
def test_the_gradient_of_a_warp_is_pytorch_s(kernels, padding):
    grid = random(COUNT, SIDE, SIDE, 2) * 3 - 1.5  # also far outside
    slope = random(COUNT, 3, SIDE, SIDE, seed=2) - 0.5
    expected = torch.ops.aten.grid_sampler_2d_backward(
        slope, slope, grid, 0, PADDINGS[padding], False, [True, False]
    )[0]
    found = twice(kernels, lambda: gradient_in_fixed_point(slope, grid, padding))
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    slope[1, 0, 3, 3] = torch.inf
    found = gradient_in_fixed_point(slope, grid, padding)
    assert not found[1].isfinite().any()
    assert torch.equal(found[0].isfinite(), torch.ones_like(found[0], dtype=torch.bool))


def steps(coloured: bool, erased: bool, noisy: bool, clamped: bool) -> list[Step]:
    """Strong changes of four cutouts; the last is not coloured, the second not erased."""
    made: list[Step] = []
    if coloured:
        saturation, turn = torch.tensor([[0.9, 1.1, 1.9, 1.5], [0.6, -0.5, 1.0, 0.3]]).double()
        colour = Colour(saturation[:, None, None], turn[:, None, None])
        chosen = torch.tensor([1.0, 1, 1, 0]).double()[:, None, None, None]
        made.append(Chosen(Chain([Clamp(), colour]), chosen))
    if erased:
        made.append(Erase(torch.tensor([[2.0, 3, 9, 12], [0] * 4, [5, 5, 24, 24], [0, 0, 1, 1]])))
    if noisy:
        grain = random(COUNT, 3, SIDE, SIDE, seed=3) - 0.5
        deviation = random(COUNT, 1, 1, 1, seed=4) * 0.2
        made.append(Noise(deviation, grain, torch.arange(COUNT)))
    return [*made, Clamp()] if clamped else made


@pytest.mark.parametrize("which", list(itertools.product((False, True), repeat=4)))
def test_colours_and_their_gradient_are_those_of_the_steps(kernels, which):
    x = random(COUNT, 3, SIDE, SIDE) * 1.4 - 0.2
    x[:, :, :4] = x[:, :1, :4]  # greys, of which the order of the channels is a choice
    x[:, 1, 4:8], x[:, 2, 8:12] = x[:, 0, 4:8], x[:, 1, 8:12]
    slope = random(*x.shape, seed=2) - 0.5
    chain, finishing = Chain(steps(*which)), Finishing(steps(*which))
    expected, gradient = chain.differentiate(x)
    found = twice(kernels, lambda: finishing.apply(x))
    torch.testing.assert_close(found, expected, atol=1e-14, rtol=0)
    found = twice(kernels, lambda: finishing.gradient(x, slope))
    torch.testing.assert_close(found, gradient(slope), atol=1e-13, rtol=0)


def test_what_no_kernel_does_is_left_to_the_steps(kernels):
    x = random(COUNT, 3, SIDE, SIDE)
    for others in (
        [Brightness(torch.tensor(0.1)), Clamp()],
        [Clamp(), Erase(torch.zeros(COUNT, 4))],
    ):
        assert torch.equal(Finishing(others).apply(x), Chain(others).apply(x))
    assert kernels.status() == {}


@pytest.mark.parametrize("preset", ["paper", "nerdyrodent"])
def test_cutouts_of_a_preset_are_the_same_with_kernels(kernels, preset, monkeypatch):
    side = 40
    augmentation = dataclasses.replace(PRESETS[preset].augmentation, count=8)
    picture = random(1, 3, 48, 56).float().requires_grad_(True)

    def made(seed: int) -> tuple[Tensor, Tensor]:
        draws = Draws(seed)
        draws._by_numpy = False
        result = cut(picture, draw_cutouts(augmentation, 56, 48, side, draws), side)
        return result.detach(), torch.autograd.grad(result.square().sum(), picture)[0]

    made(0)
    (known,) = kernels.status().values()
    assert all(known.values()), known
    assert {"normal numbers", "gradient of a warp, zeros outside"} <= set(known)
    assert ("gradient of colour, noise, clamp" in known) == (preset == "paper")
    found = made(1)
    monkeypatch.setattr(kernels, "TYPES", set())
    for one, other in zip(found, made(1), strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


@pytest.mark.parametrize("silu", [False, True])
@pytest.mark.parametrize(
    ("shape", "groups"),
    [((1, 32, 5, 7), 8), ((2, 64, 12, 13), 32), ((1, 512, 6, 7), 32)],
)
def test_group_norm_is_pytorch_s(kernels, monkeypatch, shape, groups, silu):
    monkeypatch.setattr("engine.fused.group_norm._PARTS", 2)
    monkeypatch.setattr(group_norm, "_is_on_cpu", lambda x: False)
    x = (random(*shape) * 6 + 3).requires_grad_(True)
    weight, bias = random(2, shape[1], seed=2) * 2 - 1
    slope = random(*shape, seed=3) - 0.5
    expected = torch.nn.functional.group_norm(x, groups, weight, bias, 1e-6)
    if silu:
        expected = torch.nn.functional.silu(expected)
    (gradient,) = torch.autograd.grad(expected, x, slope)

    def both(precision: torch.dtype) -> tuple[Tensor, Tensor]:
        other = x.detach().to(precision).requires_grad_(True)
        precise = torch.promote_types(precision, torch.float32)
        scale, shift = weight.to(precise), bias.to(precise)
        y = group_norm.group_norm(other, scale, shift, groups, 1e-6, silu=silu)
        (found,) = torch.autograd.grad(y, other, slope.to(precision))
        assert found.is_contiguous(memory_format=torch.channels_last)
        return y.detach(), found

    for precision, error in ((torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.03)):
        both(precision)
        for found, right in zip(both(precision), (expected, gradient), strict=True):
            assert (found - right).abs().max() <= error * right.abs().max()
    (known,) = kernels.status().values()
    assert len(known) == 9
    assert all(known.values()), known


@pytest.mark.parametrize(
    "capabilities",
    [
        ("90",),
        pytest.param(("75", "80", "100", "120"), marks=pytest.mark.slow),
    ],
)
def test_they_compile_for_nvidia_s_gpus(capabilities):
    pytest.importorskip("triton", reason="Triton, which PyTorch brings along only for GPUs")
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.fused.compiled", *capabilities],
        env={**os.environ, "TRITON_INTERPRET": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert tuple(done.stdout.split()) == capabilities
