import itertools
import math

import pytest
import torch

from engine.errors import ModelError, RequestError
from engine.models.generators.fourier import FourierGenerator, build
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from tests.engine.tiny import PLAIN, check_resumes, tiny_perceptor


@pytest.mark.parametrize(("height", "width"), [(32, 32), (48, 30), (31, 64)])
def test_a_picture_comes_back_from_its_spectrum(height, width):
    picture = (
        torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)) * 0.9 + 0.05
    )
    generator = FourierGenerator()
    z = generator.encode_latent(picture)
    assert z.shape == (1, 6, height, width // 2 + 1)
    torch.testing.assert_close(generator.decode(z), picture, atol=1e-5, rtol=1e-5)


def test_black_and_white_come_back_nearly_so():
    picture = torch.zeros(1, 3, 16, 16)
    picture[..., 8:] = 1
    generator = FourierGenerator()
    back = generator.decode(generator.encode_latent(picture))
    assert back.isfinite().all()
    assert (back - picture).abs().max() < 0.01


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize("contrast", [0.5, 1.0])
def test_a_random_start_has_the_contrast_asked_for_at_any_size(side, contrast):
    generator = FourierGenerator(contrast=contrast)
    pictures = [generator.decode(generator.random_latent(side, side, Draws(i))) for i in range(40)]
    lightness = torch.cat(pictures).logit().mean(1)
    assert lightness.std().item() == pytest.approx(contrast, rel=0.15)


def test_a_random_start_falls_with_frequency_as_natural_pictures_do():
    """Amplitude 1/f (Field 1987): twice the frequency, a quarter of the power."""
    generator = FourierGenerator(decay=1.0)
    lightness = torch.stack(
        [
            generator.decode(generator.random_latent(128, 128, Draws(i)))[0].logit().mean(0)
            for i in range(30)
        ]
    )
    power = torch.fft.rfft2(lightness).abs().square().mean(0)
    octaves = [power[0, 4:8].mean(), power[0, 8:16].mean(), power[0, 16:32].mean()]
    for low, high in itertools.pairwise(octaves):
        assert math.log2(low / high) == pytest.approx(2.0, abs=0.5)


def test_its_painting_is_the_same_for_the_same_seed_and_after_a_restore():
    def painting():
        recipe = Recipe(width=32, height=24, iterations=4, augmentation=PLAIN, spread=0.1)
        return Synthesis(FourierGenerator().eval(), tiny_perceptor(), [Prompt("a fox")], recipe, 3)

    one, other = painting(), painting()
    one.step()
    check_resumes(one, other)
    assert one.look().image.shape == (3, 24, 32)
    assert not torch.equal(one.look().image, painting().look().image)


def test_outside_a_mask_the_original_stays_exactly():
    recipe = Recipe(width=48, height=32, iterations=4, augmentation=PLAIN)
    start = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 0.8 + 0.1
    mask = torch.zeros(1, 1, 32, 48)
    mask[..., :16] = 1
    synthesis = Synthesis(
        FourierGenerator().eval(),
        tiny_perceptor(),
        [Prompt("a fox")],
        recipe,
        3,
        start=start,
        mask=mask,
    )
    for _ in range(3):
        synthesis.step()
    image = synthesis.look().image
    assert torch.equal(image[..., 25:], start[0, ..., 25:])
    assert not torch.allclose(image[..., :16], start[0, ..., :16], atol=1e-3)


def test_the_preset_codebook_is_refused_without_a_codebook():
    with pytest.raises(RequestError, match="no codebook"):
        Synthesis(
            FourierGenerator(),
            tiny_perceptor(),
            [],
            Recipe(width=32, height=32, latent="codebook"),
            1,
        )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"decay": "steep"}, "`decay` must be a number between 0 and 3"),
        ({"contrast": 0}, "`contrast` must be a number"),
        ({"size": 3}, "no setting `size`"),
    ],
)
def test_wrong_settings_are_named(settings, says):
    with pytest.raises(ModelError, match=says):
        build({}, settings)


def test_a_spectrum_of_another_decay_or_contrast_has_another_fingerprint():
    prints = [
        FourierGenerator(*values).fingerprint()
        for values in ((1.0, 1.0), (1.25, 1.0), (1.0, 0.5), (1.0, 1.0))
    ]
    assert len(set(prints)) == 3
    assert prints[0] == prints[3]
