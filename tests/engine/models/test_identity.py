"""Whether two models have the same weights can be told."""

from __future__ import annotations

import pytest
import torch

from engine.models import load_models
from engine.models.identity import identity


def test_the_same_files_give_the_same_identity(tiny):
    again = load_models("tiny", device="cpu")
    assert identity(again) == identity(tiny)
    assert len(identity(tiny)) == 16


@pytest.mark.parametrize("part", [0, 1])
def test_weights_that_were_trained_on_give_another(tiny, part):
    changed = load_models("tiny", device="cpu")
    network = changed.parts[part][1]
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.mul_(1.001)
    assert identity(changed) != identity(tiny)
