"""Pictures that a classifier paints of its own classes, one step at a time.

There are few photographs to train with. These show the classifier all of its classes.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.generators.fourier import FourierGenerator

_CLASSES = 1000
_BETAS = (0.9, 0.98)
_SPREAD = 0.3  # of the start's z: below 1 its clouds are faint


class ClassPaintings:
    """``count`` Fourier pictures of ``side`` px, each of a random class.

    Each is painted for at least ``longest`` steps, then begun again with another class at the
    chance ``renewed`` a step. ``rate`` is Adam's step size (Kingma and Ba 2014), which each
    painting has for itself. Random numbers are drawn on the CPU, so that a seed means the same on
    every ``device``.
    """

    def __init__(
        self,
        count: int,
        side: int,
        seed: int,
        device: torch.device,
        *,
        rate: float = 0.08,
        longest: int = 70,
        renewed: float = 0.08,
    ) -> None:
        random = torch.Generator().manual_seed(seed)
        self.rate, self.longest, self.renewed = rate, longest, renewed
        self._fourier = FourierGenerator(decay=1.0).to(device).requires_grad_(False)
        shape = (count, 6, side, side // 2 + 1)
        self.z = _SPREAD * torch.randn(shape, generator=random).to(device)
        self.classes = torch.randint(0, _CLASSES, (count,), generator=random).to(device)
        self._mean, self._square = torch.zeros_like(self.z), torch.zeros_like(self.z)
        self._steps = torch.zeros_like(self.classes)

    def choose(self, count: int, random: torch.Generator) -> Tensor:
        """The numbers [count] of random paintings, each at most once."""
        return torch.randperm(len(self.z), generator=random)[:count].to(self.z.device)

    def pictures(self, z: Tensor) -> Tensor:
        """The pictures [B, 3, S, S] in 0..1 of ``z`` [B, 6, S, S // 2 + 1]."""
        return self._fourier.decode(z)

    @staticmethod
    def loss(logits: Tensor, classes: Tensor) -> Tensor:
        """How far the classifier's ``logits`` [B, 1000] are from ``classes`` [B], summed.

        They are divided by 2, or a painting is finished as soon as its class is the likeliest.
        """
        return F.cross_entropy(logits / 2, classes, reduction="sum")

    def step(self, which: Tensor, gradients: Tensor, random: torch.Generator) -> None:
        """Paint on the paintings ``which`` [B] against the ``gradients`` of their z."""
        self._steps[which] += 1
        self._mean[which] = self._mean[which].lerp(gradients, 1 - _BETAS[0])
        self._square[which] = self._square[which].lerp(gradients.square(), 1 - _BETAS[1])
        steps = self._steps[which].view(-1, 1, 1, 1)
        mean, square = (
            moment[which] / (1 - beta**steps)
            for moment, beta in zip((self._mean, self._square), _BETAS, strict=True)
        )
        self.z[which] -= self.rate * mean / (square.sqrt() + 1e-8)
        chance = torch.rand(len(which), generator=random).to(which.device)
        self._renew(which[(self._steps[which] > self.longest) & (chance < self.renewed)], random)

    def _renew(self, which: Tensor, random: torch.Generator) -> None:
        device, shape = which.device, (len(which), *self.z.shape[1:])
        self.z[which] = _SPREAD * torch.randn(shape, generator=random).to(device)
        self.classes[which] = torch.randint(0, _CLASSES, which.shape, generator=random).to(device)
        for each in (self._mean, self._square, self._steps):
            each[which] = 0

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "z": self.z,
            "classes": self.classes,
            "mean": self._mean,
            "square": self._square,
            "steps": self._steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.z, self.classes = state["z"], state["classes"]
        self._mean, self._square = state["mean"], state["square"]
        self._steps = state["steps"]
