"""Training of the `natural` generator."""

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
from training.common.averaging import WeightAverage
from training.common.precision import bf16_where_fast
from training.common.schedule import warm_cosine
from training.generator.architecture import CODES, DDCONFIG, begin, new_model
from training.generator.codebook import Followed
from training.generator.features import perceptual_loss
from training.generator.latents import slow_latents
from training.generator.losses import Critic, colour_loss, critic_loss, edge_loss, grid_share
from training.pictures.pool import Pool, Sources

FeaturesOf = Callable[[Tensor], Sequence[Tensor]]


@dataclass(frozen=True)
class NaturalTraining:
    """The numbers of a run.

    A step sees ``batch`` squares of ``side`` px from a pool of ``pool`` pictures of ``pool_side``
    px; every ``chapter`` steps a new pool is drawn. From the share ``large_after`` of the ``total``
    steps on squares and pictures have twice the side, and there are a quarter as many. Attention
    and normalisation see the whole picture, so a model that has learned small ones is worse in
    large ones: it had an L1 of 0.037 at 256 px where pieces of 96 px had 0.033.

    A quarter as many latents as pictures vary slowly (latents.py): ``between`` is the weight of the
    error of their colours, ``grid`` of what repeats in them from token to token. From the share
    ``adversarial_after`` on there can be a critic, whose weight grows over ``adversarial_warmup``
    steps. By default there is none: in a trial with 0.01 from three quarters on the perceptual loss
    rose, and each of three guided paintings had more false texture.
    """

    batch: int = 8
    side: int = 96
    pool: int = 3000
    pool_side: int = 112
    chapter: int = 2000
    large_after: float = 0.85
    learning_rate: float = 3e-4
    critic_rate: float = 4e-4
    pixels: float = 2.0
    colours: float = 2.0
    edges: float = 1.0
    perceptual: float = 0.15
    commitment: float = 0.25
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
    codes: int = CODES
    ddconfig: Mapping[str, Any] = field(default_factory=lambda: DDCONFIG)


