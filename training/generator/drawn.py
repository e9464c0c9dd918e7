"""Training of the `drawn` generator: a small VQGAN for the drawn world, from random weights.

Losses: L1 and the L1 of differences between neighbours (edges) at three scales, the commitment to
the chosen codes, and at the end a patch discriminator with the hinge loss (Esser et al. 2021;
their adaptive weight is left out, as a small fixed weight is enough for flat colours).

The first ``quantise_after`` steps train without the codebook: quantised from the start, a small
encoder collapses to one point.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine.models.generators.taming import VQModel
from training.generator.architectures import CODE_WIDTH, DRAWN_CODES, DRAWN_DDCONFIG
from training.generator.codebook import CodebookTraining
from training.generator.losses import edge_loss
from training.generator.trainer import GeneratorTrainer, GeneratorTraining, Reconstruction
from training.world.pool import ScenePool

SCALES = 3  # of the edges

CODEBOOK_TRAINING = CodebookTraining(
    start=0.0, moved_above=1e-4, unused_below=0.02, revived=0.05, counted_above=0.05, noise=0.02
)


@dataclass(frozen=True, kw_only=True)
class DrawnGeneratorTraining(GeneratorTraining):
    """The numbers of a run.

    It sees ``2 * batch`` crops of 64 px for the share ``whole_after`` of its ``total`` steps, then
    ``batch`` whole pictures. Of these the share ``typical`` is drawn as paintings should look
    (training.world.typical) and the share ``styled`` is in a style: so the grain of a style, mostly
    the same, is learned.
    """

    batch: int = 8
    pool_pairs: int = 3500
    typical: float = 0.8
    styled: float = 0.6
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    quantise_after: int = 200
    whole_after: float = 0.6
    adversarial: float = 0.05
    adversarial_after: float = 0.85
    edges: float = 2.0
    revive_every: int = 20
    revive_until: float = 0.801
    total: int = 7000
    seed: int = 12
    codes: int = DRAWN_CODES
    ddconfig: Mapping[str, Any] = field(default_factory=lambda: DRAWN_DDCONFIG)
    codebook: CodebookTraining = CODEBOOK_TRAINING


class DrawnGeneratorTrainer(GeneratorTrainer):
    """One training run: :meth:`step` it, save it, resume it."""

    settings: DrawnGeneratorTraining

    def __init__(self, settings: DrawnGeneratorTraining, pool: ScenePool) -> None:
        torch.manual_seed(settings.seed)
        model = VQModel(dict(settings.ddconfig), settings.codes, CODE_WIDTH)
        initialise(model)
        super().__init__(settings, model, fused=False)
        self.pool = pool
        self.generator = torch.Generator().manual_seed(settings.seed)

    def _random(self) -> torch.Generator:
        return self.generator

    def _pictures(self, random: torch.Generator) -> Tensor:
        settings = self.settings
        whole = self.iteration > settings.whole_after * settings.total
        pictures, _ = self.pool.batch(settings.batch // 2 if whole else settings.batch * 2)
        if whole:
            return pictures
        left, top = torch.randint(0, self.pool.side - 63, (2,), generator=random).tolist()
        return pictures[..., top : top + 64, left : left + 64].contiguous()

    def _quantises(self) -> bool:
        return self.iteration > self.settings.quantise_after

    def _follows(self) -> bool:
        return self.iteration >= self.settings.quantise_after

    def _losses(
        self, batch: Reconstruction, random: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        settings = self.settings
        h = batch.h
        parts = {
            "l1": (batch.painted - batch.real).abs().mean(),
            "edges": edge_loss(batch.painted, batch.real, SCALES) / SCALES,
            "commitment": (h - batch.zq).square().mean() / h.detach().var(),
        }
        loss = (
            parts["l1"]
            + settings.edges * parts["edges"]
            + settings.commitment * parts["commitment"]
        )
        return loss, parts | {"deviation": h.std()}

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return super().state_dict() | {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        super().load_state_dict(state)
        self.generator.set_state(state["generator"])


@torch.no_grad()
def initialise(model: nn.Module) -> None:
    """Weights that pass a picture's colour on from the first step.

    PyTorch's own shrink it by a third at every convolution, and a small autoencoder then
    spends its first thousand steps on one mean picture. Residual branches start at zero.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            branch = name.endswith(("conv2", "proj_out"))
            fan_in = module.weight[0].numel()
            module.weight.normal_(0.0, 0.0 if branch else fan_in**-0.5)
            if module.bias is not None:
                module.bias.zero_()
