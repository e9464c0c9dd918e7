"""bf16 decoding is close to float32 in pictures and gradients, and is written down."""

import json

import pytest
import torch
from PIL import Image

from engine import ImageRequest, imagine
from engine.errors import ModelError
from engine.models import load_models
from engine.models.precision import choose_precision
from engine.painting.pipeline import prepare, provenance
from engine.painting.recovery import in_full_precision
from engine.random_numbers import Draws
from tests.engine.cli.command_line import write_home


@pytest.fixture(scope="module", params=["drawn", "natural"])
def pair(request):
    return [
        load_models(request.param, device="cpu", precision=precision)
        for precision in ("float32", "bf16")
    ]


def test_pictures_and_gradients_in_bf16_are_close_to_those_in_float32(pair):
    pictures, gradients = [], []
    for models in pair:
        z = models.generator.random_latent(64, 64, Draws(3))
        z.requires_grad_()
        picture = models.generator.decode(z)
        weights = torch.linspace(-1, 1, picture.numel()).view_as(picture)
        (picture * weights).sum().backward()
        assert picture.dtype == z.grad.dtype == torch.float32
        pictures.append(picture.detach())
        gradients.append(z.grad.flatten())
    assert (pictures[0] - pictures[1]).abs().mean() < 0.01
    assert torch.cosine_similarity(gradients[0], gradients[1], dim=0) > 0.99


def test_latents_and_encoding_stay_in_float32(pair):
    full, half = (models.generator for models in pair)
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(full.encode_latent(picture), half.encode_latent(picture))
    assert full.fingerprint() == half.fingerprint()  # a saved state continues in either


def test_a_generator_in_bf16_can_go_back_to_float32(pair):
    generator = in_full_precision(pair[1].generator)
    assert all(weight.dtype == torch.float32 for weight in generator.parameters())
    z = generator.random_latent(32, 32, Draws(3))
    assert generator.decode(z).isfinite().all()


def test_the_precision_is_part_of_a_pictures_provenance(pair):
    for models, precision in zip(pair, ("float32", "bf16"), strict=True):
        synthesis = prepare(ImageRequest(prompt="a star", width=32, height=32), models, {})
        assert provenance(synthesis, models)["precision"] == precision


def test_a_job_in_bf16_paints_the_same_pixels_twice():
    last = [
        [
            *imagine(
                "a star", model="drawn", seed=2, iterations=3, width=64, height=64, precision="bf16"
            )
        ][-1].image
        for _ in range(2)
    ]
    assert torch.equal(*last)


def test_an_unknown_precision_is_refused_with_those_there_are():
    with pytest.raises(ModelError, match="'half'; choose one of auto, float32, bf16"):
        choose_precision("half", torch.device("cpu"))
    with pytest.raises(ModelError, match="float32"):
        load_models("drawn", precision="fp16")


@pytest.mark.parametrize(("capability", "chosen"), [((7, 5), "float32"), ((8, 0), "bf16")])
def test_auto_is_bf16_on_a_gpu_with_instructions_for_it(monkeypatch, capability, chosen):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision("auto", torch.device("cuda")) == chosen
    assert choose_precision("bf16", torch.device("cuda")) == "bf16"
    assert choose_precision("auto", torch.device("mps")) == "float32"


def test_the_command_takes_a_precision(tmp_path, run_here):
    path = tmp_path / "star.png"
    done = run_here(
        write_home(tmp_path),
        "a star",
        "--model",
        "drawn",
        "--precision",
        "bf16",
        "--iterations",
        "1",
        "--size",
        "32x32",
        "-o",
        str(path),
    )
    assert done.returncode == 0, done.stderr
    with Image.open(path) as picture:
        made = json.loads(picture.info["imagine-bot provenance"])
    assert made["precision"] == "bf16"
