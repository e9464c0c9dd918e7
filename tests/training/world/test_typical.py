"""The typical picture of a scene, and what is typical if a caption does not say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.world.captions import Claim, ThingClaim
from training.world.drawing import draw_array
from training.world.pool import ScenePool
from training.world.prompts import sample_prompt
from training.world.sampling import WHOLE, Mix, sample_scene
from training.world.scene import COLOURS, PAPER, Ground, Scene, Thing, held_out
from training.world.styles import STYLES
from training.world.typical import STYLE_GROUNDS, typical_scene


def test_a_typical_picture_is_centred_and_has_the_named_colours() -> None:
    scene = Scene((Thing("square", "red"),), Ground("blue"))
    picture = draw_array(scene, None)
    assert tuple(picture[:, 64, 64]) == COLOURS["red"]
    assert tuple(picture[:, 3, 3]) == COLOURS["blue"]
    red = np.argwhere(picture[0] > 180)
    assert np.abs(red.mean(0) - 63.5).max() < 0.6
    for again in (np.flip(picture, 2), np.flip(picture, 1)):
        assert (again != picture).mean() < 0.02  # upright


@pytest.mark.parametrize("style", [None, *STYLES])
def test_a_typical_picture_is_always_the_same_and_resembles_random_ones(style: str | None) -> None:
    scene = Scene((Thing("star", "yellow"),), Ground("night", "night"), None, style)
    one = draw_array(scene, None).astype(int)
    assert np.array_equal(one, draw_array(scene, None))
    others = [draw_array(scene, np.random.default_rng(seed)).astype(int) for seed in range(4)]
    between = np.mean([np.abs(a - b).mean() for a in others for b in others if a is not b])
    assert np.abs(others - one).mean() < between * 1.2


@given(st.integers(0, 2**31))
@settings(max_examples=150, deadline=None)
def test_claims_are_true_of_the_typical_scene_which_is_not_held_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng, replace(WHOLE, styled=0.4))
    _, claim = sample_prompt(scene, rng)
    usual = typical_scene(scene, claim)
    assert claim.true_of(usual)
    assert usual.ground.colour == PAPER or not held_out(usual)
    assert {thing.colour for thing in usual.things}.isdisjoint(
        {usual.ground.colour, usual.ground.second} - {None}
    )


@pytest.mark.parametrize(
    "thing", [Thing("circle", "red"), Thing("circle", "white"), Thing("circle", "grey")]
)
def test_without_a_claimed_ground_it_is_paper_on_which_all_things_are_visible(thing: Thing) -> None:
    claim = Claim((ThingClaim(thing.shape, thing.colour, None),))
    usual = typical_scene(Scene((thing,), Ground("grass", "grass")), claim)
    assert usual.ground == Ground(PAPER)
    picture = draw_array(usual, None).astype(int)
    assert len(np.unique(picture[:, [3, 3, 124, 124], [3, 124, 3, 124]], axis=1).T) == 1
    assert np.abs(picture[:, 64, 64] - picture[:, 3, 3]).max() > 30


@pytest.mark.parametrize("style", STYLES)
def test_a_style_has_its_own_ground_unless_the_thing_has_that_colour(style: str) -> None:
    def ground(colour: str) -> Ground:
        thing = Thing("square", colour)
        claim = Claim((ThingClaim("square", colour, None),), style=style)
        return typical_scene(Scene((thing,), Ground("sea", "sea"), None, style), claim).ground

    own = [Ground(colour) for colour in STYLE_GROUNDS[style]]
    seen = {colour: ground(colour) for colour in COLOURS}
    assert seen[own[0].colour] in (*own[1:], Ground(PAPER))
    assert set(seen.values()) <= {*own, Ground(PAPER)}
    assert list(seen.values()).count(own[0]) > len(COLOURS) / 2


@pytest.mark.parametrize("style", ["oil", "mosaic", "pixel art", "stained glass", "charcoal"])
def test_a_style_that_fills_the_picture_is_visible_on_the_ground(style: str) -> None:
    claim = Claim((ThingClaim("square", "red", None),), style=style)
    usual = typical_scene(Scene((Thing("square", "red"),), Ground("white"), None, style), claim)
    corner = draw_array(usual, None)[:, :24, :24].astype(int)
    plain = draw_array(replace(usual, style=None), None)[:, :24, :24].astype(int)
    assert np.abs(corner - plain).max() > 10  # strokes, joints, leads, tones, levels


def test_a_claimed_ground_has_a_pattern_only_if_that_is_claimed() -> None:
    striped = Scene((Thing("circle", "red"),), Ground("green", "striped", "blue"))
    told = Claim((ThingClaim("circle", "red", None),), ground_colour="green")
    assert typical_scene(striped, told).ground == Ground("green")
    assert typical_scene(striped, replace(told, ground_pattern="striped")).ground == striped.ground


def test_without_a_claimed_size_it_is_medium() -> None:
    scene = Scene((Thing("circle", "red", "big"),), Ground("green"))
    told = Claim((ThingClaim("circle", "red", "big"),), ground_colour="green")
    assert typical_scene(scene, told) == scene
    untold = replace(told, things=(ThingClaim("circle", "red", None),))
    assert typical_scene(scene, untold).things[0].size == "medium"


def test_the_requested_share_of_a_pool_is_typical() -> None:
    pool = ScenePool(30, 32, 3, mix=Mix(styled=0.2, pairs=0.3), typical=0.5)
    same = [
        np.array_equal(picture, pool.draw(scene, None))
        for picture, scene in zip(pool.pictures, pool.scenes, strict=True)
    ]
    assert same[::2] == same[1::2]  # both of a pair, or neither
    assert 0.2 < np.mean(same) < 0.8
