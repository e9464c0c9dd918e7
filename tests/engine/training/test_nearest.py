"""The bench that chooses settings knows drawings that were never painted."""

from __future__ import annotations

import numpy as np
import torch

from bench.judge import FIRST_WORLD
from bench.nearest import drawings_of, nearer, scene_of
from engine.training.drawing import draw_array
from engine.training.scene import held_out


def test_a_true_drawing_is_nearest_to_its_own_scene_and_a_near_miss_is_not() -> None:
    found = []
    for number in range(6):
        scene, rng = scene_of(number, FIRST_WORLD), np.random.default_rng(number)
        assert not held_out(scene)
        drawings = drawings_of(scene, rng, None)
        drawn = torch.from_numpy(draw_array(scene, rng)).float() / 255
        found += [nearer(drawn, drawings) == 0, nearer(drawings[1, 0], drawings) > 0]
    assert sum(found) >= 10  # of 12: on true drawings it errs once in twenty
