"""The gradients of cutouts are those of torch's and kornia's own operations, in float64."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import kornia.enhance
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from engine.painting import host
from engine.painting.cutouts import Cutouts, cut, draw_cutouts, plain_cutouts
from engine.painting.cutouts.colours import Colour
from engine.painting.cutouts.pooling import pooled
from engine.painting.cutouts.steps import Step
from engine.painting.cutouts.warps import Warp, affine_warp, gradient_in_fixed_point, warp_grid
from engine.random_numbers import Draws
from engine.request.recipe import PRESETS, Augmentation, Padding
from tests.engine.painting import published
from tests.engine.tiny import PLAIN

SIDE = 24


def _numbers(augmentation: Augmentation, seed: int = 0) -> Cutouts:
    """The numbers of an iteration for a picture of 40 x 36 pixels."""
    return draw_cutouts(augmentation, 40, 36, SIDE, Draws(seed))


def _random(*shape: int, seed: int = 1) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _gradient(result: Tensor, of: Tensor) -> Tensor:
    slope = _random(*result.shape, seed=2) - 0.5
    (gradient,) = torch.autograd.grad(result, of, slope)
    return gradient


@pytest.mark.parametrize("preset", ["paper", "nerdyrodent"])
def test_the_gradient_of_augmented_cutouts_is_kornias(preset: str) -> None:
    augmentation = dataclasses.replace(PRESETS[preset].augmentation, count=12, noise=0.0)
    numbers = _numbers(augmentation)
    # Far from white, and nothing gets darker than the black that warps show: where a clamp acts,
    # the published gradients differ.
    numbers.colours[:, 0] = 1 + (numbers.colours[:, 0] - 1).abs()
    picture = (_random(1, 3, 36, 40) * 0.3 + 0.3).requires_grad_(True)
    if preset == "nerdyrodent":
        expected = published.augmented(
            published.pooled(picture, 12, SIDE), published.nerdyrodent(), numbers
        )
    else:
        expected = published.augmented(
            published.crops(picture, numbers.box, SIDE), published.notebook(), numbers
        )
    found = cut(picture, numbers, SIDE)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        _gradient(found, picture), _gradient(expected, picture), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("side", [24, 30, 67, 96])
def test_the_gradient_of_crops_is_that_of_antialiased_interpolation(side: int) -> None:
    """Of pictures that are smaller and larger than the cutouts."""
    picture = _random(1, 3, side, side + 9).requires_grad_(True)
    box = torch.tensor([[4, 1, side - 1, side - 1], [9, 0, side, side], [2, 3, 17, 17]]).double()
    numbers = plain_cutouts(box / torch.tensor([side + 9, side, side + 9, side]))
    numbers = dataclasses.replace(numbers, flipped=torch.tensor([True, False, True]), clamped=False)
    expected = published.crops(picture, numbers.box, 40)
    expected = torch.cat([expected[:1].flip(-1), expected[1:2], expected[2:].flip(-1)])
    found = cut(picture, numbers, 40)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(_gradient(found, picture), _gradient(expected, picture))


def _kornias(picture: Tensor, saturation: Tensor, turn: Tensor) -> Tensor:
    picture = kornia.enhance.adjust_saturation(picture, saturation.flatten())
    return kornia.enhance.adjust_hue(picture, turn.flatten() * (2 * math.pi / 6))


@settings(max_examples=15)
@given(st.floats(0, 2), st.floats(-1, 1), st.integers(0, 9))
def test_saturation_and_hue_are_kornias_with_their_gradients(
    saturation: float, turn: float, seed: int
) -> None:
    picture = _random(1, 3, 12, 12, seed=seed).requires_grad_(True)
    factors = torch.tensor([[[saturation]]]).double(), torch.tensor([[[turn]]]).double()
    expected = _kornias(picture, *factors)
    slope = _random(*picture.shape, seed=2) - 0.5
    step = Colour(*factors)
    torch.testing.assert_close(step.apply(picture.detach()), expected, atol=1e-6, rtol=0)
    (gradient,) = torch.autograd.grad(expected, picture, slope)
    torch.testing.assert_close(
        step.differentiate(picture.detach())[1](slope), gradient, atol=1e-4, rtol=1e-4
    )


def test_colours_with_equal_channels_turn_as_in_kornia() -> None:
    """Primary and mixed colours, greys, black and white, by up to half the circle."""
    levels = torch.tensor([0.0, 0.5, 1.0]).double()
    pixels = torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 3, 9)
    picture = F.pad(pixels, (0, 0, 0, 6), mode="replicate").contiguous()
    for turns in (-0.5, -0.3, -0.05, 0.02, 0.25, 0.5):
        numbers = dataclasses.replace(
            plain_cutouts(torch.tensor([[0.0, 0.0, 1.0, 1.0]])),
            jittered=torch.tensor([True]),
            colours=torch.tensor([[1.0, 1.0, 1.0, turns]]),
        )
        expected = _kornias(picture, torch.ones(1).double(), torch.tensor([6.0 * turns]).double())
        torch.testing.assert_close(cut(picture, numbers, 9), expected, atol=1e-6, rtol=0)


def test_a_white_pixel_can_become_any_colour() -> None:
    """kornia's gradient there is grey: equal channels share it."""
    white = torch.ones(1, 3, 4, 4).double()
    slope = torch.zeros_like(white)
    slope[:, 1:] = 1  # less green and blue
    step = Colour(torch.full((1, 1, 1), 1.01).double(), torch.full((1, 1, 1), 0.06).double())
    red, green, blue = step.differentiate(white)[1](slope).mean((0, 2, 3)).tolist()
    assert min(green, blue) > 0.9
    assert abs(red) < 0.1


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_the_fixed_point_gradient_of_a_warp_is_grid_samples(padding: Padding) -> None:
    angle, shear = torch.tensor([70.0, -20.0]).double(), torch.tensor([30.0, 0.0]).double()
    warp = affine_warp(angle, shear, torch.tensor([[30.0, 4.0], [-9.0, 50.0]]).double(), SIDE)
    picture = _random(2, 3, SIDE, SIDE).requires_grad_(True)
    grid = warp_grid(warp, SIDE)
    expected = F.grid_sample(picture, grid, padding_mode=padding, align_corners=False)
    slope = _random(*picture.shape, seed=2) - 0.5
    (gradient,) = torch.autograd.grad(expected, picture, slope)
    step: Step = Warp(warp, padding)
    torch.testing.assert_close(step.apply(picture.detach()), expected)
    torch.testing.assert_close(step.differentiate(picture.detach())[1](slope), gradient)
    fixed = gradient_in_fixed_point(slope, grid, padding)
    torch.testing.assert_close(fixed, gradient, atol=1e-9, rtol=0)
    small = gradient_in_fixed_point((slope * 1e-30).float(), grid.float(), padding)
    torch.testing.assert_close(small.double() * 1e30, gradient, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [(40, 36), (17, 60)])
