import pytest
import torch
from torch.testing import assert_close

from engine.errors import ModelError
from engine.models.generators.pixels import PixelGenerator, build
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from tests.engine.tiny import PLAIN, check_resumes, tiny_perceptor


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def painting(generator, recipe=None, **values):
    recipe = recipe or Recipe(width=24, height=20, iterations=4, augmentation=PLAIN)
    return Synthesis(generator, tiny_perceptor(), [Prompt("a fox")], recipe, 3, **values)


def test_a_picture_is_its_own_latent_at_any_size():
    picture = torch.rand(1, 3, 17, 23, generator=rng())
    generator = build({}, {})
    assert torch.equal(generator.decode(generator.encode_latent(picture)), picture)
    assert generator.random_latent(17, 23, Draws(0)).shape == (1, 3, 17, 23)


def test_a_block_is_a_square_of_one_colour_the_mean_of_its_pixels():
    picture = torch.rand(1, 3, 8, 12, generator=rng())
    generator = build({}, {"block": 4})
    z = generator.encode_latent(picture)
    decoded = generator.decode(z)
    assert decoded.shape == picture.shape
    assert_close(
        decoded[..., 4:8, 0:4], picture[..., 4:8, :4].mean((2, 3), True).expand(1, 3, 4, 4)
    )


def test_it_paints_the_same_again_continues_from_a_saved_state_and_stays_in_its_range():
    recipe = Recipe(
        width=24, height=20, iterations=6, augmentation=PLAIN, learning_rate=0.4, spread=0.1
    )
    one, other = (painting(build({}, {"block": 2}), recipe) for _ in range(2))
    assert (one.look().image - 0.5).abs().max() <= 0.05 + 1e-6
    for _ in range(3):
        one.step()
    check_resumes(one, other)
    assert one.latent.z.aminmax() == (0, 1)


def test_an_edit_leaves_every_pixel_outside_the_mask():
    start = torch.rand(1, 3, 20, 24, generator=rng())
    mask = torch.zeros(1, 1, 20, 24)
    mask[..., :8] = 1
    synthesis = painting(build({}, {}), start=start, mask=mask)
    for _ in range(3):
        synthesis.step()
    image = synthesis.look().image
    assert torch.equal(image[..., 10:], start[0, ..., 10:])
    assert not torch.allclose(image[..., :8], start[0, ..., :8], atol=0.01)


def test_wrong_blocks_are_refused_and_others_have_another_fingerprint():
    for wrong in (0, 65, 2.5, True, "large"):
        with pytest.raises(ModelError, match=r"`block` must be a whole number between 1 and 64"):
            build({}, {"block": wrong})
    assert PixelGenerator(2).fingerprint() != PixelGenerator(3).fingerprint()
