"""Training of the words' tower, the pictures' being locked (LiT: Zhai et al. 2022).

What the pictures' tower sees is fixed (:mod:`training.perceptor.projection`), and so is each
caption's typical picture; a caption's vector shall be that of its picture, and of prompts that are
added that of the picture where the loop, pulled by all of them, comes to rest
(:func:`where_it_rests`). It is the part of the work that decides what is painted: of a caption that
is read well the loop finds the picture.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.perceptors.openai_clip import ClipPerceptor, new_clip
from training.common.averaging import WeightAverage
from training.common.gradient_step import gradient_step
from training.common.precision import bf16_where_fast
from training.common.schedule import warm_cosine
from training.perceptor.projection import see_by_components
from training.world.drawing import draw_array
from training.world.prompts import ask, ask_by_parts, ask_for_things, encode_parts
from training.world.sampling import Mix, sample_scene
from training.world.things import Drawings
from training.world.typical import typical_scene

# A vision transformer whose one patch is the whole picture: a projection of its pixels, and layers
# that only hand on the numbers.
ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 360, "resolution": 64, "vision_width": 360, "vision_layers": 1, "patch": 64,
    "text_width": 320, "text_layers": 3, "context_length": 32}
# Fewer patterned grounds and more pairs than the generator is shown: shapes and places are learned
# last.
MIX = Mix(styled=0.25, pairs=0.7, plain=0.8,
          styles=("charcoal", "watercolour", "pixel art", "neon"))
WHOLE_MIX = Mix(styled=0.45, pairs=0.4, plain=0.8, scenic=0.3, drawn=0.6, counted=0.08)


@dataclass(frozen=True)
class DrawnWordsTraining:
    """The numbers of a run.

    Each process draws ``captions`` with their pictures, of which the first ``seen`` decide what the
    pictures' tower sees, and takes ``batch`` of them a step. The share ``short`` of them tells
    things alone, most of them in a style, or adds to them with a plus.
    """

    captions: int = 100_000
    short: float = 0.35
    seen: int = 8000
    batch: int = 256
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup: int = 100
    total: int = 8000
    seed: int = 17


class DrawnWordsTrainer:
    """One training run: :meth:`step` it, save it, resume it.

    ``rank`` is its number among several that train the same weights together: each has captions of
    its own, but all see by those of the first.
    """

    def __init__(self, settings: DrawnWordsTraining, mix: Mix, drawings: Drawings | None = None,
                 rank: int = 0) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.mix = mix
        self.perceptor = ClipPerceptor(new_clip(**ARCHITECTURE)).eval()
        shared = np.random.default_rng(settings.seed)
        size = self.perceptor.resolution
        pictures, self.words = _captions(settings.seen, settings.short, mix, drawings, size, shared)
        see_by_components(self.perceptor, pictures, seed=settings.seed)
        seen = [self._see(pictures)]
        self.rng = np.random.default_rng([settings.seed, rank])
        while len(self.words) < settings.captions:
            count = min(1000, settings.captions - len(self.words))
            pictures, words = _captions(count, settings.short, mix, drawings, size, self.rng)
            self.words += words
            seen.append(self._see(pictures))
        self.seen = torch.cat(seen)
        self.perceptor.clip.visual.requires_grad_(False)
        self.perceptor.clip.logit_scale.requires_grad_(False)
        self.average = WeightAverage(self.perceptor, decay=0.998)
        trained = [each for each in self.perceptor.parameters() if each.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, betas=(0.9, 0.98),
                                           weight_decay=settings.weight_decay, fused=True)
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch: the mean cosine of captions and their pictures."""
        self.iteration += 1
        chosen = self.rng.choice(len(self.words), min(self.settings.batch, len(self.words)),
                                 replace=False)
        with bf16_where_fast():
            read, whose = encode_parts(self.perceptor, [self.words[i] for i in chosen])
        seen = self.seen[chosen]
        cosine = F.cosine_similarity(where_it_rests(read.float(), whose, seen), seen, dim=1).mean()
        gradient_step(self.perceptor, self.optimiser, 1 - cosine,
                  warm_cosine(self.settings.learning_rate, self.iteration, self.settings.total,
                              self.settings.warmup))
        self.average.update(self.perceptor)
        return {"cosine": cosine.item()}

    @torch.no_grad()
    def _see(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.perceptor.encode_image(each) for each in pictures.split(500)])

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"model": self.perceptor.state_dict(), "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(), "iteration": self.iteration,
                "mix": asdict(self.mix)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.perceptor.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])


def where_it_rests(read: Tensor, whose: Tensor, seen: Tensor) -> Tensor:
    """The directions [N, D] that prompts' unit vectors ``read`` [P, D] pull toward.

    ``whose`` [P] says of which of the N pictures ``seen``, unit vectors too, each is a prompt. Half
    the square of an angle t pulls by t along the sphere, which is t / sin(t) of the vector itself;
    at the picture to be painted the sum of that over its prompts has to point to it. What no
    picture has, the last number, is the prompts' own where there are several: with it one of them
    can ask for little.
    """
    angle = (read * seen[whose]).sum(1).clamp(-0.999, 0.999).acos()
    pull = read * (angle / angle.sin())[:, None]
    sums = torch.zeros_like(seen).index_add(0, whose, pull)
    sums[torch.bincount(whose, minlength=len(seen)) > 1, -1] = 0.0
    return sums


def _captions(count: int, short: float, mix: Mix, drawings: Drawings | None, size: int,
              rng: np.random.Generator) -> tuple[Tensor, list[str]]:
    """Typical pictures [count, 3, size, size] in 0..1, halved from twice that, and captions."""
    plainly = replace(mix, styled=0.6, pairs=0.08, plain=0.85, scenic=mix.scenic and 0.45)
    pictures, told = [], []
    for _ in range(count):
        if rng.random() < short:
            scene = sample_scene(rng, plainly)
            words, claim = (ask_for_things if rng.random() < 0.4 else ask_by_parts)(scene, rng)
        else:
            scene = sample_scene(rng, mix)
            words, claim = ask(scene, rng)
        drawn = draw_array(typical_scene(scene, claim), None, 2 * size, drawings)
        pictures.append(F.avg_pool2d(torch.from_numpy(drawn).float() / 255, 2))
        told.append(words)
    return torch.stack(pictures), told
