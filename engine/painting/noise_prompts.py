"""Noise prompts as targets of a painting."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.models import Member
from engine.painting.targets import PromptTarget, Target, loss_name
from engine.request.noise import NoisePrompt


def noise_targets(members: Sequence[Member], prompts: Sequence[NoisePrompt]) -> list[Target]:
    """A target for each of ``prompts``: the direction that its seed gives in every painting.

    As in the published code (the authors' notebooks, nerdyrodent's script): normal numbers of
    torch's own generator on the CPU, made a unit vector.
    """
    targets: list[Target] = []
    for prompt in prompts:
        vectors = []
        for perceptor, _ in members:
            if perceptor.only_words:
                vectors.append(torch.empty(0, device=perceptor.device))
                continue
            generator = torch.Generator().manual_seed(prompt.seed)
            vector = torch.empty([1, perceptor.width]).normal_(generator=generator)
            vectors.append(torch.nn.functional.normalize(vector, dim=1)[0].to(perceptor.mean))
        name = loss_name(f"noise {prompt.seed}")
        targets.append(PromptTarget(name, tuple(vectors), prompt.weight))
    return targets
