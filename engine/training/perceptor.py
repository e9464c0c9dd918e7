"""Training of the embedded perceptor: a small CLIP whose gradients draw.

A perceptor guides by the gradient of its answer, so it is trained to answer alike all around
each picture: every cutout is first moved along one gradient step of the perceptor's own loss
(Madry et al. 2018, L2, one step from a random start), up to ``reach`` in pixels of 0..1.
Without this, painting gives textures that mean the words to the perceptor alone. And each
batch holds spoiled pictures (:mod:`engine.training.spoiling`) that nothing is true of: without
them, it leaves the random start's blobs beside what was asked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.cutouts import cut, draw_cutouts
from engine.models.perceptor import Perceptor, new_clip
from engine.recipe import Augmentation
from engine.training.averaging import WeightAverage
from engine.training.captions import Claim, describe
from engine.training.pool import Pool
from engine.training.schedule import warm_cosine
from engine.training.sparring import Sparring
from engine.training.spoiling import spoil
from engine.training.world import Scene

ARCHITECTURE = {"embed_dim": 128, "resolution": 64, "patch": 8, "vision_width": 128,
                "vision_layers": 4, "text_width": 128, "text_layers": 2, "context_length": 32}

# As the loop cuts with the embedded models' default preset; no flip, for the world has a
# left and a right.
CUTOUTS = Augmentation(crop_power=0.3, whole=0.8, flip=0.0, affine=0.7, degrees=8.0,
                       translate=0.04, perspective=0.4, distortion=0.1, jitter=0.5, noise=0.1)


@dataclass(frozen=True)
class PerceptorTraining:
    """The numbers of a run.

    ``reach`` is the largest L2 move of a 64 x 64 cutout; ``bouts`` how many paintings in the
    making are in a batch, where there is a generator to spar with.
    """

    pairs: int = 28
    bouts: int = 24
    pool_pairs: int = 4000
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.05
    warmup: int = 100
    reach: float = 3.0
    reach_after: int = 300
    reach_full: int = 1000
    total: int = 2000
    seed: int = 11


class PerceptorTrainer:
    """One training run: :meth:`step` it, save it, resume it."""

    def __init__(self, settings: PerceptorTraining, pool: Pool,
                 sparring: Sparring | None = None) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.pool = pool
        self.sparring = sparring
        self.perceptor = Perceptor(new_clip(**ARCHITECTURE))
        self.average = WeightAverage(self.perceptor)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.rng = np.random.default_rng(settings.seed)
        self.optimiser = torch.optim.AdamW(_groups(self.perceptor, settings.weight_decay),
                                           lr=settings.learning_rate, betas=(0.9, 0.98))
        self.iteration = 0

    def reach(self) -> float:
        """The present largest L2 move: none at first, then growing to the full one."""
        settings = self.settings
        grown = (self.iteration - settings.reach_after) / (
            settings.reach_full - settings.reach_after)
        return settings.reach * min(1.0, max(0.0, grown))

    def step(self) -> dict[str, float]:
        """One step on one batch; the losses and the share of pictures matched right."""
        self.iteration += 1
        for group in self.optimiser.param_groups:
            group["lr"] = warm_cosine(self.settings.learning_rate, self.iteration,
                                      self.settings.total, self.settings.warmup)
        pictures, texts_of, truth = self._batch()
        augmentation = replace(CUTOUTS, count=len(pictures))
        numbers = draw_cutouts(augmentation, self.pool.side, self.pool.side,
                               self.perceptor.resolution, self.generator)
        cutouts = cut(pictures, numbers, self.perceptor.resolution)
        tokens = torch.stack([self.perceptor.tokenize(text).ids for text in texts_of])
        texts = self.perceptor.encode_tokens(tokens[:, : int((tokens != 0).sum(1).max())])
        reach = self.reach()
        if reach > 0:
            cutouts = self._move(cutouts, texts.detach(), truth, reach)
        images = self.perceptor.encode_image(cutouts)
        scale = self.perceptor.clip.logit_scale.exp()
        loss, right = contrastive_loss(images, texts, truth, scale)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.perceptor.parameters(), 1.0)
        self.optimiser.step()
        with torch.no_grad():
            self.perceptor.clip.logit_scale.clamp_(max=math.log(60.0))
        self.average.update(self.perceptor)
        return {"loss": loss.item(), "right": right, "reach": reach, "scale": scale.item()}

    def _batch(self) -> tuple[Tensor, list[str], Tensor]:
        """Pictures [N, 3, H, W], captions M, and which are true of which, [N, M].

        The order of the pictures is mixed, as the first cutouts are those of whole pictures.
        """
        pictures, scenes = self.pool.batch(self.settings.pairs)
        captions = [describe(scene, self.rng) for scene in scenes]
        wrong = [spoil(pictures, self.generator)]
        if self.sparring is not None:
            if self.iteration % 10 == 1:
                self.sparring.follow(self.perceptor)
            self.sparring.go_on(self.settings.bouts // 6)
            bouts = self.sparring.sample(self.settings.bouts)
            scenes = scenes + [bout.scene for bout in bouts]
            captions += [(bout.words, bout.claim) for bout in bouts]
            pictures = torch.cat([pictures, torch.stack([bout.true for bout in bouts])])
            wrong.append(torch.stack([bout.picture for bout in bouts]))
        truth = match_matrix(scenes, [claim for _, claim in captions])
        spoiled = torch.cat(wrong)
        none = torch.zeros(len(spoiled), len(captions))
        order = torch.randperm(len(pictures) + len(spoiled), generator=self.generator)
        return (torch.cat([pictures, spoiled])[order], [text for text, _ in captions],
                torch.cat([truth, none])[order])

    def _move(self, cutouts: Tensor, texts: Tensor, truth: Tensor, reach: float) -> Tensor:
        n = len(cutouts)
        sizes = torch.rand(n, 1, 1, 1, generator=self.generator) * reach
        start = torch.randn(cutouts.shape, generator=self.generator)
        start = cutouts + start / start.flatten(1).norm(dim=1).view(-1, 1, 1, 1) * sizes * 0.3
        start = start.clamp(0, 1).requires_grad_(True)
        scale = self.perceptor.clip.logit_scale.exp().detach()
        loss, _ = contrastive_loss(self.perceptor.encode_image(start), texts, truth, scale)
        (slope,) = torch.autograd.grad(loss, start)
        slope = slope / slope.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)
        moved: Tensor = (start.detach() + slope * sizes).clamp(0, 1)
        return moved

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"model": self.perceptor.state_dict(), "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(), "iteration": self.iteration,
                "generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.perceptor.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])
        self.generator.set_state(state["generator"])


def match_matrix(scenes: list[Scene], claims: list[Claim]) -> Tensor:
    """[scenes, claims] of 0 and 1: which captions are true of which pictures."""
    return torch.tensor([[float(claim.true_of(scene)) for claim in claims] for scene in scenes])


def contrastive_loss(images: Tensor, texts: Tensor, truth: Tensor,
                     scale: Tensor) -> tuple[Tensor, float]:
    """CLIP's loss with several right answers (Khosla et al. 2020, eq. 2, both ways round).

    ``images`` [N, D] and ``texts`` [M, D] are unit vectors, ``truth`` is [N, M]. A picture that
    no caption is true of counts only as a wrong answer to each. Returns the loss and the share
    of captions whose likeliest picture is a right one.
    """
    logits = scale * images @ texts.T
    named = truth.sum(1) > 0
    by_image = -(F.log_softmax(logits, 1) * truth)[named].sum(1) / truth[named].sum(1)
    by_text = -(F.log_softmax(logits, 0) * truth).sum(0) / truth.sum(0)
    right = truth.gather(0, logits.argmax(0, keepdim=True)).mean()
    return (by_image.mean() + by_text.mean()) / 2, right.item()


def _groups(perceptor: Perceptor, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for the matrices alone: not for embeddings, biases, norms."""
    decayed: list[Tensor] = []
    free: list[Tensor] = []
    for name, parameter in perceptor.named_parameters():
        plain = parameter.ndim < 2 or "embedding" in name
        (free if plain else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free,
                                                                "weight_decay": 0.0}]
