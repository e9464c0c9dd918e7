"""Masks: outside them nothing changes, and CLIP's own mask follows appendix H.2."""

from __future__ import annotations

import dataclasses
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
from engine.painting.masking import (
    apply_threshold,
    composite,
    feather,
    make_mask,
    normalise,
    otsu,
    score,
    self_mask,
    widen_hulls,
)
from engine.painting.pipeline import paint
from engine.painting.synthesis import Synthesis
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation, SelfMasking
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


def test_self_masking_is_the_papers_steps_one_by_one():
    """Crops as slices of the picture mirrored at its border, the rest by plain formulas."""
    perceptor, size = tiny_perceptor(torch.float64), 16
    picture = torch.rand(1, 3, 32, 48, dtype=torch.float64)
    mirrored = picture[0]
    rows = [*range(15, -1, -1), *range(32), *range(31, 15, -1)]
    columns = [*range(15, -1, -1), *range(48), *range(47, 31, -1)]
    mirrored = mirrored[:, rows][:, :, columns]
    phrase = perceptor.encode_text(["a jacket"])[0]
    grey = torch.zeros(1, 4, 6, dtype=torch.float64)
    for row in range(4):
        for column in range(6):
            top, left = 16 + row * 8 + 4 - size // 2, 16 + column * 8 + 4 - size // 2
            crop = mirrored[None, :, top : top + size, left : left + size]
            grey[0, row, column] = perceptor.encode_image(crop)[0] @ phrase
    y, x = (torch.arange(32) + 0.5) / 8 - 0.5, (torch.arange(48) + 0.5) / 8 - 0.5
    expected = reference.bilinear(
        grey.expand(3, -1, -1), x[None].expand(32, 48).double(), y[:, None].expand(32, 48).double()
    )[:1]
    masking = SelfMasking(sizes=(0.5,), across=4, threshold=0.5, refine=0.0)
    got = score(picture, "a jacket", perceptor, masking)
    torch.testing.assert_close(got[0], expected.to(got), rtol=1e-4, atol=1e-5)
    scaled = (expected - expected.min()) / (expected.max() - expected.min())
    hard = (scaled >= scaled.mean() + 0.5 * scaled.std(correction=0)).double()
    mask = self_mask(picture, "a jacket", perceptor, masking)
    assert (mask[0] != hard).double().mean() < 0.01


def test_what_neutral_words_match_too_does_not_count():
    perceptor = tiny_perceptor(torch.float64)
    picture = torch.rand(1, 3, 32, 32, dtype=torch.float64)

    def scored(words, *neutral):
        return score(
            picture, words, perceptor, SelfMasking(sizes=(0.5,), across=4, neutral=neutral)
        )

    torch.testing.assert_close(
        scored("a jacket", "a thing", "a shape"),
        scored("a jacket") - (scored("a thing") + scored("a shape")) / 2,
    )
    assert scored("a thing", "a thing").abs().max() < 1e-5


def test_the_mask_is_normalised_and_its_threshold_is_relative_to_the_mean():
    grey = torch.tensor([[[[2.0, 4.0], [6.0, 10.0]]]])
    mask = normalise(grey)
    assert mask.flatten().tolist() == [0.0, 0.25, 0.5, 1.0]
    # mean 0.4375, standard deviation 0.37
    assert apply_threshold(mask, 0.0).flatten().tolist() == [0, 0, 1, 1]
    assert apply_threshold(mask, 1.0).flatten().tolist() == [0, 0, 0, 1]
    assert apply_threshold(mask, -2.0).flatten().tolist() == [1, 1, 1, 1]
    assert normalise(torch.full((1, 1, 2, 2), 3.0)).tolist() == [[[[1.0, 1.0], [1.0, 1.0]]]]


@pytest.mark.parametrize("side", [8, 30])
def test_without_a_threshold_small_and_large_objects_are_found(side):
    mask = torch.full((1, 1, 32, 32), 0.1)
    mask[..., :side, :side] = 0.9
    assert torch.equal(apply_threshold(mask, None) > 0, mask > 0.5)
    parted, apart = otsu(mask)
    assert 0.1 < parted < 0.9
    assert apart == pytest.approx(1.0, abs=1e-3)


def test_without_a_threshold_all_of_a_background_is_found_and_of_an_even_slope_its_top():
    """Far parts score highest, as sub-images near the object show some of it."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    far = torch.maximum(x.abs(), y.abs())
    background = torch.where(far < 0.4, 0.1 * far, 0.7 + 0.3 * far)[None, None]
    assert torch.equal(apply_threshold(background, None) > 0, (far >= 0.4)[None, None])
    slope = torch.linspace(0, 1, 64).expand(1, 1, 64, 64)
    assert otsu(slope)[1] == pytest.approx(0.75, abs=0.01)
    assert apply_threshold(slope, None).mean() < 0.25
    noise = torch.randn(1, 1, 200, 200, generator=torch.Generator().manual_seed(1))
    assert otsu(normalise(noise))[1] == pytest.approx(2 / torch.pi, abs=0.02)
    assert otsu(torch.ones(1, 1, 4, 4))[1] == 0.0


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


def test_a_refined_mask_follows_the_pictures_edges():
    """A disc that was found as a coarse blob: refining brings the mask closer to it."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((x - 32) ** 2 + (y - 32) ** 2 < 15**2).float()[None, None]
    picture = torch.cat([disc, 0.5 * disc, 1 - disc], dim=1)
    blob = F.interpolate(F.avg_pool2d(disc, 16), (64, 64), mode="bilinear")

    def iou(mask: torch.Tensor) -> float:
        hard = apply_threshold(mask, 1.0)
        return float((hard * disc).sum() / (hard + disc).clamp(max=1).sum())

    assert iou(guided_filter(picture, blob, 8)) > iou(blob) + 0.1


def test_words_that_match_nothing_are_refused():
    with pytest.raises(RequestError, match=r"\"a jacket\" wasn't found.*use a lower one"):
        self_mask(START, "a jacket", tiny_perceptor(), SelfMasking(across=4, threshold=5.0))


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


def test_with_room_each_part_is_its_hull_widened() -> None:
    ring = torch.zeros(1, 1, 64, 64)
    down, right = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    far = ((down - 20) ** 2 + (right - 20) ** 2).sqrt()
    ring[0, 0, (far <= 12) & (far >= 8)] = 1
    ring[0, 0, 50:54, 48:60] = 1
    wider = widen_hulls(ring, 3.0)[0, 0] > 0
    assert wider[far <= 14.5].all()
    assert wider[48:56, 46:62].all()
    assert not wider[(far > 15.6) & (right < 40)].any()
    assert not wider[:46, 40:].any()
    exact = widen_hulls(ring, 0.0)[0, 0] > 0
    assert (exact | ~(ring[0, 0] > 0)).all()
    assert exact.sum() < wider.sum()


def test_a_background_is_not_widened() -> None:
    around = torch.ones(1, 1, 32, 32)
    around[..., 10:20, 10:20] = 0
    torch.testing.assert_close(widen_hulls(around, 4.0), around)


def test_self_masking_widens_the_mask_if_the_recipe_says_so() -> None:
    perceptor = tiny_perceptor()
    masking = SelfMasking(sizes=(0.5,), across=4, threshold=0.5, refine=0.0)
    found = self_mask(START, "a jacket", perceptor, masking)
    wide = self_mask(START, "a jacket", perceptor, dataclasses.replace(masking, room=0.1))
    torch.testing.assert_close(wide, widen_hulls(found, 0.1 * min(START.shape[-2:])))
    assert wide.sum() > found.sum()
