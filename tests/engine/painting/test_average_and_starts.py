"""The moving average of z, and starts that are chosen among several."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine.painting.average import MovingAverage
from engine.painting.starts import best_of
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe


def _synthesis(seed: int = 3, **changes: Any) -> Synthesis:
    recipe = tiny_recipe(**{"learning_rate": 1.0, **changes})
    return Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("a red star")], recipe, seed)


def test_the_average_is_crowsons_ematensor() -> None:
    """Her accumulator is the product of the decays, her average the biased one over 1 - that."""
    decay, biased, accumulator = 0.9, torch.zeros(4), 1.0
    average = MovingAverage(torch.zeros(4), decay)
    assert average.value() is None
    for i in range(5):
        z = torch.arange(4.0) * i + 1
        average.add(z)
        accumulator *= decay
        biased = biased * decay + (1 - decay) * z
        found = average.value()
        assert found is not None
        torch.testing.assert_close(found, biased / (1 - accumulator))
    # Of one z it is that z.
    one = MovingAverage(torch.zeros(4), 0.999)
    one.add(torch.full((4,), 7.0))
    torch.testing.assert_close(one.value(), torch.full((4,), 7.0))


@pytest.mark.parametrize("latent", ["quantised", "codebook"])
def test_the_result_is_made_of_the_average_and_the_steps_are_not(latent: str) -> None:
    plain, averaged = _synthesis(latent=latent), _synthesis(latent=latent, ema=0.9)
    for i in range(6):
        assert torch.equal(plain.step().image, averaged.step().image), i
    assert torch.equal(plain.latent.z, averaged.latent.z)
    assert averaged.average is not None
    z = averaged.average.value()
    assert z is not None
    shown = averaged.generator.decode(averaged.latent.best(z)).clamp(0, 1)[0]
    assert torch.equal(averaged.look().image, shown)
    assert not torch.equal(averaged.look().image, plain.look().image)


def test_the_best_start_is_the_one_with_the_smallest_loss() -> None:
    starts = [torch.full((1, 2), float(i)) for i in (4, 1, 3, 2)]
    assert best_of(iter(starts), lambda z: z.sum(), 1, 100.0) is starts[1]
    losses = torch.tensor([2.0, 4.0])
    weights = (-0.5 * losses).softmax(0)
    mixed = best_of(iter(starts), lambda z: z.sum(), 2, 0.5)
    torch.testing.assert_close(mixed, (weights[0] * 1 + weights[1] * 2).expand(1, 2))
    # Equal ones keep their order, so that the choice does not depend on the sort.
    same = [torch.zeros(1, 1), torch.zeros(1, 1)]
    assert best_of(iter(same), lambda z: z.sum(), 1, 1.0) is same[0]


@pytest.mark.parametrize("latent", ["quantised", "codebook"])
def test_more_starts_begin_nearer_to_the_words(latent: str) -> None:
    first = [_synthesis(starts=count, latent=latent, spread=0.1) for count in (1, 12)]
    losses = [synthesis.step().losses["total"] for synthesis in first]
    assert losses[1] < losses[0]
    again = _synthesis(starts=12, latent=latent, spread=0.1)
    assert torch.equal(again.latent.z, _synthesis(starts=12, latent=latent, spread=0.1).latent.z)
