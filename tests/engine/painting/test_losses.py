"""Distances, straight-through gradients, clamps, schedules."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.painting.losses import (
    clamp_with_gradient,
    prompt_loss,
    regulariser_loss,
    replace_gradient,
    smoothness_loss,
    spherical_distance,
)
from engine.request.method.regulariser import SCHEDULES, Regulariser
from engine.request.recipe import PRESETS


@given(st.floats(0.01, math.pi - 0.01))
def test_spherical_distance_is_half_the_squared_angle(angle: float) -> None:
    u = torch.tensor([1.0, 0.0], dtype=torch.float64)
    v = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    assert spherical_distance(u, v).item() == pytest.approx(angle**2 / 2, rel=1e-9)


def test_orthogonal_vectors_are_1_234_apart() -> None:
    assert spherical_distance(torch.tensor([1.0, 0]), torch.tensor([0, 1.0])).item() == (
        pytest.approx(1.2337, abs=1e-4)
    )


def test_a_negative_weight_reverses_the_loss() -> None:
    images = torch.nn.functional.normalize(torch.randn(5, 8, dtype=torch.float64), dim=1)
    target = torch.nn.functional.normalize(torch.randn(8, dtype=torch.float64), dim=0)
    assert prompt_loss(images, target, -0.5).item() == pytest.approx(
        -0.5 * prompt_loss(images, target).item()
    )


def test_below_the_stop_a_prompt_has_its_loss_but_no_gradient() -> None:
    images = torch.nn.functional.normalize(torch.randn(5, 8), dim=1).requires_grad_(True)
    target = torch.nn.functional.normalize(torch.randn(8), dim=0)
    loss = prompt_loss(images, target, 1.0, stop=10.0)
    assert loss.item() == pytest.approx(prompt_loss(images, target).item())
    (gradient,) = torch.autograd.grad(loss, images)
    assert not gradient.any()


def test_the_straight_through_gradient_goes_to_the_other_tensor() -> None:
    forward = torch.randn(3, 4, requires_grad=True)
    backward = torch.randn(3, 4, requires_grad=True)
    result = replace_gradient(forward, backward)
    assert torch.equal(result, forward)
    weights = torch.randn(3, 4)
    (result * weights).sum().backward()
    assert forward.grad is None
    assert backward.grad is not None
    assert torch.equal(backward.grad, weights)


@given(st.floats(-3, 3), st.floats(-2, 2))
def test_the_clamp_passes_only_gradients_that_lead_back_inside(x: float, slope: float) -> None:
    value = torch.tensor([x], requires_grad=True)
    clamped = clamp_with_gradient(value)
    assert clamped.item() == min(1.0, max(0.0, value.item()))
    clamped.backward(torch.tensor([slope]))
    beyond = value.item() - clamped.item()
    expected = torch.tensor(slope).item() if torch.tensor(slope) * beyond >= 0 else 0.0
    assert value.grad is not None
    assert value.grad.item() == expected


def test_each_schedule_of_the_decay() -> None:
    def row(name: str) -> list[float]:
        return [Regulariser(0.75, name).alpha(i, 400) for i in (0, 1, 50, 149, 150, 399)]

    assert row("linear") == pytest.approx([0.75, 0.745, 0.5, 0.005, 0.0, 0.0])
    assert row("geometric") == pytest.approx([0.75 * 0.995**i for i in (0, 1, 50, 149, 150, 399)])
    assert row("whole") == pytest.approx([0.75 - 0.0000125 * i for i in (0, 1, 50, 149, 150, 399)])
    assert row("harmonic") == pytest.approx([0.75 / (2 * i + 1) for i in (0, 1, 50, 149, 150, 399)])
    assert row("constant") == [0.75] * 6


def test_the_notebooks_weight_falls_when_and_as_far_as_in_the_notebook() -> None:
    """Its own arithmetic, rounding included: the weight falls after the loss was measured."""
    weight, fall, expected = 1.5, 1.5 / 5, []
    for i in range(400):
        expected.append(weight / 2)
        if i > 0 and i % 50 == 0 and i <= 250:
            lower = weight - fall
            weight = lower if lower > 0 and lower >= fall else 0
    regulariser = PRESETS["notebook"].regulariser
    assert [regulariser.alpha(i, 400) for i in range(400)] == pytest.approx(expected)


@given(
    st.sampled_from(sorted(SCHEDULES)), st.floats(0, 10), st.integers(0, 5000), st.integers(1, 5000)
)
def test_no_schedule_ever_rises_or_goes_below_zero(
    name: str, weight: float, i: int, total: int
) -> None:
    regulariser = Regulariser(weight, name)
    now, later = regulariser.alpha(i, total), regulariser.alpha(i + 1, total)
    assert 0 <= later <= now <= weight


def test_the_regulariser_pulls_to_zero_or_to_the_anchor() -> None:
    z, anchor = torch.randn(1, 4, 2, 3), torch.randn(1, 4, 2, 3)
    assert regulariser_loss(z, None, 0.5).item() == pytest.approx(0.5 * (z**2).mean().item())
    assert regulariser_loss(z, z, 0.5).item() == 0
    assert regulariser_loss(z, anchor, 2.0).item() == pytest.approx(
        2 * ((z - anchor) ** 2).mean().item()
    )


@given(st.integers(1, 6), st.floats(0.1, 0.9), st.floats(0.5, 8.0))
def test_a_steep_edge_is_as_smooth_as_a_slope_and_noise_is_not(width, step, weight) -> None:
    slope = (torch.arange(16.0) - 4).clamp(0, width) / width * step
    edge = (torch.arange(16) > 7) * step
    smooth, steep = (smoothness_loss(row.expand(1, 3, 16, 16), weight) for row in (slope, edge))
    # 15 differences per row: several on the slope, one at the edge, with the same sum.
    assert smooth.item() == pytest.approx(steep.item(), rel=1e-4)
    assert steep.item() == pytest.approx(weight * step / 15, rel=1e-4)
    noise = step * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert smoothness_loss(noise, weight) > 3 * steep
