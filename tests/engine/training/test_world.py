"""The small world: what is drawn is what was described, and captions tell the truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.models.packages import clip_tokenizer
from engine.training.captions import Claim, describe
from engine.training.pool import Families
from engine.training.styles import STYLES
from engine.training.world import (
    COLOURS,
    SHAPES,
    Ground,
    Scene,
    Thing,
    draw_array,
    held_out,
    sample_scene,
    vary,
)

SEEDS = st.integers(0, 2**32 - 1)


def _rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def _mean_colour(pixels: np.ndarray, near: str) -> float:
    """How far the pixels' [3, n] median is from a named colour, 0 to 255 a channel."""
    return float(np.abs(np.median(pixels, axis=1) - np.array(COLOURS[near])).max())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_thing_has_its_colour_and_the_ground_its_own(shape: str) -> None:
    scene = Scene((Thing(shape, "red", "big"),), Ground("blue"))
    picture = draw_array(scene, _rng(1))
    assert picture.shape == (3, 128, 128)
    assert picture.dtype == np.uint8
    assert _mean_colour(picture[:, :, 0], "blue") < 40
    redness = (picture[0].astype(int) - picture[2] > 80).mean()
    assert 0.05 < redness < 0.7
    if shape != "ring":
        assert _mean_colour(picture[:, 60:68, 60:68].reshape(3, -1), "red") < 40


def test_left_of_is_left_above_is_above_and_inside_is_inside() -> None:
    red, blue = Thing("circle", "red"), Thing("square", "blue")

    def places(relation: str) -> tuple[np.ndarray, np.ndarray]:
        scene = Scene((red, blue), Ground("white"), relation)
        picture = draw_array(scene, _rng(3)).astype(int)
        first = np.argwhere(picture[0] - picture[2] > 90).mean(0)
        second = np.argwhere(picture[2] - picture[0] > 90).mean(0)
        return first, second

    first, second = places("left of")
    assert first[1] + 30 < second[1]
    first, second = places("above")
    assert first[0] + 30 < second[0]
    first, second = places("inside")
    assert np.abs(first - second).max() < 20


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_the_drawing_but_not_its_shape(style: str) -> None:
    plain = Scene((Thing("star", "red"),), Ground("yellow"))
    styled = Scene(plain.things, plain.ground, None, style)
    one, other = draw_array(plain, _rng(5)), draw_array(styled, _rng(5))
    assert one.shape == other.shape
    assert np.abs(one.astype(int) - other).mean() > 8


def test_charcoal_has_no_colour() -> None:
    scene = Scene((Thing("star", "red"),), Ground("yellow"), None, "charcoal")
    picture = draw_array(scene, _rng(5)).astype(int)
    assert (picture.max(0) - picture.min(0)).max() < 20


@given(SEEDS)
def test_the_same_seed_draws_the_same_scene(seed: int) -> None:
    one, other = sample_scene(_rng(seed)), sample_scene(_rng(seed))
    assert one == other
    assert np.array_equal(draw_array(one, _rng(seed), 32), draw_array(other, _rng(seed), 32))


@given(SEEDS, st.booleans())
def test_no_scene_for_training_is_held_out_and_every_held_one_is(seed: int, held: bool) -> None:
    assert held_out(sample_scene(_rng(seed), held=held)) == held


def test_about_a_tenth_of_the_combinations_is_held_out() -> None:
    singles = [Scene((Thing(shape, colour),), Ground(ground))
               for shape in SHAPES for colour in COLOURS for ground in COLOURS]
    assert 0.07 < np.mean([held_out(scene) for scene in singles]) < 0.15


@given(SEEDS, st.booleans())
def test_a_caption_is_true_of_its_scene(seed: int, full: bool) -> None:
    scene = sample_scene(_rng(seed))
    words, claim = describe(scene, _rng(seed), full=full)
    assert claim.true_of(scene)
    assert words == " ".join(words.split())


@given(SEEDS)
def test_a_full_caption_is_true_of_a_near_miss_only_where_nothing_it_says_changed(
        seed: int) -> None:
    rng = _rng(seed)
    scene = sample_scene(rng)
    other = vary(scene, rng)
    _, claim = describe(scene, rng, full=True)
    told = [(thing.shape, thing.colour) for thing in scene.things]
    same_things = told == [(thing.shape, thing.colour) for thing in other.things]
    same_place = (scene.relation, scene.style, scene.ground.colour) == (
        other.relation, other.style, other.ground.colour)
    assert claim.true_of(other) == (same_things and same_place)


@given(SEEDS)
def test_neither_of_two_things_hides_the_other(seed: int) -> None:
    scene = sample_scene(_rng(seed), pairs=1.0)
    for each in (scene, vary(scene, _rng(seed))):
        sizes = tuple(thing.size for thing in each.things)
        assert sizes == (("small", "big") if each.relation == "inside" else ("medium",) * 2)


@given(SEEDS)
@settings(max_examples=15)
def test_a_family_differs_in_one_respect_and_each_caption_is_true_of_one_member(
        seed: int) -> None:
    families = Families(1, 32, seed, lambda rng: sample_scene(rng, styled=0.2, pairs=0.6))
    (pictures, scenes), = families.batch(1)
    assert 2 <= len(scenes) == len(pictures) <= 8
    assert not any(held_out(scene) for scene in scenes)
    respects = [
        [[thing.shape for thing in scene.things] for scene in scenes],
        [[thing.colour for thing in scene.things] for scene in scenes],
        [scene.relation for scene in scenes]]
    varied = [any(each != respect[0] for each in respect) for respect in respects]
    # Exchanging two things' shapes, colours or both leaves what is there as it was.
    kinds = {(tuple(sorted(thing.shape for thing in scene.things)),
              tuple(sorted(thing.colour for thing in scene.things))) for scene in scenes}
    assert sum(varied) == 1 or len(kinds) == 1
    for i, scene in enumerate(scenes):
        _, claim = describe(scene, _rng(seed), full=True)
        assert [claim.true_of(other) for other in scenes] == [i == j for j in range(len(scenes))]


def test_a_partial_caption_is_true_of_whatever_fits_it() -> None:
    claim = Claim((("star", None, None),))
    assert claim.true_of(Scene((Thing("star", "red"),), Ground("blue")))
    assert not claim.true_of(Scene((Thing("heart", "red"),), Ground("blue")))
    assert not claim.true_of(Scene((Thing("star", "red"),), Ground("blue"), None, "neon"))


@given(SEEDS)
def test_every_caption_fits_the_perceptors_context(seed: int) -> None:
    rng = _rng(seed)
    words, _ = describe(sample_scene(rng), rng)
    assert len(clip_tokenizer().encode(words)) <= 30
