"""The authors' older method: sampled codes, and a finished picture of the most probable ones."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from engine.models.codebook import nearest_codes
from engine.painting.latent import CodebookLatent, sample_codes
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import Prompt
from engine.request.recipe import PRESETS
from tests.engine.tiny import PLAIN, tiny_generator, tiny_perceptor, tiny_recipe


def _synthesis(start: torch.Tensor | None = None, codes: int = 64) -> Synthesis:
    recipe = tiny_recipe(latent="codebook", augmentation=PLAIN, learning_rate=0.05)
    return Synthesis(
        tiny_generator(codes=codes), tiny_perceptor(), [Prompt("a red star")], recipe, 1, start
    )


def test_codes_are_drawn_with_their_probabilities() -> None:
    probabilities = torch.tensor([0.5, 0.0, 0.3, 0.15, 0.05, 0.0]).expand(40_000, 6)
    drawn = torch.rand(40_000, 1, generator=torch.Generator().manual_seed(0))
    counts = sample_codes(probabilities, drawn).bincount(minlength=6) / 40_000
    torch.testing.assert_close(counts, probabilities[0], atol=0.01, rtol=0)
    assert counts[1] == counts[5] == 0


def test_the_least_and_the_largest_number_draw_a_possible_code() -> None:
    probabilities = torch.tensor([[0.0, 0.25, 0.75, 0.0]])
    smallest, largest = torch.tensor([[0.0]]), torch.tensor([[1 - 2**-24]])
    assert sample_codes(probabilities, smallest).tolist() == [1]
    assert sample_codes(probabilities, largest).tolist() == [2]
    assert sample_codes(probabilities, torch.tensor([[1.0]])).tolist() == [2]


@pytest.mark.parametrize("codes", [64, 16_384])
def test_a_start_from_a_picture_survives_with_any_number_of_codes(codes: int) -> None:
    """With a fixed logit of 5 each code had a probability of 0.9% at 16,384 codes."""
    start = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(2))
    synthesis = _synthesis(start, codes)
    generator = synthesis.generator
    assert generator.codebook is not None
    kept = nearest_codes(synthesis.latent.initial, generator.codebook)
    shares = []
    for i in range(20):
        shown = nearest_codes(synthesis.latent(Draws(3, i)), generator.codebook)
        shares.append(float((shown == kept).float().mean()))
    assert sum(shares) / len(shares) == pytest.approx(0.99, abs=0.01)
    expected = generator.decode(synthesis.latent.initial).clamp(0, 1)
    torch.testing.assert_close(synthesis.look().image, expected[0])


def test_a_finished_picture_has_the_most_probable_codes() -> None:
    synthesis = _synthesis()
    for _ in range(3):
        synthesis.step()
    generator, logits = synthesis.generator, synthesis.latent.z
    assert generator.codebook is not None
    best = generator.codebook[logits[0].argmax(dim=0)].permute(2, 0, 1)[None]
    assert torch.equal(synthesis.look().image, generator.decode(best).clamp(0, 1)[0])


def test_the_gradient_goes_straight_to_the_probabilities() -> None:
    """As ``one_hot + probabilities - probabilities.detach()`` times the codebook has it."""
    generator = tiny_generator(torch.float64)
    assert generator.codebook is not None
    initial = generator.random_latent(24, 32, Draws(1))
    latent = CodebookLatent(generator, initial, False, Draws(2))
    slope = torch.randn(initial.shape, dtype=torch.float64)
    zq = latent(Draws(3))
    (ours,) = torch.autograd.grad((zq * slope).sum(), latent.z)
    logits = latent.z.detach().clone().requires_grad_()
    probabilities = logits[0].flatten(1).T.softmax(1)
    codes = nearest_codes(zq.detach(), generator.codebook)[0]
    one_hot = torch.nn.functional.one_hot(codes, len(generator.codebook)).double()
    published = (one_hot + probabilities - probabilities.detach()) @ generator.codebook
    (theirs,) = torch.autograd.grad((published.T.reshape(slope.shape) * slope).sum(), logits)
    torch.testing.assert_close(ours, theirs)


def test_the_preset_has_the_notebooks_numbers() -> None:
    recipe = PRESETS["codebook"]
    assert (recipe.latent, recipe.learning_rate, recipe.betas) == ("codebook", 0.05, (0.9, 0.999))
    assert recipe.regulariser.weight == 0
    only_crops = dataclasses.replace(PLAIN, count=64)
    assert recipe.augmentation == only_crops
    logits = _synthesis().latent.z.detach()  # torch.randn, as in the notebook
    assert float(logits.mean()) == pytest.approx(0, abs=0.05)
    assert float(logits.std()) == pytest.approx(1, abs=0.05)
