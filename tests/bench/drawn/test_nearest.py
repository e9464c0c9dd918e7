"""The bench that chooses settings knows drawings that were never painted."""

from __future__ import annotations

import numpy as np
import torch

from bench.drawn.edit_prompts import KINDS
from bench.drawn.judge import FIRST_WORLD
from bench.drawn.nearest import drawings_of, nearer, scene_of
from bench.drawn.nearest_edits import edit, make_edits
from training.world.drawing import draw_array
from training.world.scene import held_out


def test_a_true_drawing_is_nearest_to_its_own_scene_and_a_near_miss_is_not() -> None:
    found = []
    for number in range(6):
        scene, rng = scene_of(number, FIRST_WORLD), np.random.default_rng(number)
        assert not held_out(scene)
        drawings = drawings_of(scene, rng, None)
        drawn = torch.from_numpy(draw_array(scene, rng)).float() / 255
        found += [nearer(drawn, drawings) == 0, nearer(drawings[1, 0], drawings) > 0]
    assert sum(found) >= 10  # of 12: on true drawings it errs once in twenty


def test_an_edit_that_goes_nowhere_has_all_of_the_way_left() -> None:
    edits = make_edits(8)
    assert [each.kind for each in edits] == [*KINDS, *KINDS]
    assert not any(held_out(each.source) or held_out(each.target) for each in edits)
    assert all((each.where is None) == (each.kind == "style") for each in edits)
    nowhere = edit((edits[1], {"strength": 0.0, "iterations": 1}))
    assert not nowhere.right
    assert 0.9 < nowhere.left < 1.1
