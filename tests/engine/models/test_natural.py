"""The shipped natural models: what they know, and painting with them."""

from __future__ import annotations

import pytest
import torch

from engine import imagine
from engine.models import load_models
from engine.models.codebook import nearest_codes
from engine.painting.pipeline import prepare
from engine.request.from_text import request_from_text

CLASSES = {
    "goldfish": 1,
    "tabby": 281,
    "red fox": 277,
    "lighthouse": 437,
    "castle": 483,
    "volcano": 980,
    "teapot": 849,
    "school bus": 779,
    "strawberry": 949,
}


@pytest.fixture(scope="module")
def models():
    return load_models(device="cpu")


def shares(models, text):
    return models.perceptor.encode_text([text])[0].square()


def test_the_default_model_is_natural(models):
    assert models.name == "natural"
    assert (models.generator.factor, models.perceptor.width) == (8, 1000)
    assert models.generator.scale == pytest.approx(1, rel=0.05)  # the paper's steps suit it
    assert models.generator.codebook.shape == (4096, 64)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a red fox in the snow", "red fox"),
        ("vulpes vulpes", "red fox"),
        ("two goldfish in a bowl", "goldfish"),
        ("a castle on a hill, oil painting", "castle"),
        ("an erupting volcano at night", "volcano"),
        ("ripe strawberries", "strawberry"),
        ("the school bus in front of the school", "school bus"),
        ("a teapot + watercolour", "teapot"),
        ("a lighthouse on a cliff in a storm", "lighthouse"),
    ],
)
def test_words_are_about_what_they_name(models, text, name):
    assert shares(models, text.split(" + ")[0]).argmax() == CLASSES[name]


@pytest.mark.parametrize(
    "text",
    [
        "Baba Yaga's house",
        "effervescent hope",
        "a harbour at dusk",
        "the Tower of Babel",
        "pickled eggs, tempera on wood",
    ],
)
def test_any_english_words_are_known(models, text):
    assert models.perceptor.tokenize(text).unknown == ()
    assert shares(models, text).sum().item() == pytest.approx(1, abs=1e-4)


def test_unknown_words_are_named(models):
    assert models.perceptor.tokenize("a 東京 castle").unknown == ("東京",)


@pytest.mark.parametrize(
    "name", ["natural", "natural-fourier", pytest.param("natural-curves", marks=pytest.mark.slow)]
)
def test_a_painting_comes_to_show_its_words(name):
    models = load_models(name, device="cpu")
    *_, last = imagine(
        "a goldfish", models=models, seed=4, width=96, height=96, iterations=20, cutouts=4
    )
    with torch.no_grad():
        seen = models.perceptor.read_image(last.image[None])[0].square()
    assert seen.argmax() == CLASSES["goldfish"]


@pytest.mark.parametrize(("preset", "steps"), [("paper", 6), ("nerdyrodent", 40), ("notebook", 3)])
def test_every_presets_steps_move_the_codes(models, preset, steps):
    synthesis = prepare(
        request_from_text("a castle", seed=1, width=48, height=48, cutouts=1, preset=preset), models
    )
    before = nearest_codes(synthesis.latent.z, models.generator.codebook)
    for _ in range(steps):
        synthesis.step()
    after = nearest_codes(synthesis.latent.z, models.generator.codebook)
    assert (before != after).float().mean() > 0.2


def test_a_photographs_codes_decode_to_almost_the_photograph(models):
    """A smooth picture of many colours, like a photograph."""
    across, down = torch.meshgrid(torch.linspace(0, 1, 96), torch.linspace(0, 1, 96), indexing="xy")
    picture = torch.stack([across, down, 1 - across])[None]
    z = models.generator.encode_latent(picture)
    assert nearest_codes(z, models.generator.codebook).unique().numel() > 10
    assert (models.generator.decode(z).clamp(0, 1) - picture).abs().mean() < 0.05
