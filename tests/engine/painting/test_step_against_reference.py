"""One step of the loop equals the formulas: loss and gradient of z, in float64."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from engine.models.generators.taming import VQModel
from engine.painting.cutouts import draw_cutouts
from engine.painting.synthesis import Synthesis
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import PRESETS, Augmentation, Recipe
from tests.checkpoints import DDCONFIG
from tests.engine.painting import reference
from tests.engine.tiny import PLAIN, published_tower, tiny_generator, tiny_perceptor, tiny_recipe

AUGMENTATIONS = {
    "none": PLAIN,
    "flip": dataclasses.replace(PLAIN, flip=1.0),
    "affine": dataclasses.replace(PLAIN, affine=1.0, degrees=30.0, translate=(0.1, 0.1), shear=8.0),
    "perspective": dataclasses.replace(PLAIN, perspective=1.0, distortion=0.4),
    "jitter": dataclasses.replace(
        PLAIN, jitter=1.0, brightness=0.2, contrast=0.2, hue=0.1, saturation=0.3
    ),
    "noise": dataclasses.replace(PLAIN, noise=1.0),  # far beyond 0..1
    "erasing": dataclasses.replace(PLAIN, erasing=1.0),
    "sharpness": dataclasses.replace(PLAIN, sharpness=1.0, blend=2.0),
    "elastic": dataclasses.replace(PLAIN, elastic=1.0),
    "resized": dataclasses.replace(PLAIN, resized=1.0),
    "whole": dataclasses.replace(PLAIN, whole=0.7, crop_power=0.5),
    "all of the paper's": Augmentation(count=4),
    "all of nerdyrodent's": dataclasses.replace(PRESETS["nerdyrodent"].augmentation, count=3),
}
PROMPTS = {
    "one": [Prompt("a red star")],
    "added": [Prompt("a red star"), Prompt("a charcoal drawing", 0.4)],
    "negative": [Prompt("a red star"), Prompt("fog", -0.7)],
    "stopped": [Prompt("a red star", 1.0, 10.0), Prompt("snow", 0.5)],
    "negative and stopped": [Prompt("a red star", -1.0, -1.2), Prompt("snow", 0.5)],
}


MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).double().view(1, 3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).double().view(1, 3, 1, 1)


def _compare(recipe: Recipe, prompts: list[Prompt], steps: int = 2) -> None:
    generator, perceptor = tiny_generator(torch.float64), tiny_perceptor(torch.float64)
    # Within 0..1: in a saturated area, rounding would decide which gradients a clamp stops.
    generator.model.decoder.conv_out.weight.mul_(0.2)
    taming = VQModel(DDCONFIG, len(generator.codebook), 32).double().eval().requires_grad_(False)
    taming.load_state_dict(generator.model.state_dict())
    synthesis = Synthesis(generator, perceptor, prompts, recipe, seed=5)
    tower = published_tower(perceptor)

    def encode(pictures: torch.Tensor) -> torch.Tensor:
        seen = tower((pictures - MEAN) / STD)
        return seen / seen.norm(dim=1, keepdim=True)

    for i in range(steps):
        z = synthesis.latent.z.detach().clone()
        numbers = draw_cutouts(
            recipe.augmentation,
            recipe.width,
            recipe.height,
            perceptor.resolution,
            synthesis.draws(),
        )
        iterate = synthesis.step()
        assert iterate.image.min() > 0
        assert iterate.image.max() < 1
        gradient = synthesis.latent.z.grad
        total, expected = reference.step_gradient(
            z,
            generator.codebook,
            lambda zq: (taming.decode(zq) + 1) / 2,
            encode,
            perceptor.encode_text([p.words for p in prompts]),
            [p.weight for p in prompts],
            [p.stop for p in prompts],
            numbers,
            perceptor.resolution,
            recipe.regulariser.alpha(i, recipe.iterations),
            synthesis.anchor,
        )
        assert gradient is not None
        assert iterate.losses["total"] == pytest.approx(total, rel=1e-5)
        scale = expected.abs().max()
        assert scale > 0
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5 * float(scale))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_a_step_equals_the_formulas_for_each_augmentation(name: str) -> None:
    _compare(tiny_recipe(augmentation=AUGMENTATIONS[name]), PROMPTS["one"])


@pytest.mark.parametrize("name", PROMPTS)
def test_a_step_equals_the_formulas_for_each_kind_of_prompt(name: str) -> None:
    _compare(tiny_recipe(), PROMPTS[name])


@pytest.mark.parametrize(
    "regulariser",
    [
        Regulariser(0.75, "linear", "zero"),
        Regulariser(0.75, "geometric", "start"),
        Regulariser(2.0, "harmonic", "zero"),
        Regulariser(0.3, "constant", "zero"),
    ],
    ids=str,
)
def test_a_step_equals_the_formulas_for_each_regulariser(regulariser: Regulariser) -> None:
    _compare(tiny_recipe(regulariser=regulariser), PROMPTS["one"], steps=3)
