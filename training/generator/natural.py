"""Training of the `natural` generator: the `drawn` one, grown and trained on natural pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from engine.models.codebook import embed_codes, nearest_codes
from engine.models.generators.taming import VQModel
from training.common.precision import CPU, bf16_where_fast
from training.generator.architectures import NATURAL_CODES, NATURAL_DDCONFIG
from training.generator.codebook import CodebookTraining
from training.generator.features import perceptual_loss
from training.generator.latents import slow_latents
from training.generator.losses import colour_loss, edge_loss, grid_share
from training.generator.natural_start import new_model, start_from_smaller
from training.generator.trainer import GeneratorTrainer, GeneratorTraining, Reconstruction
from training.pictures.pool import PicturePool, Sources

FeaturesOf = Callable[[Tensor], Sequence[Tensor]]

CODEBOOK_TRAINING = CodebookTraining(
    start=0.3, moved_above=0.003, unused_below=0.003, revived=0.03, counted_above=0.003
)


@dataclass(frozen=True, kw_only=True)
class NaturalGeneratorTraining(GeneratorTraining):
    """The numbers of a run.

    A step sees ``batch`` squares of ``side`` px from a pool of ``pool`` pictures of ``pool_side``
    px; every ``redraw_every`` steps a new pool is drawn. From the share ``large_after`` of the
    ``total`` steps on, squares and pictures have twice the side, and there are a quarter as many.
    Attention and normalisation use the whole picture, so a model that has learned from small ones
    only is worse with large ones: its L1 was 0.037 at 256 px and 0.033 at 96 px.

    A quarter as many latents as pictures vary slowly (latents.py): ``between`` is the weight of the
    error of their colours, ``grid`` that of what repeats from token to token. By default there
    is no critic: in a trial with 0.01 from three quarters on the perceptual loss rose, and each of
    three paintings had more false texture.
    """

    batch: int = 8
    side: int = 96
    pool: int = 3000
    pool_side: int = 112
    redraw_every: int = 2000
    large_after: float = 0.85
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.8, 0.97)
    pixels: float = 2.0
    colours: float = 2.0
    edges: float = 1.0
    perceptual: float = 0.15
    between: float = 0.2
    grid: float = 0.05
    adversarial: float = 0.0
    adversarial_after: float = 0.75
    adversarial_warmup: int = 200
    revive_every: int = 40
    revive_until: float = 0.8
    validate_every: int = 500
    total: int = 3300
    seed: int = 21
    codes: int = NATURAL_CODES
    ddconfig: Mapping[str, Any] = field(default_factory=lambda: NATURAL_DDCONFIG)
    codebook: CodebookTraining = CODEBOOK_TRAINING


class NaturalGeneratorTrainer(GeneratorTrainer):
    """One run: :meth:`step` it, save it, resume it.

    A step's random numbers depend on the seed and the step's number alone, so an interrupted run
    ends as an uninterrupted one. ``weights`` are those of the smaller generator that it starts
    from, ``held_out`` [H, W, 3] bytes by name, ``features`` those of the perceptual loss.
    """

    settings: NaturalGeneratorTraining
    memory_format = torch.channels_last

    def __init__(
        self,
        settings: NaturalGeneratorTraining,
        sources: Sources,
        weights: Mapping[str, Tensor],
        features: FeaturesOf,
        held_out: Mapping[str, NDArray[np.uint8]] | None = None,
        device: torch.device = CPU,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.sources = sources
        self.features = features
        self.held_out = {
            name: _as_tensor(each).to(device) for name, each in (held_out or {}).items()
        }
        model = new_model(settings.ddconfig, settings.codes)
        self._drawn = (0, False)
        self._pool = self._draw_pool(*self._drawn)
        start_from_smaller(model, weights, self._pool, settings.seed)
        super().__init__(settings, model, fused=True, device=device)

    def _draw_pool(self, redraw_every: int, large: bool) -> PicturePool:
        settings = self.settings
        if large:
            return PicturePool(
                self.sources,
                max(1, settings.pool // 4),
                2 * settings.pool_side,
                [settings.seed, redraw_every, 1],
            )
        return PicturePool(
            self.sources, settings.pool, settings.pool_side, [settings.seed, redraw_every]
        )

    def _random(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.settings.seed * 1_000_003 + self.iteration)

    def _pictures(self, random: torch.Generator) -> Tensor:
        settings = self.settings
        large = self.iteration > settings.large_after * settings.total
        drawn = (self.iteration - 1) // settings.redraw_every, large
        if drawn != self._drawn:
            self._drawn, self._pool = drawn, self._draw_pool(*drawn)
        rng = np.random.default_rng([settings.seed, self.iteration])
        pictures = (
            self._pool.batch(max(1, settings.batch // 4), 2 * settings.side, rng)
            if large
            else self._pool.batch(settings.batch, settings.side, rng)
        )
        return pictures.contiguous(memory_format=self.memory_format)

    def _losses(
        self, batch: Reconstruction, random: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        settings = self.settings
        real, painted = batch.pictures, (batch.painted + 1) / 2
        with bf16_where_fast(self.device):
            perceptual = perceptual_loss(self.features(painted), self.features(real))
        parts = {
            "l1": (painted - real).abs().mean(),
            "edges": edge_loss(painted, real),
            "perceptual": perceptual,
            "commitment": (batch.h - batch.zq).square().mean(),
            "colours": colour_loss(painted, real),
        }
        parts |= self._slow_losses(batch.zq, real, random)
        loss = (
            settings.pixels * parts["l1"]
            + settings.colours * parts["colours"]
            + settings.edges * parts["edges"]
            + settings.perceptual * perceptual
            + settings.commitment * parts["commitment"]
            + settings.between * parts["between"]
            + settings.grid * parts["grid"]
        )
        return loss, parts

    def _slow_losses(self, zq: Tensor, real: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """The losses of latents that near_miss slowly between tokens of ``zq``."""
        period = real.shape[-1] // zq.shape[-1]
        slow, colours = slow_latents(
            zq, F.avg_pool2d(real, period), self.codebook, max(1, len(zq) // 4), random
        )
        painted = (self._decode(slow) + 1) / 2
        return {
            "between": (F.avg_pool2d(painted, period) - colours).abs().mean(),
            "grid": grid_share(painted, period),
        }

    def step(self) -> dict[str, float]:
        """One step on one batch; its losses, and now and then the held-out errors."""
        figures = super().step()
        if self.iteration % self.settings.validate_every == 0:
            figures |= self.validate()
        return figures

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The L1 (0..1) of each held-out picture."""
        weights = self.weights()
        return {
            name: (reconstruct(self.model, weights, each) - each).abs().mean().item()
            for name, each in self.held_out.items()
        }


@torch.no_grad()
def reconstruct(model: VQModel, weights: Mapping[str, Tensor], pictures: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] in 0..1, encoded and decoded in float32 with ``weights``."""
    part = _Parts(model)
    renamed = {f"model.{name}": value for name, value in weights.items()}
    painted: Tensor = functional_call(part, renamed, (pictures,))
    return painted


class _Parts(torch.nn.Module):
    """Encoder and decoder in one forward, as functional_call needs it."""

    def __init__(self, model: VQModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pictures: Tensor) -> Tensor:
        h = self.model.prequantised(pictures * 2 - 1)
        codebook = self.model.quantize.embedding.weight
        zq = embed_codes(nearest_codes(h, codebook), codebook, *h.shape[2:])
        return ((self.model.decode(zq) + 1) / 2).clamp(0, 1)


def _as_tensor(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
