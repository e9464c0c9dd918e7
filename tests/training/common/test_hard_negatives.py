"""Matching within groups of near misses."""

from __future__ import annotations

import pytest
import torch

from training.common.hard_negatives import grouped_contrastive_loss


def test_within_a_group_each_picture_is_matched_to_its_own_caption() -> None:
    texts = torch.eye(5)
    matched, right = grouped_contrastive_loss(texts, texts, [3, 2])
    assert right == 1
    assert matched < 0.01
    swapped, right = grouped_contrastive_loss(texts[[1, 0, 2, 4, 3]], texts, [3, 2])
    assert right == pytest.approx(1 / 5)
    assert swapped > 10


def test_groups_do_not_compete_with_each_other() -> None:
    texts = torch.eye(5)
    alone, _ = grouped_contrastive_loss(texts, texts, [3])
    like_the_first = torch.cat([texts[:3], texts[:2]])
    assert grouped_contrastive_loss(like_the_first, like_the_first, [3])[0] == alone
