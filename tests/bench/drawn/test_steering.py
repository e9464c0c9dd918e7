"""The measurement of steering: its captions, its paintings, and what it counts."""

from __future__ import annotations

import numpy as np
import torch

from bench import steering
from bench.drawn.judge import load_judge
from bench.drawn.scene_json import scene_from_json
from bench.prompts import read_entries
from engine import imagine
from training.world.drawing import draw_array


def test_true_drawings_have_the_colour_that_is_counted() -> None:
    entries = [entry for entry in read_entries("edits") if entry["kind"] == "colour"][:8]
    scenes = [scene_from_json(entry["target"]) for entry in entries]
    drawn = [
        torch.from_numpy(draw_array(scene, np.random.default_rng(i))).float() / 255
        for i, scene in enumerate(scenes)
    ]
    seen = steering.colours(load_judge(), torch.stack(drawn))
    assert sum(a == scene.things[0].colour for a, scene in zip(seen, scenes, strict=True)) >= 7
    assert steering.words_of(scenes[0]) == entries[0]["prompt"]


def test_a_picture_is_nudged_at_its_share_of_the_iterations() -> None:
    picture = steering.nudged((steering.RED, steering.BLUE, 3, 0.5, 4))
    steps = ["2: a blue circle"]
    *_, again = imagine(steering.RED, steering=steps, model="drawn", seed=3, iterations=4)
    assert torch.equal(picture, again.image)
