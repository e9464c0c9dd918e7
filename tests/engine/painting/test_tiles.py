"""Tiles: what is painted goes on at the opposite border."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.errors import RequestError
from engine.models.generators.curves import CurvesGenerator
from engine.models.generators.fourier import FourierGenerator
from engine.models.generators.pixels import PixelGenerator
from engine.painting.batch import shape_of, step_together
from engine.painting.synthesis import Synthesis
from engine.painting.tiles import rolled
from engine.random_numbers import Draws
from engine.request.from_text import request_from_text
from engine.request.prompt import Prompt
from tests.engine.tiny import check_resumes, tiny_generator, tiny_perceptor, tiny_recipe

GENERATOR, PERCEPTOR = tiny_generator(torch.float64), tiny_perceptor(torch.float64)


def latent(**options: int) -> Tensor:
    z: Tensor = GENERATOR.random_latent(32, 32, Draws(options.get("seed", 1), 0, 0, "cpu"))
    return z


def painting(
    seed: int = 1, tile: bool = True, networks=(GENERATOR, PERCEPTOR), **more
) -> Synthesis:
    recipe = tiny_recipe(tile=tile, **more)
    return Synthesis(networks[0], networks[1], [Prompt("a")], recipe, seed)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_latent_moved_around_decodes_to_the_picture_moved_around(recompute):
    tiled = GENERATOR.tiled()
    decode = tiled.decode_in_less_memory if recompute else tiled.decode
    z, (down, across) = latent(), (3, 5)
    moved = decode(torch.roll(z, (down, across), (-2, -1)))
    factor = GENERATOR.factor
    expected = torch.roll(decode(z), (down * factor, across * factor), (-2, -1))
    assert torch.allclose(moved, expected, atol=1e-9)
    plain = GENERATOR.decode(torch.roll(z, (down, across), (-2, -1)))
    other = torch.roll(GENERATOR.decode(z), (down * factor, across * factor), (-2, -1))
    assert not torch.allclose(plain, other, atol=1e-3)


def circular(layer: Any) -> torch.nn.Conv2d:
    """torch's own convolution with circular padding and a layer's weights."""
    out, into, side, _ = layer.weight.shape
    theirs = torch.nn.Conv2d(into, out, side, padding=1, padding_mode="circular").double()
    theirs.load_state_dict({"weight": layer.weight, "bias": layer.bias})
    return theirs


def test_its_convolutions_are_torch_s_circular_ones():
    decoder: Any = GENERATOR.model.decoder
    x = torch.randn(1, decoder.conv_in.weight.shape[1], 6, 8, dtype=torch.float64)
    assert torch.allclose(decoder.conv_in(x, True), circular(decoder.conv_in)(x), atol=1e-12)
    upsample = next(level.upsample for level in decoder.up if hasattr(level, "upsample"))
    x = torch.randn(1, upsample.conv.weight.shape[1], 6, 8, dtype=torch.float64)
    doubled = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
    assert torch.allclose(upsample(x, True), circular(upsample.conv)(doubled), atol=1e-9)


def test_gradients_go_around_the_border():
    z = latent().requires_grad_()
    (gradient,) = torch.autograd.grad(GENERATOR.tiled().decode(z)[..., 0, 0].sum(), z)
    assert float(gradient[..., -1, -1].abs().sum()) > 0


def test_the_weights_are_shared_and_the_plain_generator_stays():
    tiled = GENERATOR.tiled()
    assert tiled is GENERATOR.tiled() is tiled.tiled()
    assert tiled.codebook is GENERATOR.codebook
    assert tiled.fingerprint() == GENERATOR.fingerprint()
    assert set(GENERATOR.state_dict()) == set(tiled.state_dict())
    assert not GENERATOR.wraps


def test_pictures_without_the_option_are_the_same_as_ever():
    z = latent()
    before = GENERATOR.decode(z)
    GENERATOR.tiled().decode(z)
    assert torch.equal(GENERATOR.decode(z), before)


def test_a_tile_is_seen_from_every_place():
    picture = torch.arange(6 * 8.0).view(1, 1, 6, 8)
    seen = {float(rolled(picture, Draws(1, i, 0, "cpu"))[0, 0, 0, 0]) for i in range(400)}
    assert len(seen) > 40
    assert sorted(rolled(picture, Draws(1, 0, 0, "cpu")).flatten().tolist()) == list(range(48))


@pytest.mark.parametrize("passes", [1, 2])
def test_the_loss_of_a_tile_is_that_of_the_picture_that_is_seen(passes):
    one = painting()
    # A painting like any other whose generator shows the tile from that place.
    seeing = copy.copy(GENERATOR.tiled())
    vars(seeing)["decode"] = lambda z: rolled(GENERATOR.tiled().decode(z), Draws(1, 0, 0, "cpu"))
    other = painting(tile=False, networks=(seeing, PERCEPTOR))
    for each in (one, other):
        each.recovery.plan(passes)
        each.step()
    gradients = [each.latent.z.grad for each in (one, other)]
    assert gradients[0] is not None
    assert gradients[1] is not None
    assert float(gradients[0].abs().sum()) > 0
    assert torch.allclose(gradients[0], gradients[1], atol=1e-12)


def test_a_finished_tile_has_no_border():
    one = painting()
    one.step()
    before, factor = one.look().image, GENERATOR.factor
    with torch.no_grad():
        one.latent.z.copy_(torch.roll(one.latent.z, (1, 2), (-2, -1)))
    expected = torch.roll(before, (factor, 2 * factor), (-2, -1))
    assert torch.allclose(one.look().image, expected, atol=1e-9)


def test_tiles_resume_and_are_stepped_together_only_with_tiles():
    one = painting()
    one.step()
    check_resumes(one, painting())
    plain, (first, second) = painting(tile=False), (painting(2), painting(3))
    assert shape_of(first) == shape_of(second) != shape_of(plain)
    alone = [painting(2), painting(3)]
    step_together([first, second])
    for together, other in zip((first, second), alone, strict=True):
        other.step()
        assert torch.allclose(together.latent.z, other.latent.z, atol=1e-6)


def test_other_generators_tile_by_themselves_or_say_so():
    perceptor = tiny_perceptor()
    for generator in (PixelGenerator(1), FourierGenerator()):
        painting(networks=(generator, perceptor)).step()
    with pytest.raises(RequestError, match="can't paint tiles"):
        painting(networks=(CurvesGenerator(8), perceptor))


def test_a_fourier_picture_has_no_seam():
    generator = FourierGenerator()
    picture = generator.decode(generator.random_latent(64, 64, Draws(1, 0, 0, "cpu")))[0, 0]
    steps = (picture - torch.roll(picture, 1, 1)).abs().mean(0).numpy()
    assert steps[0] == pytest.approx(np.mean(steps), rel=0.5)


@pytest.mark.parametrize(
    ("typed", "tile", "words"),
    [
        ("a fox --tile", True, "a fox"),
        ("a fox --tile --seed 7", True, "a fox"),
        ("a fox --tile in snow", True, "a fox in snow"),
        ("a fox --tile=no", None, "a fox"),
        ("a fox —tile", True, "a fox"),
        ("a tile", None, "a tile"),
    ],
)
def test_the_flag_has_no_value(typed, tile, words):
    request = request_from_text(typed)
    assert (request.tile, request.prompt) == (tile, words)


def test_a_gpu_rolls_a_tile_as_the_host_does(monkeypatch):
    picture = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(1))
    expected = [rolled(picture, Draws(2**40 + seed, seed)) for seed in range(20)]
    monkeypatch.setattr("engine.painting.host.is_readable", lambda numbers: False)
    for seed, other in enumerate(expected):
        assert torch.equal(rolled(picture, Draws(2**40 + seed, seed)), other)
