"""A tiny generator and perceptor with random weights, for tests of the loop itself."""

from __future__ import annotations

from typing import Any

import torch

from engine.models.generators.taming import VQGenerator, VQModel
from engine.models.packages import clip_model
from engine.models.perceptors.openai_clip import ClipPerceptor, new_clip
from engine.painting.synthesis import Synthesis
from engine.request.recipe import Augmentation, Recipe
from tests.checkpoints import DDCONFIG

PLAIN = Augmentation(count=3, flip=0, affine=0, perspective=0, jitter=0, noise=0)


def tiny_generator(
    dtype: torch.dtype = torch.float32, gumbel: bool = False, codes: int = 40
) -> VQGenerator:
    """Tokens of 2 px, ``codes`` codes of 32 numbers, drawn from a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = VQModel(DDCONFIG, codes, 32, gumbel=gumbel)
        generator = VQGenerator(model)
        generator.codebook.data.normal_()
    return generator.to(dtype).eval().requires_grad_(False)


def tiny_perceptor(
    dtype: torch.dtype = torch.float32, resolution: int = 16, width: int = 24, seed: int = 2
) -> ClipPerceptor:
    """Pictures in patches of 8 px, vectors of ``width`` numbers, drawn from a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = new_clip(
            embed_dim=width,
            resolution=resolution,
            patch=8,
            vision_width=64,
            vision_layers=2,
            text_width=64,
            text_layers=1,
            context_length=16,
        )
    _allow_float64(clip)
    return ClipPerceptor(clip).to(dtype).eval().requires_grad_(False)


def published_tower(perceptor: ClipPerceptor) -> torch.nn.Module:
    """The package's own picture tower with the weights of the :func:`tiny_perceptor`."""
    tower = clip_model().VisionTransformer(perceptor.resolution, 8, 64, 2, 1, perceptor.width)
    _allow_float64(tower)
    tower.to(perceptor.clip.visual.proj.dtype).load_state_dict(perceptor.clip.visual.state_dict())
    return tower.eval().requires_grad_(False)


def in_precision(network: torch.nn.Module, dtype: torch.dtype) -> None:
    """Let ``network`` compute in ``dtype``, CLIP's own layers too."""
    if dtype == torch.float64:
        _allow_float64(network)
    network.to(dtype)


def _allow_float64(network: torch.nn.Module) -> None:
    """CLIP's own LayerNorm always computes in float32; float64 needs the plain one."""
    for module in network.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.__class__ = torch.nn.LayerNorm


def tiny_recipe(**changes: object) -> Recipe:
    """24 x 32 px, 6 iterations, nothing augmented."""
    values = {"width": 32, "height": 24, "iterations": 6, "augmentation": PLAIN, **changes}
    return Recipe(**values)  # type: ignore[arg-type]  # the tests' own keyword arguments


def check_resumes(one: Synthesis, other: Synthesis) -> None:
    """Step ``one``, and let ``other`` do the same step from a saved state.

    Fails unless both then show the same picture, bit for bit.
    """
    state = one.state_dict()
    one.step()
    other.load_state_dict(state)
    other.step()
    assert torch.equal(one.look().image, other.look().image)


class Broken(torch.nn.Module):
    """A vision tower that returns NaN in some calls."""

    def __init__(self, tower, at):
        super().__init__()
        self.tower, self.at, self.calls = tower, at, 0

    def forward(self, pictures):
        self.calls += 1
        return self.tower(pictures) * (float("nan") if self.calls in self.at else 1.0)


def assert_same(state: Any, expected: Any) -> None:
    """Compare two states bit for bit, except for the seconds that painting took."""
    if isinstance(expected, dict):
        assert state.keys() == expected.keys()
        for name in expected.keys() - {"seconds"}:
            assert_same(state[name], expected[name])
    elif isinstance(expected, torch.Tensor):
        assert torch.equal(state, expected)
    else:
        assert state == expected
