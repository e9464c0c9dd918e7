"""Training of the network of looks: it must be right about pictures moved against it, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.perceptors.looks import LIGHTS, STYLES, LooksNetwork
from training.common.adversarial import adversarial_pictures
from training.common.averaging import WeightAverage
from training.common.gradient_step import gradient_step
from training.common.precision import CPU
from training.common.schedule import warm_cosine
from training.looks.pictures import LooksPool
from training.pictures.pool import Sources


@dataclass(frozen=True, kw_only=True)
class LooksTraining:
    """The numbers of a run.

    A step sees ``batch`` squares of a pool of ``pool`` pictures of ``pool_side`` px, of a side of
    ``sides`` and then scaled by one of ``scales``. They are moved by up to ``farthest`` (L2 over
    the numbers in 0..1 of 128 px, in proportion to the side), which is reached after ``nearing``
    steps. A share ``mixed`` of them is mixed with others.
    """

    pool: int = 5000
    pool_side: int = 160
    batch: int = 24
    scales: tuple[float, ...] = (0.75, 1.0, 1.0, 1.35)
    sides: tuple[int, ...] = (80, 96, 128)
    farthest: float = 2.0
    mixed: float = 0.5
    nearing: int = 300
    learning_rate: float = 2e-3
    warmup: int = 50
    total: int = 1500
    seed: int = 41


class LooksTrainer:
    """One run: :meth:`step` it, save it, resume it. What ships is ``average``.

    All random numbers are drawn on the CPU, so that a seed means the same everywhere; ``workers``
    processes draw the pool.
    """

    def __init__(
        self,
        settings: LooksTraining,
        sources: Sources,
        device: torch.device | str = CPU,
        *,
        workers: int = 1,
    ) -> None:
        self.settings = settings
        self.device = torch.device(device)
        self.pool = LooksPool(
            sources, settings.pool, settings.pool_side, settings.seed, workers=workers
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = LooksNetwork().to(self.device)
        self.average = WeightAverage(self.network)
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=1e-3
        )
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch; the loss, and the shares that it is right about."""
        settings = self.settings
        self.iteration += 1
        rng = np.random.default_rng([settings.seed, self.iteration])
        random = torch.Generator().manual_seed(settings.seed * 1_000_003 + self.iteration)
        side = int(rng.choice(settings.sides))
        pictures, looks = (
            each.to(self.device) for each in self.pool.batch(settings.batch, side, rng)
        )
        scale = float(rng.choice(settings.scales))
        if scale != 1:
            pictures = F.interpolate(
                pictures, scale_factor=scale, mode="bicubic", antialias=True
            ).clamp(0, 1)
        wanted = [_shares(looks[:, 0], len(STYLES)), _shares(looks[:, 1], len(LIGHTS))]
        pictures, wanted = self._mixed(pictures, wanted, rng)
        reach = settings.farthest * pictures.shape[-1] / 128
        reach *= min(1.0, self.iteration / settings.nearing)
        self.network.requires_grad_(False)
        moved = adversarial_pictures(
            pictures,
            lambda each: self._loss(each, wanted)[0],
            torch.full((len(pictures),), reach, device=self.device),
            random,
        )
        self.network.requires_grad_(True)
        loss, figures = self._loss(moved, wanted)
        rate = warm_cosine(
            settings.learning_rate, self.iteration, settings.total, warmup=settings.warmup
        )
        gradient_step(self.network, self.optimiser, loss, rate)
        self.average.update(self.network)
        return figures

    def _mixed(
        self, pictures: Tensor, wanted: list[Tensor], rng: np.random.Generator
    ) -> tuple[Tensor, list[Tensor]]:
        """Some pictures mixed with others, and their looks as well (Zhang et al. 2018, mixup).

        A painting comes from afar: half of a look has to count for more than none of it.
        """
        count = len(pictures)
        share = torch.from_numpy(rng.uniform(0, 1, count).astype(np.float32))
        share[torch.from_numpy(rng.random(count) >= self.settings.mixed)] = 1.0
        other = torch.from_numpy(rng.permutation(count)).to(self.device)
        share = share.to(self.device)
        mixed = [
            each * share.view(-1, *(1,) * (each.dim() - 1))
            + each[other] * (1 - share).view(-1, *(1,) * (each.dim() - 1))
            for each in (pictures, *wanted)
        ]
        return mixed[0], mixed[1:]

    def _loss(self, pictures: Tensor, wanted: list[Tensor]) -> tuple[Tensor, dict[str, float]]:
        answers, losses, figures = self.network(pictures), [], {}
        for name, given, right in zip(("style", "light"), answers, wanted, strict=True):
            losses.append(-(given.log_softmax(1) * right).sum(1).mean())
            known = right.any(1)
            figures[name] = (given.argmax(1) == right.argmax(1))[known].float().mean().item()
        loss = torch.stack(losses).sum()
        return loss, {"loss": loss.item(), **figures}

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "iteration": self.iteration,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.iteration = int(state["iteration"])
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])


def _shares(looks: Tensor, count: int) -> Tensor:
    """1 at the number of each look [B], [B, count]; zeros for unknown ones."""
    return F.one_hot(looks.clamp(min=0), count).float() * (looks >= 0)[:, None]
