"""Training of the embedded perceptor: a small CLIP whose gradients draw.

Its pictures' tower begins as a projection (:mod:`engine.training.projecting`) and its words' tower
has learned what there is to be seen of each caption's picture (:mod:`engine.training.words`). What
follows trains both, in steps of two kinds:

1. one of five: words and pictures matched, CLIP's loss, and the same within families of drawings
   that differ in one respect alone; half of the drawings are faint, as a painting's first steps
   are, and cutouts are moved against it (:mod:`engine.training.moving`), so that what raises its
   answer is what a person would see;
2. four of five: its gradient itself. At a picture on the way, the slope of the similarity to its
   caption shall point to the finished picture. That is denoising score matching (Vincent 2011) with
   an energy in CLIP's form, the distance of unit vectors; with the cosine in place of the square,
   once picture by picture, as Adam takes no notice of a gradient's length, and once of all pictures
   as one, finished ones among them, where nothing is to move any more.

docs/drawn-models.md has what each part alone gave, with figures.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.cutouts import cut, draw_cutouts
from engine.models.perceptors.openai_clip import ClipPerceptor, new_clip
from engine.recipe import Augmentation
from engine.training.asking import ask, encode_asked
from engine.training.averaging import WeightAverage
from engine.training.captions import Claim, describe
from engine.training.families import Families
from engine.training.moving import move_against
from engine.training.perceptor_losses import (
    alignment,
    contrastive_loss,
    family_loss,
    match_matrix,
    settled,
)
from engine.training.pool import Pool
from engine.training.precision import bf16_where_fast
from engine.training.rehearsal import Rehearsal
from engine.training.scene import Scene
from engine.training.schedule import warm_cosine
from engine.training.slopes import see, see_slopes
from engine.training.stepping import step_down
from engine.training.unfinished import fade, unfinish
from engine.training.world import Mix

# A vision transformer whose one patch is the whole picture: a projection of its pixels, and layers
# that make something of the numbers. Convolutions that end on two by two places have slopes without
# detail wherever a picture is flat, and those are where a painting begins.
ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 360, "resolution": 64, "vision_width": 360, "vision_layers": 1, "patch": 64,
    "text_width": 320, "text_layers": 3, "context_length": 32}

# What is matched: moved and turned a little, some of them parts; no flip, for the world has a left
# and a right.
CUTOUTS = Augmentation(crop_power=0.3, whole=0.9, flip=0.0, affine=0.7, degrees=6.0,
                       translate=0.03, perspective=0.3, distortion=0.1, jitter=0.3, noise=0.1)

# As the loop cuts with the embedded models' default preset, where slopes are to point somewhere. Of
# a picture that stays where it is, a slope can say to the pixel what is to be drawn.
LOOKS = replace(CUTOUTS, affine=0.0, perspective=0.0)


# Less on the ground and more pairs than the generator is shown: what a gradient learns last is
# shapes and places.
MIX = Mix(styled=0.25, pairs=0.7, plain=0.8,
          styles=("charcoal", "watercolour", "pixel art", "neon"))

WHOLE_MIX = Mix(styled=0.45, pairs=0.4, plain=0.8, scenic=0.3, drawn=0.6, counted=0.08)


@dataclass(frozen=True)
class PerceptorTraining:
    """The numbers of a run.

    A step of matching takes ``families`` families (see engine.training.families.Families) and
    ``pairs`` pairs of drawings, the share ``faint`` of them faint, moved up to ``reach``, those of
    two things, which are smaller, up to ``reach_of_two``. One of guidance takes
    ``guided_families``, ``guided_pairs`` and, with a generator to rehearse with, ``states`` and
    ``painted`` of its sketches, of which ``fresh_states`` are made anew each time and some painted
    with the averaged weights every ``paint_every`` steps; the last ``guided`` of them all have
    their gradients trained: that they point the right way is weighed by ``guidance``, that they are
    also as long as the way, and nothing at ``resting`` finished pictures, by ``settling``. Of the
    pool's pairs the share ``typical`` are drawn as paintings are to become.
    """

    families: int = 9
    pairs: int = 10
    faint: float = 0.5
    reach: float = 2.5
    reach_of_two: float = 1.5
    guided_families: int = 3
    guided_pairs: int = 8
    states: int = 8
    painted: int = 24
    guided: int = 44
    fresh_states: int = 2
    paint_every: int = 60
    pool_pairs: int = 1500
    typical: float = 0.6
    pool_families: int = 150
    learning_rate: float = 3e-4
    weight_decay: float = 0.05
    warmup: int = 100
    guidance: float = 5.0
    resting: int = 16
    settling: float = 10.0
    total: int = 820
    seed: int = 11


@dataclass(frozen=True)
class _Batch:
    """``families`` has how many of the first pictures each family has.

    ``unfinished`` [G, 3, H, W] are earlier states of the last G of ``pictures`` [N, 3, H, W].
    """

    pictures: Tensor
    unfinished: Tensor
    scenes: list[Scene]
    words: list[str]
    claims: list[Claim]
    families: list[int]


class PerceptorTrainer:
    """One training run: :meth:`step` it, save it, resume it.

    ``rank`` is its number among several that train the same weights together, from 0.
    """

    def __init__(self, settings: PerceptorTraining, pool: Pool,
                 rehearsal: Rehearsal | None = None, rank: int = 0) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.pool = pool
        self.rank = rank
        self.families = Families(settings.pool_families, pool, int(pool.rng.integers(2**31)))
        self.rehearsal = rehearsal
        self.perceptor = ClipPerceptor(new_clip(**ARCHITECTURE)).eval()
        self.average = WeightAverage(self.perceptor, decay=0.995)
        self.generator = torch.Generator().manual_seed(settings.seed + rank)
        self.rng = np.random.default_rng(settings.seed + rank)
        self.optimiser = torch.optim.AdamW(_groups(self.perceptor, settings.weight_decay),
                                           lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch: losses, shares of pictures matched right, cosines."""
        self.iteration += 1
        guiding = self.iteration % 5 != 0
        rehearsed = self._rehearse()
        loss, figures = self._guide() if guiding else self._match()
        step_down(self.perceptor, self.optimiser, loss,
                  warm_cosine(self.settings.learning_rate, self.iteration, self.settings.total,
                              self.settings.warmup))
        with torch.no_grad():
            self.perceptor.clip.logit_scale.clamp_(max=math.log(60.0))
        self.average.update(self.perceptor)
        return {**figures, **rehearsed}

    def _rehearse(self) -> dict[str, float]:
        """Paint with the weights as they will be shipped, now and then, and before the first."""
        if self.rehearsal is None:
            return {}
        if self.rehearsal.painted and self.iteration % self.settings.paint_every:
            return {}
        figures = {"painted_far": self.rehearsal.paint(self.average.weights)}
        while len(self.rehearsal.painted) < self.settings.painted:
            self.rehearsal.paint(self.average.weights)
        return figures

    def _match(self) -> tuple[Tensor, dict[str, float]]:
        batch = self._drawings(self.settings.families, self.settings.pairs)
        cutouts, _ = self._cut(replace(batch, pictures=fade(batch.pictures, self.generator,
                                                            self.settings.faint)), CUTOUTS)
        truth = match_matrix(batch.scenes, batch.claims)
        scale = self.perceptor.clip.logit_scale.exp()
        figures: dict[str, float] = {}

        def loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
            matching, figures["right"] = contrastive_loss(images, images[:0], texts, truth, scale)
            shapes, figures["shapes_right"] = family_loss(images, texts, batch.families)
            return matching + shapes

        texts = self._texts(batch)
        # Against what is painted with: no weights' gradients.
        self.perceptor.requires_grad_(False)
        cutouts = move_against(
            cutouts, lambda begun: loss(see(self.perceptor, begun), texts.detach(),
                                        scale.detach()),
            self._reaches(batch.scenes), self.generator)
        self.perceptor.requires_grad_(True)
        total = loss(see(self.perceptor, cutouts), texts, scale)
        return total, {"matching": total.item(), **figures}

    def _texts(self, batch: _Batch) -> Tensor:
        with bf16_where_fast():
            return encode_asked(self.perceptor, batch.words)

    def _reaches(self, scenes: list[Scene]) -> Tensor:
        alone, of_two = self.settings.reach, self.settings.reach_of_two
        return torch.tensor([alone if len(scene.things) == 1 else of_two for scene in scenes])

    def _guide(self) -> tuple[Tensor, dict[str, float]]:
        batch = self._on_the_way()
        finished, unfinished = self._cut(batch, LOOKS)
        texts = self._texts(batch)
        images = see(self.perceptor, finished)
        guided = len(unfinished)
        some = torch.randperm(guided, generator=self.generator)[: self.settings.resting]
        told, done = texts[-guided:], finished[-guided:]
        halfway, slope = see_slopes(self.perceptor, torch.cat([unfinished, done[some]]),
                                    torch.cat([told, told[some]]))
        halfway, slope, resting = halfway[:guided], slope[:guided], slope[guided:]
        way = (done - unfinished).detach()
        cosine, weight = alignment(slope, way)
        turned = 1 - (cosine * weight).sum() / weight.sum()
        rest = settled(slope, way, resting)
        truth = match_matrix(batch.scenes, batch.claims)
        matching, right = contrastive_loss(images, halfway, texts, truth,
                                           self.perceptor.clip.logit_scale.exp(),
                                           nearly=weight < 0.5)
        shapes, _ = family_loss(images, texts, batch.families)
        figures = {"guided_right": right, "cosine": 1 - turned.item(), "settled": rest.item()}
        if self.rehearsal is not None:
            figures["cosine_painted"] = cosine[-self.settings.painted:].mean().item()
        return (matching + shapes + self.settings.guidance * turned
                + self.settings.settling * (1 - rest)), figures

    def _drawings(self, families: int, pairs: int) -> _Batch:
        """Families, then pairs; nothing unfinished."""
        pictures, scenes = self.pool.batch(pairs)
        members = self.families.batch(families)
        pictures = torch.cat([*(drawn for drawn, _ in members), pictures])
        scenes = [scene for _, each in members for scene in each] + scenes
        told = []
        for i, scene in enumerate(scenes):
            if i < len(scenes) - 2 * pairs:
                told.append(describe(scene, self.rng, full=True))
            else:
                told.append(ask(scene, self.rng))
        return _Batch(pictures, pictures[:0], scenes, [words for words, _ in told],
                      [claim for _, claim in told], [len(drawn) for drawn, _ in members])

    def _on_the_way(self) -> _Batch:
        """Families, pairs, states and, last, paintings, the last of all with earlier states."""
        settings = self.settings
        drawn = self._drawings(settings.guided_families, settings.guided_pairs)
        sketches = []
        if self.rehearsal is not None:
            self.rehearsal.go_on(settings.fresh_states)
            sketches = self.rehearsal.sample(settings.states, settings.painted)
        # As many as are guided may be among the drawings; the others need no state.
        last = slice(max(0, len(drawn.pictures) + len(sketches) - settings.guided), None)
        begun = unfinish(drawn.pictures[last], self._others(drawn)[last], self.generator)
        finished = [sketch.finished for sketch in sketches]
        return _Batch(torch.stack([*drawn.pictures, *finished]),
                      torch.stack([*begun, *(sketch.unfinished for sketch in sketches)]),
                      drawn.scenes + [sketch.scene for sketch in sketches],
                      drawn.words + [sketch.words for sketch in sketches],
                      drawn.claims + [sketch.claim for sketch in sketches], drawn.families)

    def _others(self, drawn: _Batch) -> Tensor:
        """Another picture for each: of its family, mostly its pair's, else any."""
        start, others = 0, []
        for size in drawn.families:
            members = drawn.pictures[start:start + size]
            others.append(members.roll(1 + int(self.rng.integers(size - 1)), 0))
            start += size
        pictures = drawn.pictures[start:]
        pairs = pictures.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)
        shuffled = pictures[torch.randperm(len(pictures), generator=self.generator)]
        paired = torch.rand(len(pictures), 1, 1, 1, generator=self.generator) < 0.75
        return torch.cat([*others, torch.where(paired, pairs, shuffled)])

    def _cut(self, batch: _Batch, augmentation: Augmentation) -> tuple[Tensor, Tensor]:
        """One cutout of each picture, and the same one of each unfinished state."""
        # The first cutouts are those of whole pictures: a drawing's place shall not tell that.
        order = torch.randperm(len(batch.pictures), generator=self.generator)
        size = self.perceptor.resolution
        numbers = draw_cutouts(replace(augmentation, count=len(order)), self.pool.side,
                               self.pool.side, size, self.generator).only(order)
        first = len(batch.pictures) - len(batch.unfinished)
        finished = cut(batch.pictures, numbers, size)
        if first == len(batch.pictures):
            return finished, finished[:0]
        return finished, cut(batch.unfinished, numbers.only(slice(first, None)), size)

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"model": self.perceptor.state_dict(), "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(), "iteration": self.iteration,
                "generator": self.generator.get_state(), "mix": asdict(self.pool.mix)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.perceptor.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])
        if self.rank == 0:
            self.generator.set_state(state["generator"])
        else:  # else all would cut alike
            self.generator.manual_seed(self.settings.seed + self.rank + 1000 * self.iteration)


def _groups(perceptor: ClipPerceptor, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for the matrices alone: not for embeddings, biases, norms."""
    decayed: list[Tensor] = []
    free: list[Tensor] = []
    for name, parameter in perceptor.named_parameters():
        plain = parameter.ndim < 2 or "embedding" in name
        (free if plain else decayed).append(parameter)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free,
                                                                "weight_decay": 0.0}]
