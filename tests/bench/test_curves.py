"""Training curves are drawn from the logs that training writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.curves import WINDOW, lay_out, read_curves, smoothed


def _write(file: Path, lines: list[dict[str, float]]) -> None:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_the_last_line_of_a_repeated_step_counts(tmp_path: Path) -> None:
    file = tmp_path / "perceptor.jsonl"
    _write(
        file,
        [
            {"step": 20, "right": 0.1},
            {"step": 40, "right": 0.9, "cosine": 0.2},
            {"step": 40, "right": 0.3, "cosine": 0.4},
        ],
    )
    right, cosine = read_curves(file, ("right", "shapes_right", "cosine"))
    assert right.steps.tolist() == [20, 40]
    assert right.values == pytest.approx([0.2, 0.2])
    assert (cosine.name, cosine.steps.tolist(), cosine.values.tolist()) == ("cosine", [40], [0.4])


def test_smoothing_keeps_straight_lines_and_the_length() -> None:
    straight = np.arange(4.0 * WINDOW)
    assert smoothed(straight)[WINDOW:-WINDOW] == pytest.approx(straight[WINDOW:-WINDOW])
    assert len(smoothed(straight)) == len(straight)
    assert smoothed(np.array([1.0])).tolist() == [1.0]


def test_a_falling_figure_gives_a_falling_curve(tmp_path: Path) -> None:
    for model, name in (("generator", "l1"), ("words", "cosine")):
        _write(
            tmp_path / f"{model}.jsonl",
            [{"step": step, name: 1.0 - step / 1000} for step in range(20, 1000, 20)],
        )
    sheet = lay_out([tmp_path])
    assert isinstance(sheet, Image.Image)
    pixels = np.asarray(sheet).astype(int)
    ink = (np.abs(pixels - (0x25, 0x63, 0xEB)).sum(2) < 60) & (np.arange(len(pixels)) > 70)[:, None]
    first, second = (np.argwhere(half) for half in np.split(ink, 2, axis=1))
    for panel in (first, second):
        left = panel[panel[:, 1] < np.median(panel[:, 1])]
        right = panel[panel[:, 1] >= np.median(panel[:, 1])]
        assert left[:, 0].mean() + 30 < right[:, 0].mean()
