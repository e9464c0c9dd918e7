"""Captions as people ask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from engine.models import load_models
from training.words.encoding import encode_prompts
from training.world.prompts import PLUS, sample_prompt
from training.world.sampling import WHOLE, sample_scene


def test_what_is_asked_is_true_and_each_way_of_asking_comes() -> None:
    rng = np.random.default_rng(3)
    seen = {"plus style": 0, "plus ground": 0, "style alone": 0, "no ground": 0, "all": 0}
    for _ in range(600):
        scene = sample_scene(rng, replace(WHOLE, styled=0.5))
        words, claim = sample_prompt(scene, rng)
        assert claim.true_of(scene)
        assert 1 <= len(words.split(PLUS)) <= 2
        told = claim.ground_colour is not None
        kind = ("plus style" if PLUS in words and scene.style else "plus ground" if PLUS in words
                else "all" if told else "style alone" if scene.style else "no ground")
        seen[kind] += 1
        if kind == "plus ground":
            # The claim holds the ground, too: on another it is untrue.
            other = replace(scene, ground=sample_scene(rng, WHOLE).ground)
            assert claim.true_of(other) == (
                other.ground.colour == scene.ground.colour
                and claim.ground_pattern in (None, other.ground.pattern))
    assert min(seen.values()) > 20


def test_added_prompts_have_the_mean_of_their_vectors() -> None:
    perceptor = load_models("drawn", device="cpu").perceptor
    words = ["a red circle + on a blue background", "a red circle", "on a blue background"]
    # Among longer and shorter ones: each is read by itself, and comes back in its place.
    others = ["a fox", "a charcoal drawing of a fox to the left of a big purple ring"] * 40
    both, first, second = encode_prompts(perceptor, [*words, *others])[:3]
    torch.testing.assert_close(torch.stack([first, second]), perceptor.encode_text(words[1:]))
    torch.testing.assert_close(both, torch.nn.functional.normalize(first + second, dim=0))
