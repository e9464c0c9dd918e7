"""Training of the `natural` picture tower: it must say the same of pictures moved against it.

The published classifier can be made to see anything by changes that no person sees, and a painting
follows just these. Here a copy of it, the student, learns to say of a picture that was moved
against it (Madry et al. 2018) what the published one, the teacher, says of the picture itself
(Goldblum et al. 2020, "Adversarially Robust Distillation"). Then the picture has to show a thing
before the student sees it, and its gradients draw things (Santurkar et al. 2019). The teacher knows
the classes, so no labels are needed, and few photographs.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.perceptors.efficientnet_lite import MEAN, STD, EfficientNetLite0
from engine.painting.cutouts import cut, draw_cutouts
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation
from training.common.adversarial import adversarial_pictures
from training.common.averaging import WeightAverage
from training.common.gradient_step import gradient_step
from training.common.schedule import warm_cosine
from training.perceptor.class_paintings import ClassPaintings
from training.pictures.pool import PicturePool, Sources, SourceWeights

# Crops of half the side and more, flipped half of the time: the student sees cutouts of paintings.
_CROPS = Augmentation(affine=0.0, perspective=0.0, jitter=0.7, noise=0.0, whole=0.2, crop_power=0.7)


@dataclass(frozen=True, kw_only=True)
class RobustTraining:
    """The numbers of a run.

    A step sees ``real`` squares of a pool of ``pool`` pictures of ``pool_side`` px and ``painted``
    crops of ``paintings`` pictures of classes, all with one of the sides ``sides``, in px. A
    picture is moved by up to ``farthest`` (L2 over its numbers in 0..1, of 128 px; in proportion to
    the side), which is reached after ``nearing`` steps. A share ``faint`` of the pictures has less
    contrast. ``at_once`` is the weight of the pictures as they are, every second step.

    The student's answers are compared by the Kullback-Leibler divergence at ``temperatures``, each
    with its weight (Hinton et al. 2015), and its features with the weight ``features``.
    """

    real: int = 10
    painted: int = 14
    sides: tuple[int, ...] = (96, 128, 128, 160)
    pool: int = 1200
    pool_side: int = 176
    paintings: int = 160
    farthest: float = 1.5
    nearing: int = 600
    faint: float = 0.25
    at_once: float = 0.5
    temperatures: tuple[tuple[float, float], ...] = ((1.0, 1.0), (3.0, 2.0))
    features: float = 3.0
    learning_rate: float = 5e-5
    warmup: int = 60
    weight_decay: float = 1e-4
    total: int = 1500
    seed: int = 31

    @property
    def weights(self) -> SourceWeights:
        """What the pool consists of."""
        return SourceWeights(
            photographs=0.5, paintings=0.0, leaves=0.1, drawings=0.25, textures=0.05, skies=0.1
        )


@dataclass(frozen=True)
class Answer:
    """What a classifier says of pictures: ``features`` [B, 1280] and ``logits`` [B, 1000]."""

    features: Tensor
    logits: Tensor


def answer(classifier: EfficientNetLite0, pictures: Tensor) -> Answer:
    """What ``classifier`` says of ``pictures`` [B, 3, S, S] in 0..1."""
    mean, std = (torch.tensor(each).view(3, 1, 1).to(pictures) for each in (MEAN, STD))
    features = classifier.features((pictures - mean) / std)
    return Answer(features, classifier.classes(features))


class RobustTrainer:
    """One run: :meth:`step` it, save it, resume it.

    Random numbers depend only on the seed and the step, so an interrupted run ends with the same
    weights as an uninterrupted one. What ships is ``average``.
    """

    def __init__(
        self,
        settings: RobustTraining,
        teacher: EfficientNetLite0,
        sources: Sources,
        device: str = "cpu",
    ) -> None:
        self.settings = settings
        self.device = torch.device(device)
        self.teacher = teacher.to(self.device).eval().requires_grad_(False)
        self.student = copy.deepcopy(self.teacher).requires_grad_(True)
        self.average = WeightAverage(self.student)
        self.pool = PicturePool(sources, settings.pool, settings.pool_side, settings.seed)
        self.paintings = ClassPaintings(
            settings.paintings, max(settings.sides), settings.seed * 1_000_003, self.device
        )
        self.optimiser = torch.optim.AdamW(
            self.student.parameters(),
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=settings.weight_decay,
        )
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch: the loss, and how often the student agrees with the teacher.

        ``moved`` is on moved pictures and ``still`` on the pictures themselves, each of real ones
        and of paintings; ``classes`` is how often a painting is of its class for the teacher.
        """
        settings = self.settings
        self.iteration += 1
        seed = settings.seed * 1_000_003 + self.iteration
        random = torch.Generator().manual_seed(seed)
        rng = np.random.default_rng([settings.seed, self.iteration])
        side = int(rng.choice(settings.sides))
        painted, right = self._paint(side, int(rng.integers(2**31)), random)
        real = self.pool.batch(settings.real, side, rng).to(self.device)
        pictures = self._with_faint(torch.cat([real, painted]), random)
        with torch.no_grad():
            wanted = answer(self.teacher, pictures)
        farthest = settings.farthest * side / 128 * min(1.0, self.iteration / settings.nearing)
        self.student.requires_grad_(False)
        moved = adversarial_pictures(
            pictures,
            lambda each: self.difference(answer(self.student, each), wanted),
            torch.full((len(pictures),), farthest, device=self.device),
            random,
        )
        self.student.requires_grad_(True)
        given = answer(self.student, moved)
        loss = self.difference(given, wanted)
        figures = {"loss": loss.item(), **self._agreement("moved", given, wanted), "classes": right}
        if self.iteration % 2 == 0 and settings.at_once:
            still = answer(self.student, pictures)
            loss = loss + settings.at_once * self.difference(still, wanted)
            figures |= self._agreement("still", still, wanted)
        rate = warm_cosine(
            settings.learning_rate, self.iteration, settings.total, warmup=settings.warmup
        )
        gradient_step(self.student, self.optimiser, loss, rate)
        self.average.update(self.student)
        return figures

    def difference(self, given: Answer, wanted: Answer) -> Tensor:
        """How much two answers differ, the mean over the batch."""
        settings = self.settings
        # A small grey picture can have no features.
        size = wanted.features.square().mean(dim=1).clamp(min=1e-3)
        error = (given.features - wanted.features).square().mean(dim=1) / size
        loss = settings.features * error.mean()
        for temperature, weight in settings.temperatures:
            ours, theirs = (
                (each.logits / temperature).log_softmax(dim=1) for each in (given, wanted)
            )
            divergence = F.kl_div(ours, theirs, log_target=True, reduction="batchmean")
            loss = loss + weight * temperature**2 * divergence
        return loss

    def _paint(self, side: int, seed: int, random: torch.Generator) -> tuple[Tensor, float]:
        """Crops [B, 3, side, side] of paintings before this step; the share of the right class."""
        which = self.paintings.choose(self.settings.painted, random)
        z = self.paintings.z[which].requires_grad_(True)
        pictures = self.paintings.pictures(z)
        numbers = draw_cutouts(
            replace(_CROPS, count=len(which)),
            pictures.shape[-1],
            pictures.shape[-2],
            side,
            Draws(seed, self.iteration, 0, self.device),
        )
        crops = cut(pictures, numbers, side)
        logits = answer(self.teacher, crops).logits
        classes = self.paintings.classes[which]
        (gradients,) = torch.autograd.grad(self.paintings.loss(logits, classes), z)
        self.paintings.step(which, gradients, random)
        return crops.detach(), (logits.argmax(1) == classes).float().mean().item()

    def _with_faint(self, pictures: Tensor, random: torch.Generator) -> Tensor:
        """``pictures``, of which some have less contrast, as paintings begin."""
        chance, share = torch.rand(2, len(pictures), 1, 1, 1, generator=random).to(self.device)
        contrast = torch.where(chance < self.settings.faint, 0.4 + 0.6 * share, 1.0)
        return pictures.mean((2, 3), keepdim=True).lerp(pictures, contrast)

    def _agreement(self, name: str, given: Answer, wanted: Answer) -> dict[str, float]:
        same = (given.logits.argmax(1) == wanted.logits.argmax(1)).float()
        real = self.settings.real
        return {
            f"{name}_real": same[:real].mean().item(),
            f"{name}_painted": same[real:].mean().item(),
        }

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "iteration": self.iteration,
            "student": self.student.state_dict(),
            "average": self.average.state_dict(),
            "paintings": self.paintings.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.iteration = int(state["iteration"])
        for name in ("student", "average", "paintings", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
