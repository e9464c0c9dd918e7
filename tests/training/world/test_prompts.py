"""Captions as people write prompts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from engine.models import load_models
from training.words.encoding import encode_prompts
from training.world.prompts import PLUS, sample_prompt
from training.world.sampling import WHOLE, sample_scene


def test_prompts_are_true_of_their_scene_and_each_kind_occurs() -> None:
    rng = np.random.default_rng(3)
    seen = {"plus style": 0, "plus ground": 0, "style alone": 0, "no ground": 0, "all": 0}
    for _ in range(600):
        scene = sample_scene(rng, replace(WHOLE, styled=0.5))
        words, claim = sample_prompt(scene, rng)
        assert claim.true_of(scene)
        assert 1 <= len(words.split(PLUS)) <= 2
        told = claim.ground_colour is not None
        kind = (
            "plus style"
            if PLUS in words and scene.style
            else "plus ground"
            if PLUS in words
            else "all"
            if told
            else "style alone"
            if scene.style
            else "no ground"
        )
        seen[kind] += 1
        if kind == "plus ground":
            # The claim includes the ground, so it is not true on another.
            other = replace(scene, ground=sample_scene(rng, WHOLE).ground)
            assert claim.true_of(other) == (
                other.ground.colour == scene.ground.colour
                and claim.ground_pattern in (None, other.ground.pattern)
            )
    assert min(seen.values()) > 20


def test_the_vector_of_added_prompts_is_the_mean_of_theirs() -> None:
    perceptor = load_models("drawn", device="cpu").perceptor
    words = ["a red circle + on a blue background", "a red circle", "on a blue background"]
    # Among longer and shorter ones: each is encoded by itself and returned in its place.
    others = ["a fox", "a charcoal drawing of a fox to the left of a big purple ring"] * 40
    both, first, second = encode_prompts(perceptor, [*words, *others])[:3]
    torch.testing.assert_close(torch.stack([first, second]), perceptor.encode_text(words[1:]))
    torch.testing.assert_close(both, torch.nn.functional.normalize(first + second, dim=0))
