"""Noise prompts as targets of a painting."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from engine.models import Member, Perceptor
from engine.painting.targets import PromptTarget, Target, loss_name, vectors_of
from engine.request.noise import NoisePrompt


def noise_targets(members: Sequence[Member], prompts: Sequence[NoisePrompt]) -> list[Target]:
    """A target for each of ``prompts``: the direction that its seed gives in every painting.

    As in the published code (the authors' notebooks, nerdyrodent's script): normal numbers of
    torch's own generator on the CPU, made a unit vector.
    """
    targets: list[Target] = []
    for prompt in prompts:
        vectors = vectors_of(members, partial(_direction, prompt.seed))
        name = loss_name(f"noise {prompt.seed}")
        targets.append(PromptTarget(name, vectors, prompt.weight))
    return targets


def _direction(seed: int, perceptor: Perceptor) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    vector = torch.empty([1, perceptor.width]).normal_(generator=generator)
    return torch.nn.functional.normalize(vector, dim=1)[0].to(perceptor.mean)
