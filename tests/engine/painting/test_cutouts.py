"""What the random numbers of cutouts mean."""

from __future__ import annotations

import dataclasses

import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.painting.cutouts import Cutouts, cut, draw_cutouts, plain_cutouts
from engine.random_numbers import Draws
from engine.request.recipe import PRESETS, Augmentation
from tests.engine.tiny import PLAIN

SIZE = 16


def _draw(augmentation: Augmentation, width: int = 48, height: int = 40, seed: int = 0) -> Cutouts:
    return draw_cutouts(augmentation, width, height, SIZE, Draws(seed))


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
    whole = _draw(dataclasses.replace(PLAIN, count=1), SIZE, SIZE)
    torch.testing.assert_close(cut(picture, whole, SIZE), picture)


def test_a_flip_mirrors_left_and_right() -> None:
    picture = _picture(SIZE, SIZE)
    flipped = _draw(dataclasses.replace(PLAIN, count=1, flip=1.0), SIZE, SIZE)
    torch.testing.assert_close(cut(picture, flipped, SIZE), picture.flip(-1))


def test_nothing_is_erased_disturbed_or_warped_with_probability_zero() -> None:
    numbers = _draw(PLAIN)
    for chosen in (numbers.flipped, numbers.turned, numbers.tilted, numbers.jittered):
        assert not chosen.any()
    assert not numbers.erase.any()
    assert numbers.grain is None


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
        dataclasses.replace(PRESETS["nerdyrodent"].augmentation, clamped=True),
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


@given(st.floats(-0.4, 0.9), st.floats(-0.4, 0.9), st.floats(0.2, 0.9))
def test_a_crop_beyond_the_picture_shows_its_reflection(x: float, y: float, side: float) -> None:
    """Self-masking looks at squares around every point, also at the picture's edges."""
    picture = _picture()
    mirrored = torch.cat([picture.flip(-1), picture, picture.flip(-1)], dim=-1)
    mirrored = torch.cat([mirrored.flip(-2), mirrored, mirrored.flip(-2)], dim=-2)
    box = torch.tensor([[x, y, side, side]])
    larger = (box + torch.tensor([1.0, 1.0, 0.0, 0.0])) / 3
    torch.testing.assert_close(
        cut(picture, plain_cutouts(box), SIZE),
        cut(mirrored, plain_cutouts(larger), SIZE),
        atol=2e-3,
        rtol=0,
    )


def test_many_pictures_give_one_cutout_each() -> None:
    pictures = torch.rand(3, 3, 40, 48)
    numbers = _draw(PLAIN)
    together = cut(pictures, numbers, SIZE)
    for i in range(3):
        torch.testing.assert_close(together[i], cut(pictures[i : i + 1], numbers, SIZE)[i])
