"""Masks: outside them nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import RequestError
from engine.painting.cutouts import cut, draw_cutouts
from engine.painting.guided_filter import EPSILON, guided_filter
from engine.painting.losses import structure_loss
from engine.painting.masking import composite, feather, make_mask
from engine.painting.pipeline import paint
from engine.painting.synthesis import Synthesis
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation
from tests.engine.painting import reference
from tests.engine.tiny import PLAIN, tiny_generator, tiny_perceptor, tiny_recipe

FACTOR = 2
START = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(3))


def _left_half() -> torch.Tensor:
    mask = torch.zeros(1, 1, 24, 32)
    mask[..., :16] = 1
    return mask


def _synthesis(
    mask: torch.Tensor | None, keep: float = 0.0, dtype: torch.dtype = torch.float32, **changes: Any
) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": Augmentation(count=4), "learning_rate": 0.5, **changes})
    return Synthesis(
        tiny_generator(dtype),
        tiny_perceptor(dtype),
        [Prompt("a red star")],
        recipe,
        5,
        START,
        mask,
        keep,
    )


RECTANGLES = st.tuples(
    st.integers(0, 29), st.integers(0, 19), st.integers(1, 12), st.integers(1, 12)
)


@given(RECTANGLES, st.sampled_from([1, 2, 8, 16]))
def test_a_mask_is_one_inside_and_zero_one_token_outside(rectangle, factor):
    left, top, width, height = rectangle
    white = torch.zeros(1, 1, 32, 48)
    white[..., top : top + height, left : left + width] = 1
    mask = make_mask(white, torch.full((1, 3, 32, 48), 0.5), factor)
    inside = white > 0
    far = F.max_pool2d(white, 2 * factor + 1, stride=1, padding=factor) == 0
    assert (mask.pixels[inside] == 1).all()
    assert (mask.pixels[far] == 0).all()
    assert mask.pixels.min() >= 0
    assert mask.pixels.max() == 1
    touched = white.unfold(2, factor, factor).unfold(3, factor, factor).amax((-1, -2))
    assert torch.equal(mask.tokens, touched)


def test_the_slope_falls_and_ends():
    hard = torch.zeros(1, 1, 1, 64)
    hard[..., :20] = 1
    row = feather(hard, 8)[0, 0, 0]
    assert (row[:20] == 1).all()
    assert (row[28:] == 0).all()
    assert (row[20:27].diff() < 0).all()


def test_a_background_stops_at_an_outline_and_an_object_can_outgrow_it():
    thing = torch.zeros(1, 1, 64, 64)
    thing[..., 20:44, 24:40] = 1
    picture = (
        torch.tensor([0.9, 0.2, 0.2])
        .view(1, 3, 1, 1)
        .lerp(torch.tensor([0.2, 0.3, 0.8]).view(1, 3, 1, 1), thing)
    )
    around = make_mask(1 - thing, picture, 8).pixels
    assert around[thing == 0].min() == 1
    assert around[thing == 1].max() < 0.05  # the guided filter leaves a little beyond an edge
    outgrown = make_mask(thing, picture, 8).pixels
    assert (outgrown[..., 18, 30] > 0.2).all()
    assert outgrown[..., 15, 30].max() < 0.05  # not beyond an edge
    # The slope exists also where the picture has no edge.
    flat = make_mask(1 - thing, torch.full((1, 3, 64, 64), 0.4), 8).pixels
    assert 0.2 < flat[0, 0, 32, 26] < 1
    assert (flat[0, 0, 32, 23:32].diff() <= 0).all()


def test_a_mask_with_nothing_white_is_refused():
    with pytest.raises(RequestError, match="white"):
        make_mask(torch.full((1, 1, 8, 8), 0.49), torch.zeros(1, 3, 8, 8), 2)
    with pytest.raises(RequestError, match="picture to start from"):
        Synthesis(
            tiny_generator(), tiny_perceptor(), [Prompt("x")], tiny_recipe(), 1, None, _left_half()
        )


def test_compositing_takes_the_bits_of_one_or_the_other():
    picture, original = torch.rand(2, 1, 3, 8, 8).unbind(0)
    pixels = torch.rand(1, 1, 8, 8)
    pixels[..., :3], pixels[..., 5:] = 0.0, 1.0
    mixed = composite(picture, original, pixels)
    assert torch.equal(mixed[..., :3], original[..., :3])
    assert torch.equal(mixed[..., 5:], picture[..., 5:])
    torch.testing.assert_close(mixed, picture * pixels + original * (1 - pixels))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"latent": "codebook"},
        {"restart_every": 2},
        {"clamp": False},
        {"regulariser": Regulariser(50.0, "constant", "zero")},
    ],
    ids=str,
)
def test_outside_the_mask_no_gradient_no_step_and_no_pixel(changes):
    synthesis = _synthesis(_left_half(), **changes)
    outside = slice(8, None)  # of 16 columns of tokens
    z = synthesis.latent.z.detach().clone()
    for _ in range(5):
        iterate = synthesis.step()
        gradient = synthesis.latent.z.grad
        assert gradient is not None
        assert (gradient[..., outside] == 0).all()
        assert (gradient[..., :8] != 0).any()
        assert torch.equal(iterate.image[..., 18:], START[0, ..., 18:])
    assert torch.equal(synthesis.latent.z[..., outside], z[..., outside])
    assert not torch.equal(synthesis.latent.z[..., :8], z[..., :8])
    last = synthesis.look()
    assert torch.equal(last.image[..., 18:], START[0, ..., 18:])
    raw = synthesis.look(raw=True).image
    assert torch.equal(raw[..., :16], last.image[..., :16])
    assert not torch.equal(raw[..., 18:], START[0, ..., 18:])


def test_a_part_is_repainted_from_near_the_mean_and_smoothly():
    as_it_was, repainted = (_synthesis(_left_half(), spread=spread) for spread in (1.0, 0.1))
    z, near = as_it_was.latent.z.detach(), repainted.latent.z.detach()
    mean = repainted.generator.mean_latent()
    torch.testing.assert_close(near[..., :8] - mean, 0.1 * (z[..., :8] - mean))
    assert torch.equal(near[..., 8:], z[..., 8:])
    assert torch.equal(repainted.look().image[..., 18:], START[0, ..., 18:])
    rough, smooth = (
        [
            *paint(
                _synthesis(
                    _left_half(), spread=0.1, iterations=40, augmentation=PLAIN, smoothness=weight
                )
            )
        ][-1].image
        for weight in (0.0, 50.0)
    )
    left, made = (image[..., :14].diff(dim=-1).abs().mean() for image in (rough, smooth))
    assert made < 0.9 * left


def test_a_part_that_is_masked_half_way_stops_changing_at_once():
    synthesis = _synthesis(None)
    for _ in range(3):
        synthesis.step()
    synthesis.set_mask(_left_half())
    z = synthesis.latent.z.detach().clone()
    synthesis.step()
    assert torch.equal(synthesis.latent.z[..., 8:], z[..., 8:])
    assert not torch.equal(synthesis.latent.z[..., :8], z[..., :8])


def test_a_masked_edit_saved_half_way_ends_in_the_same_pixels():
    whole = list(paint(_synthesis(_left_half(), keep=0.5)))
    half = _synthesis(_left_half(), keep=0.5)
    for _ in range(3):
        half.step()
    again = _synthesis(_left_half(), keep=0.5)
    again.load_state_dict(half.state_dict())
    for one, other in zip(paint(again), whole[3:], strict=True):
        assert torch.equal(one.image, other.image)
        assert one.losses == other.losses


def test_the_whole_picture_as_a_mask_is_no_mask():
    masked, plain = _synthesis(torch.ones(1, 1, 24, 32)), _synthesis(None)
    one, other = masked.step(), plain.step()
    torch.testing.assert_close(one.image, other.image)
    assert one.losses["total"] == pytest.approx(other.losses["total"], rel=1e-5)


def test_the_structure_term_is_the_plain_formula():
    """In float64: the weight times the mean of half the squared angles."""
    synthesis = _synthesis(None, keep=0.7, dtype=torch.float64)
    perceptor, recipe = synthesis.perceptor, synthesis.recipe
    start = START.double()
    whole = F.interpolate(start, (16, 16), mode="bicubic", antialias=True)
    original = perceptor.encode_image(whole.clamp(0, 1))[0]
    numbers = draw_cutouts(recipe.augmentation, 32, 24, 16, synthesis.draws())
    seen = perceptor.encode_image(cut(synthesis.look().image[None], numbers, 16))
    iterate = synthesis.step()
    expected = 0.7 * reference.distance(seen, original).mean()
    assert iterate.losses["structure"] == pytest.approx(float(expected), rel=1e-6)
    assert iterate.losses["total"] == pytest.approx(
        iterate.losses["structure"] + iterate.losses["a red star"], rel=1e-6
    )
    assert "structure" not in _synthesis(None).step().losses


def test_the_structure_terms_gradient_is_the_plain_formulas():
    images = F.normalize(torch.randn(5, 7, dtype=torch.float64), dim=1).requires_grad_(True)
    original = F.normalize(torch.randn(7, dtype=torch.float64), dim=0)
    (got,) = torch.autograd.grad(structure_loss(images, original, 0.3), images)
    (plain,) = torch.autograd.grad(0.3 * reference.distance(images, original).mean(), images)
    # The two gradients differ only along the vectors, where unit vectors cannot move.
    along = images.detach()

    def across(gradient: torch.Tensor) -> torch.Tensor:
        return gradient - (gradient * along).sum(1, keepdim=True) * along

    torch.testing.assert_close(across(got), across(plain))


def test_the_guided_filter_is_least_squares_in_each_window():
    """Ridge regression in every window, then the mean of their predictions for a pixel."""
    torch.manual_seed(6)
    guide, grey = torch.rand(1, 3, 5, 6).double(), torch.rand(1, 1, 5, 6).double()
    predictions: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}
    for row in range(5):
        for column in range(6):
            rows = slice(max(0, row - 1), row + 2)
            columns = slice(max(0, column - 1), column + 2)
            x = guide[0, :, rows, columns].flatten(1).T
            y = grey[0, 0, rows, columns].flatten()
            centred = x - x.mean(0)
            ridge = len(x) * EPSILON * torch.eye(3).double()
            slope = torch.linalg.solve(centred.T @ centred + ridge, centred.T @ (y - y.mean()))
            predictions[row, column] = slope, y.mean() - slope @ x.mean(0)
    expected = torch.zeros(5, 6).double()
    for row in range(5):
        for column in range(6):
            near = [
                each
                for place, each in predictions.items()
                if abs(place[0] - row) < 2 and abs(place[1] - column) < 2
            ]
            expected[row, column] = torch.stack(
                [slope @ guide[0, :, row, column] + offset for slope, offset in near]
            ).mean()
    torch.testing.assert_close(guided_filter(guide, grey, 1)[0, 0], expected)


def test_the_overlay_shows_what_can_change_in_colour():
    synthesis = _synthesis(_left_half(), augmentation=PLAIN)
    shown = synthesis.overlay()
    assert shown is not None
    assert shown.size == (32, 24)
    original = (START[0] * 255).round().byte()
    assert shown.getpixel((5, 5)) == tuple(original[:, 5, 5].tolist())
    bands = np.asarray(shown)[5, 25].astype(int)
    assert bands.max() - bands.min() < 20
    assert shown.getpixel((16, 5)) == (255, 64, 129)
    assert _synthesis(None).overlay() is None
