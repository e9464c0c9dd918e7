"""Our Adam takes torch's steps, and every optimiser can be saved, undone and confined."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.painting.optimisers import Adam, Optimiser, make_optimiser
from engine.request.method.optimising import OPTIMISERS

BETAS = (0.9, 0.999)


def test_its_steps_are_those_of_torchs_adam() -> None:
    mine = torch.randn(4, 5, dtype=torch.float64)
    theirs = torch.nn.Parameter(mine.clone())
    target = torch.randn(4, 5, dtype=torch.float64)
    adam = Adam(mine, 0.15)
    reference = torch.optim.Adam([theirs], lr=0.15)
    for i in range(50):
        mine.grad = (mine - target) * (1 + i % 3)
        theirs.grad = (theirs.detach() - target) * (1 + i % 3)
        adam.step()
        reference.step()
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-10, atol=1e-12)


def _z() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.linspace(-1, 2, 12, dtype=torch.float64).view(1, 3, 2, 2))


def _run(optimiser: Optimiser, steps: int, rates: tuple[float, ...] = (0.1,)) -> None:
    for i in range(steps):
        with torch.no_grad():
            optimiser.parameter.grad = optimiser.parameter.sin() + i % 3
        optimiser.rate = rates[i % len(rates)]
        optimiser.step()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_each_moves_the_latent_and_continues_bit_for_bit_from_a_saved_state(name: str) -> None:
    whole = make_optimiser(name, _z(), 0.1, BETAS)
    _run(whole, 4)
    state, at = whole.state_dict(), whole.parameter.detach().clone()
    assert not torch.equal(at, _z())
    _run(whole, 4)
    again = make_optimiser(name, torch.nn.Parameter(at), 0.1, BETAS)
    again.load_state_dict(state)
    _run(again, 4)
    assert torch.equal(again.parameter, whole.parameter)


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("before", [0, 3])
def test_steps_can_be_undone_even_the_first(name: str, before: int) -> None:
    one, other = (make_optimiser(name, _z(), 0.1, BETAS) for _ in range(2))
    _run(one, before)
    _run(other, before)
    at, undo = one.parameter.detach().clone(), one.undo()
    _run(one, 2, (5.0,))
    undo()
    one.parameter.data.copy_(at)
    _run(one, 3)
    _run(other, 3)
    assert torch.equal(one.parameter, other.parameter)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_what_is_frozen_in_mid_run_stays_where_it_is(name: str) -> None:
    optimiser = make_optimiser(name, _z(), 0.1, BETAS)
    _run(optimiser, 3)
    part = torch.tensor([1.0, 0.0], dtype=torch.float64)
    optimiser.keep_only(part)
    before = optimiser.parameter.detach().clone()
    for _ in range(3):
        optimiser.parameter.grad = torch.ones_like(before) * part
        optimiser.step()
    moved = (optimiser.parameter.detach() - before).abs()
    assert moved[..., 0].min() > 0
    if name not in ("adamw", "adamp"):  # weight decay and projection reach every element
        assert moved[..., 1].max() == 0


@pytest.mark.parametrize(
    ("name", "theirs", "settings"),
    [
        ("adamw", "AdamW", {"betas": (0.8, 0.9)}),
        ("adamax", "Adamax", {"betas": (0.8, 0.9)}),
        ("adagrad", "Adagrad", {}),
        ("nadam", "NAdam", {"betas": (0.8, 0.9)}),
        ("radam", "RAdam", {"betas": (0.8, 0.9)}),
        ("rmsprop", "RMSprop", {}),
        ("sgd", "SGD", {"momentum": 0.8}),
    ],
)
def test_torchs_take_their_own_steps_at_every_rate(
    name: str, theirs: str, settings: dict[str, object]
) -> None:
    optimiser, z = make_optimiser(name, _z(), 0.1, (0.8, 0.9)), _z()
    reference = getattr(torch.optim, theirs)([z], lr=0.1, **settings)
    rates = (0.1, 0.02, 0.3)
    _run(optimiser, 8, rates)
    for i in range(8):
        z.grad = (z.sin() + i % 3).detach()
        reference.param_groups[0]["lr"] = rates[i % 3]
        reference.step()
    torch.testing.assert_close(optimiser.parameter, z, rtol=1e-12, atol=1e-12)


def _diffgrad(z: Tensor, before: Tensor, gradient: Tensor, moments: list[Tensor], i: int) -> Tensor:
    """One step of 0.1 as in shivram1987/diffGrad."""
    mean, square = moments
    mean.mul_(0.9).add_(gradient, alpha=0.1)
    square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    length = 0.1 * math.sqrt(1 - 0.999**i) / (1 - 0.9**i)
    friction = 1.0 / (1.0 + torch.exp(-(before - gradient).abs()))
    return z - length * mean * friction / (square.sqrt() + 1e-8)


def _adamp(z: Tensor, before: Tensor, gradient: Tensor, moments: list[Tensor], i: int) -> Tensor:
    """One step of 0.1 as in clovaai/AdamP, without weight decay."""
    mean, square = moments
    mean.mul_(0.9).add_(gradient, alpha=0.1)
    square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    step = mean / ((square.sqrt() / math.sqrt(1 - 0.999**i)) + 1e-8)
    row, slope = z.view(1, -1), gradient.view(1, -1)
    cosine = torch.nn.functional.cosine_similarity(slope, row, dim=1, eps=1e-8).abs()
    if cosine.max() < 0.1 / math.sqrt(row.size(1)):
        unit = z / (row.norm(dim=1) + 1e-8)
        step = step - unit * (unit * step).sum()
    return z - 0.1 / (1 - 0.9**i) * step


@pytest.mark.parametrize(("name", "published"), [("diffgrad", _diffgrad), ("adamp", _adamp)])
def test_variants_of_adam_take_the_steps_of_their_published_code(name, published) -> None:
    optimiser, z = make_optimiser(name, _z(), 0.1, BETAS), _z().detach()
    moments = [torch.zeros_like(z), torch.zeros_like(z)]
    before, orthogonal = torch.zeros_like(z), 0
    for i in range(1, 9):
        slope = z.sin() + i % 3
        if i % 2:  # as in a network whose output does not depend on the length of z
            slope = slope - z * (slope * z).sum() / (z * z).sum()
        orthogonal += bool((slope * z).sum().abs() < 1e-9)
        optimiser.parameter.grad = slope.clone()
        optimiser.step()
        z = published(z, before, slope, moments, i)
        before = slope
        # The square root's epsilon is inside or outside of its bias correction.
        torch.testing.assert_close(optimiser.parameter.detach(), z, rtol=1e-6, atol=1e-6)
    assert orthogonal == 4
