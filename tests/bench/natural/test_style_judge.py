"""The judge of styles recognises its styles on drawings that it was not trained on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.natural.filters import FILTERS
from bench.natural.style_judge import (
    FILE,
    STYLE_NAMES,
    StyleJudge,
    apply_style,
    load_style_judge,
    random_scene,
)


def test_it_is_small() -> None:
    assert FILE.stat().st_size < 1_500_000
    assert sum(each.numel() for each in StyleJudge().parameters()) < 600_000


@pytest.mark.parametrize("style", FILTERS)
def test_a_filter_makes_a_picture_of_the_same_size(style: str) -> None:
    array = random_scene(np.random.default_rng(1), 96, None)
    for drawn in (False, True):
        made = apply_style(array, style, np.random.default_rng(2), drawn=drawn)
        assert made.shape == array.shape
        assert made.dtype == np.float32
        assert 0 <= made.min() <= made.max() <= 1
        again = apply_style(array, style, np.random.default_rng(2), drawn=drawn)
        assert np.array_equal(made, again)


def test_it_recognises_the_styles_of_new_drawings() -> None:
    judge, right = load_style_judge(), 0
    for seed in range(3):
        array = random_scene(np.random.default_rng([99, seed]), 192, None)
        made = [apply_style(array, style, np.random.default_rng(seed)) for style in FILTERS]
        pictures = torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2).float()
        best = judge.read(pictures).argmax(1).tolist()
        right += sum(STYLE_NAMES[i] == style for i, style in zip(best, FILTERS, strict=True))
    assert right >= 26  # of 30


def test_it_reads_pictures_of_any_size() -> None:
    logs = load_style_judge().read(torch.rand(3, 3, 80, 120))
    assert logs.shape == (3, len(STYLE_NAMES))
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(3))
