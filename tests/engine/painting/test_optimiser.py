"""Our Adam takes torch's steps."""

from __future__ import annotations

import torch

from engine.painting.optimiser import Adam


def test_its_steps_are_those_of_torchs_adam() -> None:
    mine = torch.randn(4, 5, dtype=torch.float64)
    theirs = torch.nn.Parameter(mine.clone())
    target = torch.randn(4, 5, dtype=torch.float64)
    adam = Adam(mine, 0.15)
    reference = torch.optim.Adam([theirs], lr=0.15)
    for i in range(50):
        mine.grad = (mine - target) * (1 + i % 3)
        theirs.grad = (theirs.detach() - target) * (1 + i % 3)
        adam.step()
        reference.step()
        torch.testing.assert_close(mine, theirs.detach(), rtol=1e-10, atol=1e-12)


def test_it_continues_bit_for_bit_from_a_saved_state() -> None:
    def run(steps: int, adam: Adam) -> None:
        for i in range(steps):
            adam.parameter.grad = adam.parameter.sin() + i
            adam.step()

    whole = Adam(torch.ones(3, 3), 0.1, betas=(0.5, 0.9))
    run(4, whole)
    state, at = whole.state_dict(), whole.parameter.clone()
    run(4, whole)
    again = Adam(at, 0.1, betas=(0.5, 0.9))
    again.load_state_dict(state)
    run(4, again)
    assert torch.equal(again.parameter, whole.parameter)
