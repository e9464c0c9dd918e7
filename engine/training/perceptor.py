"""Training of the embedded perceptor: a small CLIP whose gradients draw.

A perceptor guides by the gradient of its answer, so that gradient is what is trained: at a
picture on the way, the slope of the similarity to its caption shall point to the finished
picture. That is denoising score matching (Vincent 2011) with an energy in CLIP's form, the
distance of unit vectors, and the cosine in place of the square, as Adam takes no notice of a
gradient's length. Beside it stands CLIP's own loss, in which unfinished pictures are wrong
answers to their captions. A perceptor trained by CLIP's loss alone knows the words and draws
textures; trained on cutouts moved against it (Madry et al. 2018) it draws blobs of the right
colours; docs/embedded-models.md has the figures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.cutouts import cut, draw_cutouts
from engine.models.perceptor import Perceptor, new_clip
from engine.recipe import Augmentation
from engine.training.averaging import WeightAverage
from engine.training.captions import Claim, describe
from engine.training.pool import Families, Pool
from engine.training.rehearsal import Rehearsal, Sketch
from engine.training.schedule import warm_cosine
from engine.training.unfinished import unfinish
from engine.training.world import Scene, sample_scene

# CLIP's modified ResNet, in small. A vision transformer of the same cost (width 128, 4 layers,
# patches of 8) told shapes apart in 40% of eight after 2,800 steps, this one in 60% after 500.
ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 128, "resolution": 64, "vision_width": 16, "vision_layers": (1, 1, 1, 1),
    "text_width": 128, "text_layers": 2, "context_length": 32}

# As the loop cuts with the embedded models' default preset; no flip, for the world has a
# left and a right.
CUTOUTS = Augmentation(crop_power=0.3, whole=0.9, flip=0.0, affine=0.7, degrees=6.0,
                       translate=0.03, perspective=0.3, distortion=0.1, jitter=0.3, noise=0.1)


def plainer_scene(rng: np.random.Generator) -> Scene:
    """A scene with less on the ground and fewer styles than the generator is shown.

    What a gradient learns last is shapes and places.
    """
    return sample_scene(rng, styled=0.1, pairs=0.45, plain=0.8)


@dataclass(frozen=True)
class PerceptorTraining:
    """The numbers of a run.

    A batch is ``families`` families of shapes (:class:`engine.training.pool.Families`),
    ``pairs`` pairs of drawings and, where there is a generator to rehearse with, ``states`` and
    ``bouts`` of its sketches, of which ``fresh_states`` are made anew each step and
    ``fresh_bouts`` painted further. From step ``guide_after`` on, the last ``guided`` of them
    all have their gradients trained. ``matching`` and ``guidance`` weigh the two shares of the
    loss.
    """

    families: int = 9
    pairs: int = 8
    states: int = 6
    bouts: int = 14
    guided: int = 48
    fresh_states: int = 2
    fresh_bouts: int = 3
    pool_pairs: int = 1500
    pool_families: int = 150
    guide_after: int = 1500
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: int = 100
    matching: float = 1.0
    guidance: float = 10.0
    total: int = 3000
    seed: int = 11


class PerceptorTrainer:
    """One training run: :meth:`step` it, save it, resume it."""

    def __init__(self, settings: PerceptorTraining, pool: Pool,
                 rehearsal: Rehearsal | None = None) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.pool = pool
        self.shapes = Families(settings.pool_families, pool.side, settings.seed, pool.sample)
        self.rehearsal = rehearsal
        self.perceptor = Perceptor(new_clip(**ARCHITECTURE))
        self.average = WeightAverage(self.perceptor)
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.rng = np.random.default_rng(settings.seed)
        self.optimiser = torch.optim.AdamW(_groups(self.perceptor, settings.weight_decay),
                                           lr=settings.learning_rate, betas=(0.9, 0.98))
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch: the losses, the share of pictures matched right, the cosine."""
        self.iteration += 1
        for group in self.optimiser.param_groups:
            group["lr"] = warm_cosine(self.settings.learning_rate, self.iteration,
                                      self.settings.total, self.settings.warmup)
        guiding = self.iteration > self.settings.guide_after
        # A gradient that is to be right in painting is trained with painting's own statistics.
        self.perceptor.train(not guiding)
        sketches, sizes = self._batch()
        guided = sketches[-self.settings.guided:] if guiding else []
        finished, unfinished = self._cut(sketches)
        unfinished = unfinished[len(sketches) - len(guided):].requires_grad_(True)
        tokens = torch.stack([self.perceptor.tokenize(each.words).ids for each in sketches])
        # The fused attention has no second derivative.
        with torch.autocast("cpu", torch.bfloat16), sdpa_kernel([SDPBackend.MATH]):
            texts = self.perceptor.encode_tokens(tokens[:, : int((tokens != 0).sum(1).max())])
            images = self.perceptor.encode_image(finished)
            halfway = self.perceptor.encode_image(unfinished) if guiding else images[:0]
            if guiding:
                (slope,) = torch.autograd.grad((halfway * texts[-len(guided):]).sum(), unfinished,
                                               create_graph=True)
        truth = match_matrix([each.scene for each in sketches], [each.claim for each in sketches])
        scale = self.perceptor.clip.logit_scale.exp()
        if guiding:
            way = (finished[-len(guided):] - unfinished).detach()
            cosine, weight = alignment(slope, way)
            turned = 1 - (cosine * weight).sum() / weight.sum()
        else:
            cosine, weight, turned = halfway.new_zeros(0), halfway.new_zeros(0), scale.new_zeros(())
        matching, right = contrastive_loss(images, halfway, texts, truth, scale,
                                           nearly=weight < 0.5)
        shapes, shapes_right = family_loss(images, texts, sizes)
        loss = self.settings.matching * (matching + shapes) + self.settings.guidance * turned
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.perceptor.parameters(), 1.0)
        self.optimiser.step()
        with torch.no_grad():
            self.perceptor.clip.logit_scale.clamp_(max=math.log(60.0))
        self.average.update(self.perceptor)
        figures = {"matching": matching.item(), "right": right,
                   "shapes_right": shapes_right, "scale": scale.item()}
        if guiding:
            figures["cosine"] = 1 - turned.item()
        if guiding and self.rehearsal is not None:
            figures["cosine_painted"] = cosine[-self.settings.bouts:].mean().item()
        return figures

    def _batch(self) -> tuple[list[Sketch], list[int]]:
        """Families, pairs, states and, last, paintings; and how many each family has."""
        pictures, scenes = self.pool.batch(self.settings.pairs)
        pairs = pictures.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
        shuffled = pictures[torch.randperm(len(pictures), generator=self.generator)]
        sibling = torch.rand(len(pictures), 1, 1, 1, generator=self.generator) < 0.75
        families = self.shapes.batch(self.settings.families)
        others = torch.cat([*(members.roll(1 + int(self.rng.integers(len(members) - 1)), 0)
                              for members, _ in families),
                            torch.where(sibling, pairs, shuffled)])
        pictures = torch.cat([*(members for members, _ in families), pictures])
        scenes = [scene for _, each in families for scene in each] + scenes
        # As many as are guided may be among the drawings; the others need no state.
        states = pictures.clone()
        rehearsing = self.rehearsal is not None and self.iteration > self.settings.guide_after
        rehearsed = self.settings.states + self.settings.bouts if rehearsing else 0
        last = slice(max(0, len(pictures) + rehearsed - self.settings.guided), None)
        states[last] = unfinish(pictures[last], others[last], self.generator)
        sketches = []
        for i, scene in enumerate(scenes):
            full = i < len(scenes) - 2 * self.settings.pairs or self.rng.random() < 0.4
            words, claim = describe(scene, self.rng, full=bool(full))
            sketches.append(Sketch(scene, pictures[i], states[i], words, claim))
        sizes = [len(members) for members, _ in families]
        if self.rehearsal is None or not rehearsing:
            return sketches, sizes
        if self.iteration % 10 == 1:
            self.rehearsal.follow(self.perceptor)
        self.rehearsal.go_on(self.settings.fresh_states, self.settings.fresh_bouts)
        sketches += self.rehearsal.sample(self.settings.states, self.settings.bouts)
        return sketches, sizes

    def _cut(self, sketches: list[Sketch]) -> tuple[Tensor, Tensor]:
        """One cutout of each finished picture, and the same one of its unfinished state."""
        # The first cutouts are those of whole pictures: a drawing's place shall not tell that.
        order = torch.randperm(len(sketches), generator=self.generator)
        back = order.argsort()
        augmentation = replace(CUTOUTS, count=len(sketches))
        size = self.perceptor.resolution
        numbers = draw_cutouts(augmentation, self.pool.side, self.pool.side, size, self.generator)
        both = []
        for which in ("finished", "unfinished"):
            pictures = torch.stack([getattr(sketches[i], which) for i in order.tolist()])
            both.append(cut(pictures, numbers, size)[back])
        return both[0], both[1]

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


