"""What the random numbers mean, and that they come from the job's own generator."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.painting.cutouts import Cutouts, cut, draw_cutouts
from engine.request.recipe import Augmentation
from tests.engine.tiny import PLAIN

SIZE = 16


def _draw(augmentation: Augmentation, width: int = 48, height: int = 40, seed: int = 0) -> Cutouts:
    return draw_cutouts(augmentation, width, height, SIZE, torch.Generator().manual_seed(seed))


def _picture(width: int = 48, height: int = 40) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(9))


@given(st.integers(16, 200), st.integers(16, 200), st.floats(0.1, 3), st.floats(0, 1))
def test_every_crop_is_within_the_picture(
    width: int, height: int, power: float, whole: float
) -> None:
    augmentation = Augmentation(count=12, crop_power=power, whole=whole)
    box = _draw(augmentation, width, height).box
    assert (box >= 0).all()
    assert (box[:, :2] + box[:, 2:] <= 1 + 1e-6).all()
    cropped = box[round(12 * whole) :] * torch.tensor([width, height, width, height])
    torch.testing.assert_close(cropped[:, 2], cropped[:, 3])
    assert (cropped[:, 2] >= min(SIZE, width, height) - 1e-3).all()


def test_a_crop_of_the_perceptors_own_size_is_the_pixels_themselves() -> None:
    picture = _picture(SIZE, SIZE)
    assert torch.equal(
        cut(picture, _draw(dataclasses.replace(PLAIN, count=1), SIZE, SIZE), SIZE), picture
    )


def test_a_flip_mirrors_left_and_right() -> None:
    picture = _picture(SIZE, SIZE)
    flipped = _draw(dataclasses.replace(PLAIN, count=1, flip=1.0), SIZE, SIZE)
    torch.testing.assert_close(cut(picture, flipped, SIZE), picture.flip(-1))


@given(st.integers(0, 1000))
def test_an_affine_warp_turns_shears_and_shifts_by_what_was_drawn(seed: int) -> None:
    augmentation = dataclasses.replace(PLAIN, count=8, affine=1.0, degrees=25.0, translate=0.1)
    warp = _draw(augmentation, seed=seed).warp.double()
    turned = warp[:, :2, :2]
    identity = torch.eye(2).double().expand(8, 2, 2)
    torch.testing.assert_close(turned @ turned.transpose(1, 2), identity, atol=1e-5, rtol=0)
    angles = torch.atan2(warp[:, 1, 0], warp[:, 0, 0]).abs()
    assert (angles <= math.radians(25) + 1e-5).all()
    assert (warp[:, :2, 2].abs() <= 0.2 + 1e-6).all()


@given(st.integers(0, 1000))
def test_a_perspective_moves_each_corner_inwards_by_what_was_drawn(seed: int) -> None:
    augmentation = dataclasses.replace(PLAIN, count=6, perspective=1.0, distortion=0.5)
    warp = _draw(augmentation, seed=seed).warp.double()
    corners = torch.tensor([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]]).double()
    moved = corners @ warp.transpose(1, 2)
    moved = moved[..., :2] / moved[..., 2:]
    inward = (corners[:, :2] - moved) * corners[:, :2].sign()
    assert (inward >= -1e-5).all()
    assert (inward <= 0.5 + 1e-5).all()
    assert inward.std() > 0


def test_nothing_is_erased_disturbed_or_warped_with_probability_zero() -> None:
    numbers = _draw(PLAIN)
    assert torch.equal(numbers.warp, torch.eye(3).expand(3, 3, 3))
    assert not numbers.erase.any()
    assert not numbers.hue.any()
    assert (numbers.saturation == 1).all()
    assert numbers.grain is None


def test_probabilities_are_those_asked_for() -> None:
    numbers = _draw(dataclasses.replace(Augmentation(), count=2000))
    mirrored = (numbers.warp[:, 0, 0] < 0).float().mean()
    jittered = (numbers.hue != 0).float().mean()
    assert mirrored.item() == pytest.approx(0.5, abs=0.05)
    assert jittered.item() == pytest.approx(0.7, abs=0.05)


def test_hue_and_saturation_leave_greys_alone() -> None:
    grey = torch.linspace(0.1, 0.9, SIZE).expand(1, 3, SIZE, SIZE).contiguous()
    numbers = _draw(dataclasses.replace(PLAIN, jitter=1.0, hue=0.5, saturation=0.9), SIZE, SIZE)
    torch.testing.assert_close(cut(grey, numbers, SIZE), grey.expand(3, -1, -1, -1))


def test_erasing_blackens_a_tenth_to_two_fifths() -> None:
    white = torch.ones(1, 3, SIZE, SIZE)
    numbers = _draw(dataclasses.replace(PLAIN, count=50, erasing=1.0), SIZE, SIZE)
    gone = (cut(white, numbers, SIZE)[:, 0] == 0).float().mean((1, 2))
    assert (gone > 0.02).all()
    assert (gone < 0.5).all()


def test_cutouts_stay_in_range_and_every_gradient_is_finite() -> None:
    picture = torch.cat([torch.zeros(1, 3, 20, 48), torch.ones(1, 3, 20, 48)], 2)
    picture.requires_grad_(True)
    for augmentation in (
        Augmentation(count=16),
        Augmentation(count=16, erasing=0.7, shear=5.0, hue=0.1, saturation=0.1),
    ):
        taken = cut(picture, _draw(augmentation), SIZE)
        assert taken.min() >= 0
        assert taken.max() <= 1
        (gradient,) = torch.autograd.grad((taken**2).sum(), picture)
        assert gradient.isfinite().all()
        assert gradient.any()


def test_the_same_seed_draws_the_same_numbers_and_leaves_torchs_own_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (
        _draw(Augmentation()),
        _draw(Augmentation()),
        _draw(Augmentation(), seed=1),
    )
    assert torch.equal(torch.get_rng_state(), before)
    for field in dataclasses.fields(Cutouts):
        one, two = getattr(first, field.name), getattr(again, field.name)
        assert torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two
    assert not torch.equal(first.box, other.box)


def test_many_pictures_give_one_cutout_each() -> None:
    pictures = torch.rand(3, 3, 40, 48)
    numbers = _draw(PLAIN)
    together = cut(pictures, numbers, SIZE)
    for i in range(3):
        assert torch.equal(together[i], cut(pictures[i : i + 1], numbers, SIZE)[i])