class NaturalTrainer:
    """One run: :meth:`step` it, save it, resume it.

    A step's random numbers depend on the seed and the step's number alone, so a run that was
    interrupted goes on as if it had not been. ``weights`` are the smaller generator's that it
    begins with, ``held_out`` [H, W, 3] bytes by name, ``features`` those of the perceptual loss.
    """

    def __init__(self, settings: NaturalTraining, sources: Sources, weights: Mapping[str, Tensor],
                 features: FeaturesOf,
                 held_out: Mapping[str, NDArray[np.uint8]] | None = None) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.sources = sources
        self.features = features
        self.held_out = {name: _as_tensor(each) for name, each in (held_out or {}).items()}
        self.model: VQModel = new_model(settings.ddconfig, settings.codes)
        self.iteration = 0
        self._drawn = (0, False)
        self._pool = self._draw_pool(*self._drawn)
        begin(self.model, weights, self._pool, settings.seed)
        self.codebook = self.model.quantize.embedding.weight.requires_grad_(False)
        self.followed = Followed(self.codebook.data)
        self.average = WeightAverage(self.model)
        self.trained = [each for each in self.model.parameters() if each.requires_grad]
        self.optimiser = torch.optim.Adam(self.trained, lr=settings.learning_rate,
                                          betas=(0.8, 0.97), fused=True)
        self.critic = Critic()
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), lr=settings.critic_rate,
                                                 betas=(0.5, 0.9))

    def _draw_pool(self, chapter: int, large: bool) -> Pool:
        settings = self.settings
        if large:
            return Pool(self.sources, max(1, settings.pool // 4), 2 * settings.pool_side,
                        [settings.seed, chapter, 1])
        return Pool(self.sources, settings.pool, settings.pool_side, [settings.seed, chapter])

    def _pictures(self) -> Tensor:
        settings = self.settings
        large = self.iteration > settings.large_after * settings.total
        drawn = (self.iteration - 1) // settings.chapter, large
        if drawn != self._drawn:
            self._drawn, self._pool = drawn, self._draw_pool(*drawn)
        rng = np.random.default_rng([settings.seed, self.iteration])
        pictures = (self._pool.batch(max(1, settings.batch // 4), 2 * settings.side, rng) if large
                    else self._pool.batch(settings.batch, settings.side, rng))
        return pictures.contiguous(memory_format=torch.channels_last)

    def step(self) -> dict[str, float]:
        """One step on one batch; its losses."""
        settings = self.settings
        self.iteration += 1
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + self.iteration)
        real = self._pictures()
        painted, h, codes = self._reconstruct(real)
        zq = embed_codes(codes, self.codebook, *h.shape[2:])
        with bf16_where_fast():
            perceptual = perceptual_loss(self.features(painted), self.features(real))
        parts = {"l1": (painted - real).abs().mean(), "edges": edge_loss(painted, real),
                 "perceptual": perceptual, "commitment": (h - zq).square().mean(),
                 "colours": colour_loss(painted, real)}
        parts |= self._judge_slow(zq.detach(), real, generator)
        loss = (settings.pixels * parts["l1"] + settings.colours * parts["colours"]
                + settings.edges * parts["edges"] + settings.perceptual * perceptual
                + settings.commitment * parts["commitment"]
                + settings.between * parts["between"] + settings.grid * parts["grid"])
        weight = self._adversarial_weight()
        if weight is None:
            self._descend(loss)
        else:
            parts["fooled"] = -self.critic(painted).mean()
            self._descend(loss + weight * parts["fooled"])
            parts["critic"] = self._train_critic(real, painted.detach())
        self._follow(h.detach(), codes, generator)
        self.average.update(self.model)
        figures = {name: value.item() for name, value in parts.items()}
        figures["used"] = self.followed.share_used()
        if self.iteration % settings.validate_every == 0:
            figures |= self.validate()
        return figures

    def _reconstruct(self, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The picture painted from the codes of ``real``, the encoder's h, and the codes."""
        with bf16_where_fast():
            h = self.model.prequantised(real * 2 - 1)
        h = h.float()
        codes = nearest_codes(h.detach(), self.codebook)
        zq = embed_codes(codes, self.codebook, *h.shape[2:])
        return self._paint(h + (zq - h).detach()), h, codes

    def _paint(self, zq: Tensor) -> Tensor:
        with bf16_where_fast():
            painted = self.model.decode(zq.contiguous(memory_format=torch.channels_last))
        return (painted.float() + 1) / 2

    def _judge_slow(self, zq: Tensor, real: Tensor, generator: torch.Generator
                    ) -> dict[str, Tensor]:
        """The losses of latents that vary slowly between tokens of ``zq``."""
        period = real.shape[-1] // zq.shape[-1]
        slow, colours = slow_latents(zq, F.avg_pool2d(real, period), self.codebook,
                                     max(1, len(zq) // 4), generator)
        painted = self._paint(slow)
        return {"between": (F.avg_pool2d(painted, period) - colours).abs().mean(),
                "grid": grid_share(painted, period)}

    def _adversarial_weight(self) -> float | None:
        """The critic's weight at this step; None while there is no critic."""
        settings = self.settings
        since = self.iteration - settings.adversarial_after * settings.total
        if settings.adversarial == 0 or since < 0:
            return None
        return settings.adversarial * min(1.0, since / settings.adversarial_warmup)

    def _descend(self, loss: Tensor) -> None:
        settings = self.settings
        rate = warm_cosine(settings.learning_rate, self.iteration, settings.total)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimiser.step()

    def _train_critic(self, real: Tensor, painted: Tensor) -> Tensor:
        loss = critic_loss(self.critic, real, painted)
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()
        return loss.detach()

    def _follow(self, h: Tensor, codes: Tensor, generator: torch.Generator) -> None:
        tokens = h.flatten(2).transpose(1, 2).reshape(-1, h.shape[1])
        self.followed.follow(tokens, codes.flatten())
        early = self.iteration < self.settings.revive_until * self.settings.total
        if early and self.iteration % self.settings.revive_every == 0:
            self.followed.revive(tokens, generator)

    def weights(self) -> dict[str, Tensor]:
        """What is exported: averaged weights, and the codebook as it is, being an average."""
        return self.average.weights | {"quantize.embedding.weight": self.codebook.data}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The L1 (0..1) of each held-out picture."""
        weights = self.weights()
        return {name: (reconstruct(self.model, weights, each) - each).abs().mean().item()
                for name, each in self.held_out.items()}

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"iteration": self.iteration, "model": self.model.state_dict(),
                "average": self.average.state_dict(), "followed": self.followed.state_dict(),
                "optimiser": self.optimiser.state_dict(), "critic": self.critic.state_dict(),
                "critic_optimiser": self.critic_optimiser.state_dict(),
                "ddconfig": dict(self.settings.ddconfig)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.iteration = int(state["iteration"])
        for name in ("model", "average", "followed", "optimiser", "critic", "critic_optimiser"):
            getattr(self, name).load_state_dict(state[name])


@torch.no_grad()
def reconstruct(model: VQModel, weights: Mapping[str, Tensor], pictures: Tensor) -> Tensor:
    """Pictures [B, 3, H, W] in 0..1 through codes and back, in float32, by other weights."""
    part = _Parts(model)
    renamed = {f"model.{name}": value for name, value in weights.items()}
    painted: Tensor = functional_call(part, renamed, (pictures,))
    return painted


class _Parts(torch.nn.Module):
    """Both halves in one forward, as functional_call wants it."""

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
