"""What the training of both generators shares: the step, the critic, the codebook, the state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from engine.models.codebook import embed_codes, nearest_codes
from engine.models.generators.taming import VQModel
from training.common.averaging import WeightAverage
from training.common.gradient_step import gradient_step
from training.common.precision import CPU, bf16_where_fast
from training.common.schedule import warm_cosine
from training.generator.codebook import CodebookTraining, FollowingCodebook
from training.generator.losses import Critic, critic_loss

CODEBOOK = "quantize.embedding.weight"
"""The codebook's name in a VQModel's state dict."""


@dataclass(frozen=True, kw_only=True)
class GeneratorTraining:
    """The numbers of a run that both generators have.

    Shares are of the ``total`` steps: from the share ``adversarial_after`` on a critic has the
    weight ``adversarial``, reached over ``adversarial_warmup`` steps; with a weight of 0 no critic
    is trained. Unused codes are revived every ``revive_every`` steps, before the share
    ``revive_until``.
    """

    learning_rate: float
    betas: tuple[float, float]
    commitment: float = 0.25
    edges: float
    adversarial: float
    adversarial_after: float
    adversarial_warmup: int = 0
    critic_rate: float = 4e-4
    revive_every: int
    revive_until: float
    total: int
    seed: int
    codes: int
    ddconfig: Mapping[str, Any]
    codebook: CodebookTraining = field(repr=False)


class Reconstruction(NamedTuple):
    """A batch on its way through the model.

    ``pictures`` [B, 3, H, W] are in 0..1, ``real`` are the same in -1..1, and ``painted`` is what
    the decoder makes of them, about -1..1. ``h`` [B, D, h, w] is what the encoder gives, ``zq`` the
    codes nearest to it, or ``h`` while nothing is quantised, and ``codes`` [B, h * w] their
    numbers.
    """

    pictures: Tensor
    real: Tensor
    painted: Tensor
    h: Tensor
    zq: Tensor
    codes: Tensor


class GeneratorTrainer(ABC):
    """One run: :meth:`step` it, save it, resume it.

    A subclass says where the pictures come from and what is minimised. Random numbers are drawn on
    the CPU, so that they are the same on every ``device``.
    """

    memory_format = torch.contiguous_format
    """Of what the decoder is given."""

    def __init__(
        self,
        settings: GeneratorTraining,
        model: VQModel,
        *,
        fused: bool,
        device: torch.device = CPU,
    ) -> None:
        self.settings = settings
        self.device = device
        self.model = model.to(device)
        self.iteration = 0
        self.codebook = model.quantize.embedding.weight.requires_grad_(False)
        self.followed = FollowingCodebook(self.codebook.data, settings.codebook)
        self.average = WeightAverage(model)
        trained = [each for each in model.parameters() if each.requires_grad]
        self.optimiser = torch.optim.Adam(
            trained, lr=settings.learning_rate, betas=settings.betas, fused=fused
        )
        self.critic = Critic().to(device)
        self.critic_optimiser = torch.optim.Adam(
            self.critic.parameters(), lr=settings.critic_rate, betas=(0.5, 0.9)
        )

    @abstractmethod
    def _random(self) -> torch.Generator:
        """Where this step's random numbers come from."""

    @abstractmethod
    def _pictures(self, random: torch.Generator) -> Tensor:
        """This step's batch [B, 3, H, W] in 0..1."""

    @abstractmethod
    def _losses(
        self, batch: Reconstruction, random: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What is minimised, without the critic, and its parts for the log."""

    def _quantises(self) -> bool:
        """Whether the decoder gets codes at this step, not what the encoder gives."""
        return True

    def _follows(self) -> bool:
        """Whether the codebook follows the tokens at this step."""
        return True

    def step(self) -> dict[str, float]:
        """One step on one batch; its losses and the share of codes in use."""
        self.iteration += 1
        random = self._random()
        batch = self._reconstruct(self._pictures(random).to(self.device))
        loss, parts = self._losses(batch, random)
        weight = self._adversarial_weight()
        if weight is not None:
            parts["fooled"] = -self.critic(batch.painted).mean()
            loss = loss + weight * parts["fooled"]
        gradient_step(
            self.model,
            self.optimiser,
            loss,
            warm_cosine(self.settings.learning_rate, self.iteration, self.settings.total),
        )
        if weight is not None:
            parts["critic"] = self._train_critic(batch.real, batch.painted.detach())
        if self._follows():
            self._follow(batch.h.detach(), batch.codes, random)
        self.average.update(self.model)
        figures = {name: value.item() for name, value in parts.items()}
        return figures | {"used": self.followed.share_used()}

    def _reconstruct(self, pictures: Tensor) -> Reconstruction:
        real = pictures * 2 - 1
        with bf16_where_fast(self.device):
            h = self.model.prequantised(real)
        h = h.float()
        codes = nearest_codes(h.detach(), self.codebook)
        zq = embed_codes(codes, self.codebook, *h.shape[2:]) if self._quantises() else h
        painted = self._decode(h + (zq - h).detach())
        return Reconstruction(pictures, real, painted, h, zq.detach(), codes)

    def _decode(self, zq: Tensor) -> Tensor:
        """Pictures [B, 3, H, W], about -1..1, in float32."""
        with bf16_where_fast(self.device):
            painted = self.model.decode(zq.contiguous(memory_format=self.memory_format))
        return painted.float()

    def _adversarial_weight(self) -> float | None:
        """The critic's weight at this step; None while there is no critic."""
        settings = self.settings
        since = self.iteration - settings.adversarial_after * settings.total
        if settings.adversarial == 0 or since <= 0:
            return None
        warmup = settings.adversarial_warmup
        return settings.adversarial * (1.0 if since >= warmup else since / warmup)

    def _train_critic(self, real: Tensor, painted: Tensor) -> Tensor:
        loss = critic_loss(self.critic, real, painted)
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()
        return loss.detach()

    def _follow(self, h: Tensor, codes: Tensor, random: torch.Generator) -> None:
        tokens = h.flatten(2).transpose(1, 2).reshape(-1, h.shape[1])
        self.followed.follow(tokens, codes.flatten())
        early = self.iteration < self.settings.revive_until * self.settings.total
        if early and self.iteration % self.settings.revive_every == 0:
            self.followed.revive(tokens, random)

    def weights(self) -> dict[str, Tensor]:
        """What is exported."""
        return exported_weights(self.average.weights, self.codebook.data)

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "iteration": self.iteration,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "followed": self.followed.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "critic": self.critic.state_dict(),
            "critic_optimiser": self.critic_optimiser.state_dict(),
            "ddconfig": dict(self.settings.ddconfig),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.iteration = int(state["iteration"])
        for name in ("model", "average", "followed", "optimiser", "critic", "critic_optimiser"):
            getattr(self, name).load_state_dict(state[name])


def exported_weights(average: Mapping[str, Tensor], codebook: Tensor) -> dict[str, Tensor]:
    """The averaged weights with the present ``codebook`` [K, D].

    The codebook is itself an average; averaged twice it would bring back codes that were revived
    since.
    """
    return {**average, CODEBOOK: codebook}