def test_the_gradient_of_pooling_is_torchs(size: tuple[int, int]) -> None:
    picture = _random(2, 3, *size).requires_grad_(True)
    found, expected = pooled(picture, SIDE), published.pooled(picture, 1, SIDE)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(_gradient(found, picture), _gradient(expected, picture))


def test_a_gradient_that_is_no_number_stays_none_in_fixed_point() -> None:
    slope = _random(2, 3, SIDE, SIDE)
    slope[1, 0, 3, 3] = math.nan
    grid = F.affine_grid(torch.eye(2, 3).expand(2, 2, 3).double(), [2, 3, SIDE, SIDE], False)
    found = gradient_in_fixed_point(slope, grid, "zeros")
    assert found[0].isfinite().all()
    assert found[1].isnan().all()


@pytest.mark.parametrize("preset", ["paper", "nerdyrodent"])
def test_cutouts_are_the_same_where_no_number_can_be_read(
    preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where all cutouts go through all steps together."""
    augmentation = dataclasses.replace(PRESETS[preset].augmentation, count=9, flip=0.5)
    numbers = _numbers(augmentation)
    picture = _random(1, 3, 36, 40).requires_grad_(True)
    expected = cut(picture, numbers, SIDE)
    gradient = _gradient(expected, picture)
    monkeypatch.setattr(host, "is_readable", lambda numbers: False)
    for known in (numbers, dataclasses.replace(numbers, possible=None)):
        found = cut(picture, known, SIDE)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(_gradient(found, picture), gradient, atol=1e-4, rtol=1e-4)


class _NeverWaiting(TorchDispatchMode):
    """Refuses what makes the host wait for a GPU, or copies numbers from ordinary memory to it."""

    refused = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "unique", "equal")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        assert not any(name.startswith(each) for each in self.refused), name
        indices = args[1] if name in ("index", "index_put") else ()
        assert not any(index is not None and index.dtype == torch.bool for index in indices)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("preset", ["paper", "nerdyrodent"])
def test_a_gpu_never_waits_for_a_number(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = _numbers(dataclasses.replace(PRESETS[preset].augmentation, count=4))
    picture = _random(1, 3, 36, 40).requires_grad_(True)
    with pytest.raises(AssertionError, match=r"lift_fresh|scalar"), _NeverWaiting():
        cut(picture, numbers, SIDE)
    monkeypatch.setattr(host, "is_readable", lambda numbers: False)
    with _NeverWaiting():
        cut(picture, numbers, SIDE).sum().backward()
    assert picture.grad is not None


def _joined(*numbers: Cutouts) -> Cutouts:
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(Cutouts):
        values = [getattr(each, field.name) for each in numbers]
        joined = torch.cat(values) if isinstance(values[0], Tensor) else values[0]
        fields[field.name] = joined
    return Cutouts(**fields)


@pytest.mark.parametrize("readable", [True, False])
def test_the_cutouts_of_a_picture_do_not_depend_on_other_pictures(
    readable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "is_readable", lambda numbers: readable)
    pictures = _random(3, 3, 36, 40).float().requires_grad_(True)
    each = [_numbers(Augmentation(count=6), seed) for seed in range(3)]
    together = cut(pictures, _joined(*each), SIDE)
    alone = [cut(pictures[i : i + 1], each[i], SIDE) for i in range(3)]
    assert torch.equal(together, torch.cat(alone))
    gradient = _gradient(together.double(), pictures)
    assert torch.equal(gradient, _gradient(torch.cat(alone).double(), pictures))


def test_the_same_crop_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    original = F.embedding_bag

    def counting(index: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        made.append(len(index))
        return original(index, *args, **kwargs)

    monkeypatch.setattr(F, "embedding_bag", counting)
    picture = _random(1, 3, 36, 40).requires_grad_(True)
    numbers = _numbers(dataclasses.replace(PLAIN, count=8, whole=1.0))
    gradient = _gradient(cut(picture, numbers, SIDE), picture)
    assert max(made[:2]) == 3 * SIDE
    slope = (_random(8, 3, SIDE, SIDE, seed=2) - 0.5).sum(0, keepdim=True)
    whole = F.interpolate(picture, (SIDE, SIDE), mode="bicubic", antialias=True)
    (expected,) = torch.autograd.grad(whole, picture, slope)
    torch.testing.assert_close(gradient, expected)
