"""The pixel tests recognise true drawings, and edits that change nothing."""

from __future__ import annotations

import numpy as np
import torch

from bench.drawn.edit_prompts import KINDS
from bench.drawn.judge import FIRST_WORLD
from bench.drawn.nearest import draw_with_near_misses, nearer_scenes, sample_prompt_scene
from bench.drawn.nearest_edits import make_edit, make_edits
from training.world.drawing import draw_array
from training.world.scene import held_out


def test_a_true_drawing_is_nearest_to_its_own_scene_and_a_near_miss_is_not() -> None:
    found = []
    for number in range(6):
        scene, rng = sample_prompt_scene(number, FIRST_WORLD), np.random.default_rng(number)
        assert not held_out(scene)
        drawings = draw_with_near_misses(scene, rng, None)
        drawn = torch.from_numpy(draw_array(scene, rng)).float() / 255
        found += [nearer_scenes(drawn, drawings) == 0, nearer_scenes(drawings[1, 0], drawings) > 0]
    assert sum(found) >= 10  # of 12; one true drawing in twenty fails


def test_an_edit_that_changes_nothing_has_the_whole_distance_left() -> None:
    edits = make_edits(8)
    assert [each.kind for each in edits] == [*KINDS, *KINDS]
    assert not any(held_out(each.source) or held_out(each.target) for each in edits)
    assert all((each.where is None) == (each.kind == "style") for each in edits)
    outcome = make_edit((edits[1], {"strength": 0.0, "iterations": 1}))
    assert not outcome.right
    assert 0.9 < outcome.left < 1.1
