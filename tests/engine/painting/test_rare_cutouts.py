"""Sharpness, elastic warps and resized crops are kornia's, with values, gradients and chances."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.painting import host
from engine.painting.cutouts import Cutouts, cut, draw_cutouts
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation
from tests.engine.painting import published
from tests.engine.painting.test_published_cutouts import _critical, _distance
from tests.engine.tiny import PLAIN

SIDE = 40
# Not clamped, since warps of what is beyond 0..1 are compared.
ONE = dataclasses.replace(PLAIN, count=9, clamped=False)
RARE: dict[str, dict[str, Any]] = {
    "resized": {"resized": 0.5},
    "elastic": {"elastic": 0.7},
    "sharpness": {"sharpness": 0.5},
}


def _numbers(augmentation: Augmentation, seed: int = 3) -> Cutouts:
    return draw_cutouts(augmentation, 56, 60, SIDE, Draws(seed))


def _picture() -> Tensor:
    picture = torch.rand(1, 3, 60, 56, generator=torch.Generator().manual_seed(1))
    # A clamp stops different gradients than kornia's: away from 0 and 1.
    return (picture.double() * 0.3 + 0.3).requires_grad_(True)


def _gradient(result: Tensor, picture: Tensor) -> Tensor:
    slope = torch.rand(result.shape, generator=torch.Generator().manual_seed(2)).double() - 0.5
    (gradient,) = torch.autograd.grad(result, picture, slope)
    return gradient


@pytest.mark.parametrize("name", RARE)
def test_values_and_gradients_are_kornias(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    picture, numbers = _picture(), _numbers(dataclasses.replace(ONE, **RARE[name]))
    crops = cut(picture, _numbers(ONE), SIDE)
    expected = published.augmented(crops, {name: published.rare(SIDE)[name]}, numbers)
    gradient = _gradient(expected, picture)
    assert not torch.equal(expected, crops)
    for readable in (True, False):  # as on a GPU, where all cutouts go through the step
        monkeypatch.setattr(host, "is_readable", lambda numbers, known=readable: known)
        found = cut(picture, numbers, SIDE)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(_gradient(found, picture), gradient, atol=1e-4, rtol=1e-4)


def test_all_together_are_kornias_one_after_the_other() -> None:
    every = {key: value for changes in RARE.values() for key, value in changes.items()}
    picture, numbers = _picture(), _numbers(dataclasses.replace(ONE, **every))
    expected = published.augmented(cut(picture, _numbers(ONE), SIDE), published.rare(SIDE), numbers)
    torch.testing.assert_close(cut(picture, numbers, SIDE), expected, atol=1e-5, rtol=0)


def test_the_parameters_have_the_distributions_of_kornias() -> None:
    count = 3000
    numbers = draw_cutouts(
        dataclasses.replace(ONE, count=count, resized=1.0, sharpness=1.0), 64, 64, SIDE, Draws(0)
    )
    assert numbers.window is not None
    assert numbers.blend is not None
    with torch.random.fork_rng():
        torch.manual_seed(5)
        modules, shape = published.rare(SIDE), torch.Size((count, 3, SIDE, SIDE))
        window = modules["resized"].generate_parameters(shape)["src"]
        blend = modules["sharpness"].generate_parameters(shape)["sharpness"]
    left, top, across, down = (numbers.window * SIDE).round().unbind(1)
    for ours, theirs in (
        (left, window[:, 0, 0]),
        (top, window[:, 0, 1]),
        (across, window[:, 1, 0] - window[:, 0, 0] + 1),
        (down, window[:, 3, 1] - window[:, 0, 1] + 1),
        (
            across / down,
            (window[:, 1, 0] - window[:, 0, 0] + 1) / (1 + window[:, 3, 1] - window[:, 0, 1]),
        ),
        (numbers.blend, blend),
    ):
        assert _distance(ours, theirs) < _critical(ours, theirs)


def test_the_elastic_noise_is_uniform_and_only_where_a_cutout_is_bent() -> None:
    numbers = _numbers(dataclasses.replace(ONE, count=64, elastic=0.5))
    assert numbers.ripple is not None
    assert numbers.bent is not None
    assert 0.3 < numbers.bent.float().mean() < 0.7
    assert not numbers.ripple[~numbers.bent].any()
    drawn = numbers.ripple[numbers.bent].flatten()
    assert drawn.abs().max() <= 1
    assert _distance(drawn, torch.rand(9000) * 2 - 1) < _critical(drawn, torch.rand(9000))


def test_what_is_off_draws_nothing_and_changes_no_other_number() -> None:
    plain = _numbers(Augmentation(count=4))
    for name in ("zoomed", "window", "bent", "ripple", "sharpened", "blend"):
        assert getattr(plain, name) is None
    every = {key: value for changes in RARE.values() for key, value in changes.items()}
    other = _numbers(Augmentation(count=4, **every))
    for field in dataclasses.fields(Cutouts):
        value = getattr(plain, field.name)
        if isinstance(value, Tensor):
            assert torch.equal(value, getattr(other, field.name)), field.name


def test_several_paintings_draw_what_each_draws_alone() -> None:
    every = {key: value for changes in RARE.values() for key, value in changes.items()}
    augmentation = dataclasses.replace(ONE, **every)
    each = [Draws(seed, 2) for seed in (5, 6)]
    together = draw_cutouts(augmentation, 56, 60, SIDE, Draws.of_all(each), order=(0, 1, 2, 3))
    for i, draws in enumerate(each):
        alone = draw_cutouts(augmentation, 56, 60, SIDE, draws)
        for name in ("window", "ripple", "blend"):
            assert torch.equal(getattr(together.of_job(i), name), getattr(alone, name))
