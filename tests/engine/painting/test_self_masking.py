"""CLIP's own mask follows appendix H.2, and every step of its making can be seen."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from engine.errors import RequestError
from engine.painting.guided_filter import guided_filter
from engine.painting.self_masking import (
    apply_threshold,
    normalise,
    otsu,
    score,
    self_mask,
    widen_hulls,
)
from engine.request.recipe import SelfMasking
from tests.engine.painting import reference
from tests.engine.tiny import tiny_perceptor

START = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(3))


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
    steps = self_mask(picture, "a jacket", perceptor, masking)
    torch.testing.assert_close(steps.scores[0], scaled.to(got), rtol=1e-4, atol=1e-4)
    assert torch.equal(steps.refined, steps.scores)
    assert torch.equal(steps.mask, steps.found)
    assert (steps.found[0] != hard).double().mean() < 0.01


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


def test_a_perceptor_that_sees_places_says_the_scores_of_all_sizes_at_once(monkeypatch):
    perceptor, shown = tiny_perceptor(), []

    def places(picture, words):
        shown.append((picture.shape, words))
        h, w = picture.shape[-2] // 8, picture.shape[-1] // 8
        return torch.arange(w).float().expand(1, 1, h, w) * len(shown)

    masking = SelfMasking(sizes=(0.5,), across=4, places=(48, 96))
    as_sub_images = score(START, "a jacket", perceptor, masking)  # it does not see places
    assert torch.equal(as_sub_images, score(START, "a jacket", perceptor, SelfMasking((0.5,), 4)))
    monkeypatch.setattr(perceptor, "score_places", places)
    got = score(START, "a jacket", perceptor, masking)
    assert shown == [((1, 3, 48, 64), "a jacket"), ((1, 3, 96, 128), "a jacket")]
    # Each size counts the same, whatever its unit.
    assert got.shape == (1, 1, 24, 32)
    assert got[0, 0, 0, [0, -1]].tolist() == [0, 1]
    assert (got.diff(dim=-1) >= 0).all()
    assert got.diff(dim=-2).abs().max() < 1e-6


def test_the_recipe_says_how_large_and_how_distinct_an_object_otsu_s_threshold_finds():
    mask = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(2)) * 0.3
    mask[..., :20, :20] += 0.6
    quarter = torch.zeros(1, 1, 40, 40)
    quarter[..., :20, :20] = 1
    assert otsu(mask)[1] == pytest.approx(0.92, abs=0.05)
    for fills, apart, is_parted in ((0.2, 0.8, True), (0.3, 0.8, False), (0.2, 0.99, False)):
        found = apply_threshold(mask, None, 1.9, fills, apart)
        assert torch.equal(found, quarter) == is_parted, (fills, apart)


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
    assert torch.equal(wide.found, found.found)
    torch.testing.assert_close(wide.mask, widen_hulls(found.mask, 0.1 * min(START.shape[-2:])))
    assert wide.mask.sum() > found.mask.sum()
