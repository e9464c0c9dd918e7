"""Adversarial pictures raise the loss, within their distance."""

from __future__ import annotations

import torch

from training.common.adversarial import adversarial_pictures


def test_adversarial_pictures_raise_the_loss_within_their_distance() -> None:
    rng = torch.Generator().manual_seed(1)
    pictures = torch.rand(6, 3, 8, 8, generator=rng) * 0.2 + 0.4
    goal = torch.rand(6, 3, 8, 8, generator=rng)

    def loss(batch: torch.Tensor) -> torch.Tensor:
        return (batch - goal).square().sum()

    most = torch.tensor([1.5, 1.5, 1.5, 1.5, 0.1, 0.0])
    changed = adversarial_pictures(pictures, loss, most, rng)
    distance = (changed - pictures).flatten(1).norm(dim=1)
    assert (distance[:4] > 0.05).all()
    # A random start of at most 0.3 of it, and the step.
    assert (distance < most * 1.3 + 1e-5).all()
    assert len({round(each, 2) for each in distance[:4].tolist()}) > 2  # not all the same
    assert loss(changed) > loss(pictures) + 1
