"""Training of the embedded prior: to tell a drawing's codes from its latent under noise.

The loss is the cross entropy of the codes (Dieleman et al. 2022), the noise's deviation even in its
logarithm. The layers' matrices are trained by Muon (Jordan et al. 2024), the rest by Adam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from engine.models.generator import embed_codes
from engine.models.prior import Prior
from engine.training.averaging import WeightAverage
from engine.training.latents import CodedDrawings
from engine.training.precision import bf16_where_fast
from engine.training.schedule import warm_cosine
from engine.training.world import Mix

# What is painted with, more of it styled and with two things than the generator is shown.
PRIOR_MIX = Mix(styled=0.45, pairs=0.45, plain=0.75, scenic=0.3, drawn=0.65, counted=0.08)
PRIOR_SHAPES = Mix(styled=0.25, pairs=0.45, plain=0.75)
BANDS = ((0.4, 2.0), (2.0, 8.0), (8.0, 40.0))


@dataclass(frozen=True)
class PriorTraining:
    """The numbers of a run; noise from ``least`` to ``most`` deviations of the codebook."""

    batch: int = 32
    least: float = 0.4
    most: float = 40.0
    learning_rate: float = 1.2e-3
    matrix_rate: float = 0.02
    weight_decay: float = 0.02
    total: int = 6000
    seed: int = 13


class PriorTrainer:
    """One training run: :meth:`step` it, save it, resume it."""

    def __init__(self, settings: PriorTraining, drawings: CodedDrawings) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.drawings = drawings
        self.prior = Prior(drawings.generator.codebook)
        self.average = WeightAverage(self.prior)
        self.generator = torch.Generator().manual_seed(settings.seed)
        matrices = [weight for layer in self.prior.layers for module in layer.modules()
                    if isinstance(module, nn.Linear) for weight in (module.weight,)]
        own = {id(weight) for weight in matrices}
        others = [weight for weight in self.prior.parameters() if id(weight) not in own]
        self.adam = torch.optim.AdamW(others, lr=settings.learning_rate, betas=(0.9, 0.98),
                                      weight_decay=settings.weight_decay, fused=True)
        self.muon = torch.optim.Muon(matrices, lr=settings.matrix_rate,
                                     weight_decay=settings.weight_decay, momentum=0.95,
                                     adjust_lr_fn="original")
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch; the cross entropy in nats a token, by how much noise there is."""
        settings = self.settings
        self.iteration += 1
        for optimiser, rate in ((self.adam, settings.learning_rate),
                                (self.muon, settings.matrix_rate)):
            for group in optimiser.param_groups:
                group["lr"] = warm_cosine(rate, self.iteration, settings.total)
        codes = self.drawings.batch(settings.batch)
        side = self.drawings.tokens
        clean = embed_codes(codes, self.prior.codes, side, side)
        # Each batch has all levels: one from each of so many even parts of their range.
        along = torch.arange(len(codes)) + torch.rand(len(codes), generator=self.generator)
        range_of_noise = math.log(settings.most / settings.least)
        sigma = settings.least * (range_of_noise * along / len(codes)).exp()
        noisy = clean + sigma[:, None, None, None] * torch.randn(clean.shape,
                                                                 generator=self.generator)
        with bf16_where_fast():
            logits = self.prior.logits(noisy, sigma)
        each = F.cross_entropy(logits.float().transpose(1, 2), codes, reduction="none").mean(1)
        loss = each.mean()
        for optimiser in (self.adam, self.muon):
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.prior.parameters(), 1.0)
        for optimiser in (self.adam, self.muon):
            optimiser.step()
        self.average.update(self.prior)
        figures = {"cross_entropy": loss.item()}
        for low, high in BANDS:
            within = (sigma >= low) & (sigma < high)
            if within.any():
                figures[f"to {high:g}"] = each[within].mean().item()
        return figures

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"model": self.prior.state_dict(), "average": self.average.state_dict(),
                "adam": self.adam.state_dict(), "muon": self.muon.state_dict(),
                "iteration": self.iteration, "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.prior.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.adam.load_state_dict(state["adam"])
        self.muon.load_state_dict(state["muon"])
        self.iteration = int(state["iteration"])
        self.generator.set_state(state["generator"])