def alignment(slope: Tensor, way: Tensor, near: float = 3.0,
              scales: tuple[int, ...] = (1, 2, 4)) -> tuple[Tensor, Tensor]:
    """The cosine [N] between each slope and way [N, 3, S, S], and how much each counts [N].

    The mean of the cosines at ``scales``, squares of so many pixels averaged: the generator
    paints tokens, so a slope need not be right pixel by pixel. Where the way is shorter than
    ``near`` (L2, pixels in 0..1) its direction is chance: the weight falls from 1 to 0.
    """
    slope, way = slope.float(), way.float()
    weight = (way.flatten(1).norm(dim=1) / near).clamp(max=1.0)
    cosines = [F.cosine_similarity(F.avg_pool2d(slope, scale).flatten(1),
                                   F.avg_pool2d(way, scale).flatten(1), dim=1, eps=1e-6)
               for scale in scales]
    return torch.stack(cosines).mean(0), weight


def match_matrix(scenes: list[Scene], claims: list[Claim]) -> Tensor:
    """[scenes, claims] of 0 and 1: which captions are true of which pictures."""
    return torch.tensor([[float(claim.true_of(scene)) for claim in claims] for scene in scenes])


def contrastive_loss(images: Tensor, wrong: Tensor, texts: Tensor, truth: Tensor, scale: Tensor,
                     nearly: Tensor | None = None) -> tuple[Tensor, float]:
    """CLIP's loss with several right answers (Khosla et al. 2020, eq. 2, both ways round).

    ``images`` [N, D], ``wrong`` [W, D] and ``texts`` [M, D] are unit vectors, ``truth`` is
    [N, M]. No caption is true of the wrong ones: they only compete for each caption, but for
    those that ``nearly`` [W] marks; and a caption true of no picture only competes for each
    picture. Returns the loss and the share of pictures whose likeliest caption is a right one.
    """
    logits = scale * images @ texts.T
    against = scale * wrong @ texts.T
    if nearly is not None:
        against = against.masked_fill(nearly[:, None], -1e4)
    by_image = -(F.log_softmax(logits, 1) * truth).sum(1) / truth.sum(1)
    ranked = F.log_softmax(torch.cat([logits, against]), 0)
    fitting = truth.sum(0) > 0
    by_text = -(ranked[: len(images)] * truth)[:, fitting].sum(0) / truth[:, fitting].sum(0)
    found = truth.gather(1, logits.argmax(1, keepdim=True))
    return (by_image.mean() + by_text.mean()) / 2, found.mean().item()


def family_loss(images: Tensor, texts: Tensor, sizes: list[int],
                scale: float = 30.0) -> tuple[Tensor, float]:
    """CLIP's loss within each family, and the share of pictures given their own shape.

    The first ``images`` and ``texts`` [N, D] are the families', ``sizes`` of them each. Among all
    the others' captions, telling shapes apart is learned several times slower.
    """
    losses, right, start = [], 0.0, 0
    for size in sizes:
        members = slice(start, start + size)
        logits = scale * images[members] @ texts[members].T
        own = torch.arange(size)
        losses.append((F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2)
        right += (logits.argmax(1) == own).float().sum().item()
        start += size
    return torch.stack(losses).mean(), right / max(1, start)


def _groups(perceptor: Perceptor, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for the matrices alone: not for embeddings, biases, norms."""
    decayed: list[Tensor] = []
    free: list[Tensor] = []
    for name, parameter in perceptor.named_parameters():
        plain = parameter.ndim < 2 or "embedding" in name
        (free if plain else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free,
                                                                "weight_decay": 0.0}]
