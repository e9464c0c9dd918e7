"""CLIP's picture towers are the package's, in values and gradients, and close to it in bf16."""

import copy

import pytest
import torch
from torch import nn

from engine.models.packages import clip_model
from engine.models.perceptors.openai_clip import ClipPerceptor, build_perceptor
from engine.models.perceptors.picture_tower import PictureTransformer, layers, picture_tower
from engine.painting import recovery
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation
from tests.checkpoints import clip_state
from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe


def transformer(layers=2, patch=16, heads=2, gelu=None, side=64):
    """The package's vision transformer, with more hidden numbers if it has a ``gelu``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        tower = clip_model().VisionTransformer(side, patch, 128, layers, heads, 48)
        for block in tower.transformer.resblocks if gelu is not None else ():
            block.mlp.gelu = gelu
            block.mlp.c_fc, block.mlp.c_proj = nn.Linear(128, 200), nn.Linear(200, 128)
        for name, weight in tower.named_parameters():
            if "ln_" in name or name.endswith("bias"):
                nn.init.normal_(weight, float("ln_" in name and name.endswith("weight")), 0.2)
    return tower.eval().requires_grad_(False)


def resnet():
    """The package's ResNet with batch norms that do something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        tower = clip_model().ModifiedResNet((1, 2, 1, 1), 48, 16, 64, width=16)
        for module in tower.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean = torch.randn(module.num_features) / 2
                module.running_var = torch.rand(module.num_features) + 0.5
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.3)
    return tower.eval().requires_grad_(False)


TRANSFORMERS = {
    "QuickGELU": transformer,
    "GELU, other widths": lambda: transformer(heads=4, gelu=nn.GELU()),
    "long sequence": lambda: transformer(patch=4, heads=8),
    "patches that leave a margin": lambda: transformer(patch=15),
}
TOWERS = {**TRANSFORMERS, "ResNet": resnet}


def look(tower, side=64):
    """Vectors of pictures, and the pictures' gradients of a fixed direction."""
    rng = torch.Generator().manual_seed(7)
    pictures = torch.randn(3, 3, side, side, generator=rng).requires_grad_()
    vectors = tower(pictures)
    (vectors * torch.randn(vectors.shape, generator=rng)).sum().backward()
    return vectors.detach(), pictures.grad


@pytest.mark.parametrize("make", TOWERS.values(), ids=TOWERS)
def test_values_and_gradients_are_the_packages(make):
    theirs = look(make())
    ours = look(picture_tower(make()))
    for one, other in zip(ours, theirs, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * other.abs().max().item())


@pytest.mark.parametrize("make", TRANSFORMERS.values(), ids=TRANSFORMERS)
def test_in_bf16_they_are_close(make):
    vectors, gradient = look(make())
    tower = picture_tower(make())
    assert isinstance(tower, PictureTransformer)
    tower.compute_in_bf16()
    ours, own = look(tower)
    assert own.dtype == torch.float32
    assert (ours - vectors).norm() < 0.01 * vectors.norm()
    assert torch.cosine_similarity(own.flatten(1), gradient.flatten(1)).min() > 0.999


@pytest.mark.parametrize("make", TOWERS.values(), ids=TOWERS)
@pytest.mark.parametrize("half", [False, True])
def test_the_same_pictures_give_the_same_bits(make, half):
    tower = picture_tower(make())
    if half and isinstance(tower, PictureTransformer):
        tower.compute_in_bf16()
    for one, other in zip(look(tower), look(tower), strict=True):
        assert torch.equal(one, other)


def test_a_transformer_keeps_the_packages_names_and_a_trained_one_gets_gradients():
    tower = transformer()
    assert picture_tower(tower).state_dict().keys() == tower.state_dict().keys()
    trained, plain = picture_tower(copy.deepcopy(tower)).requires_grad_(), tower.requires_grad_()
    look(trained)
    look(plain)
    for (name, one), (_, other) in zip(
        sorted(trained.named_parameters()), sorted(plain.named_parameters()), strict=True
    ):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-3, msg=name)


@pytest.fixture
def rounds_small_towers(monkeypatch):
    monkeypatch.setattr(layers, "_WORTH_ROUNDING", 0)


def test_only_the_picture_towers_products_are_rounded(rounds_small_towers):
    full, half = build_perceptor(clip_state()), build_perceptor(clip_state())
    half.encode_in_bf16()
    assert torch.equal(full.encode_text(["a fox"]), half.encode_text(["a fox"]))
    pictures = torch.rand(2, 3, 32, 32)
    vectors = half.encode_image(pictures)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    assert not torch.equal(vectors, full.encode_image(pictures))
    before = full.state_dict()
    for name, weight in half.state_dict().items():
        product = ".visual." in name and any(
            part in name for part in ("conv1", "in_proj", "out_proj", "c_fc", "c_proj")
        )
        assert weight.dtype == (torch.bfloat16 if product else torch.float32), name
        assert torch.equal(weight, before[name].to(weight.dtype))


def test_a_tiny_tower_stays_in_float32():
    perceptor = build_perceptor(clip_state())
    perceptor.encode_in_bf16()
    assert {weight.dtype for weight in perceptor.state_dict().values()} == {torch.float32}


def test_a_resnet_stays_in_float32(rounds_small_towers):
    perceptor = build_perceptor(clip_state("RN"))
    perceptor.encode_in_bf16()
    assert {weight.dtype for weight in perceptor.state_dict().values()} == {torch.float32}


def test_the_losses_of_a_painting_are_within_one_percent(rounds_small_towers):
    """The same seed, 20 iterations, each from where its own precision has come to."""
    losses = []
    for half in (False, True):
        perceptor = tiny_perceptor()
        if half:
            perceptor.encode_in_bf16()
            assert perceptor.clip.visual.conv1.weight.dtype == torch.bfloat16
        recipe = tiny_recipe(iterations=20, augmentation=Augmentation(count=8), learning_rate=0.05)
        synthesis = Synthesis(tiny_generator(), perceptor, [Prompt("a fox")], recipe, seed=2)
        losses.append([synthesis.step().losses["total"] for _ in range(20)])
    full, half = torch.tensor(losses)
    torch.testing.assert_close(half, full, rtol=0.01, atol=0)


@pytest.mark.parametrize("changed", [False, True])
def test_a_painting_in_float32_gets_the_weights_of_the_file_if_they_are_the_same(
    rounds_small_towers, changed
):
    half = build_perceptor(clip_state())
    half.encode_in_bf16()
    half.original = lambda: build_perceptor(clip_state(seed=int(changed)))
    synthesis = Synthesis(tiny_generator(), half, [Prompt("a fox")], tiny_recipe(), seed=2)
    assert recovery.to_float32(synthesis)
    own = synthesis.perceptor
    assert isinstance(own, ClipPerceptor)
    assert own is not half
    file = build_perceptor(clip_state()).clip.visual.conv1.weight
    rounded = file.bfloat16().float()
    assert torch.equal(own.clip.visual.conv1.weight, rounded if changed else file)
    assert half.clip.visual.conv1.weight.dtype == torch.bfloat16  # other jobs use it
