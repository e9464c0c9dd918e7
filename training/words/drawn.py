"""Training of the `drawn` text tower; the picture tower is locked (LiT: Zhai et al. 2022).

The picture tower is a fixed projection (:mod:`training.perceptor.projection`), and each caption has
one typical picture. A caption's vector is trained to be its picture's; the vectors of added prompts
are trained so that the loop, pulled by all of them, stops at their picture
(:func:`pull_directions`).
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
from training.perceptor.projection import project_on_components
from training.words.encoding import encode_parts
from training.world.drawing import draw_array
from training.world.prompts import added_prompt, sample_prompt, things_prompt
from training.world.sampling import Mix, sample_scene
from training.world.things import Drawings
from training.world.typical import typical_scene

# A vision transformer whose only patch is the whole picture: a projection of its pixels, and
# layers that only pass on the numbers.
ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 360,
    "resolution": 64,
    "vision_width": 360,
    "vision_layers": 1,
    "patch": 64,
    "text_width": 320,
    "text_layers": 3,
    "context_length": 32,
}
# Fewer patterned grounds and more pairs than the generator is shown: shapes and places are the last
# to be learned.
MIX = Mix(
    styled=0.25, pairs=0.7, plain=0.8, styles=("charcoal", "watercolour", "pixel art", "neon")
)
WHOLE_MIX = Mix(styled=0.45, pairs=0.4, plain=0.8, scenic=0.3, drawn=0.6, counted=0.08)


@dataclass(frozen=True)
class DrawnWordsTraining:
    """The numbers of a run.

    Each process draws ``captions`` with their pictures, the first ``projected`` of which define the
    projection, and uses ``batch`` of them a step. The share ``short`` of them are things only, most
    of them in a style, or prompts added with a plus.
    """

    captions: int = 100_000
    short: float = 0.35
    projected: int = 8000
    batch: int = 256
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup: int = 100
    total: int = 8000
    seed: int = 17


class DrawnWordsTrainer:
    """One training run: :meth:`step` it, save it, resume it.

    ``rank`` is its number among the processes that train the same weights: each has its own
    captions, but all have the same projection.
    """

    def __init__(
        self,
        settings: DrawnWordsTraining,
        mix: Mix,
        drawings: Drawings | None = None,
        rank: int = 0,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.mix = mix
        self.perceptor = ClipPerceptor(new_clip(**ARCHITECTURE)).eval()
        shared = np.random.default_rng(settings.seed)
        size = self.perceptor.resolution
        pictures, self.captions = _captions(
            settings.projected, settings.short, mix, drawings, size, shared
        )
        project_on_components(self.perceptor, pictures, seed=settings.seed)
        vectors = [self._encode(pictures)]
        self.rng = np.random.default_rng([settings.seed, rank])
        while len(self.captions) < settings.captions:
            count = min(1000, settings.captions - len(self.captions))
            pictures, captions = _captions(count, settings.short, mix, drawings, size, self.rng)
            self.captions += captions
            vectors.append(self._encode(pictures))
        self.vectors = torch.cat(vectors)
        self.perceptor.clip.visual.requires_grad_(False)
        self.perceptor.clip.logit_scale.requires_grad_(False)
        self.average = WeightAverage(self.perceptor, decay=0.998)
        trained = [each for each in self.perceptor.parameters() if each.requires_grad]
        self.optimiser = torch.optim.AdamW(
            trained,
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch: the mean cosine of captions and their pictures."""
        self.iteration += 1
        chosen = self.rng.choice(
            len(self.captions), min(self.settings.batch, len(self.captions)), replace=False
        )
        with bf16_where_fast():
            texts, owners = encode_parts(self.perceptor, [self.captions[i] for i in chosen])
        images = self.vectors[chosen]
        directions = pull_directions(texts.float(), owners, images)
        cosine = F.cosine_similarity(directions, images, dim=1).mean()
        gradient_step(
            self.perceptor,
            self.optimiser,
            1 - cosine,
            warm_cosine(
                self.settings.learning_rate,
                self.iteration,
                self.settings.total,
                self.settings.warmup,
            ),
        )
        self.average.update(self.perceptor)
        return {"cosine": cosine.item()}

    @torch.no_grad()
    def _encode(self, pictures: Tensor) -> Tensor:
        return torch.cat([self.perceptor.encode_image(each) for each in pictures.split(500)])

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "model": self.perceptor.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "mix": asdict(self.mix),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.perceptor.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])


def pull_directions(texts: Tensor, owners: Tensor, images: Tensor) -> Tensor:
    """The directions [N, D] in which prompts pull the loop when it is at their pictures.

    ``texts`` [P, D] and ``images`` [N, D] are unit vectors; ``owners`` [P] says which picture each
    prompt belongs to. The loop minimises half the square of the angle t to each prompt, whose
    gradient along the sphere is t / sin(t) of the prompt's vector: the loop stops at the picture if
    the sum of these over its prompts points to it. The last number of a vector, 0 in every picture,
    is ignored for several prompts: with it, one of them can have little weight.
    """
    angle = (texts * images[owners]).sum(1).clamp(-0.999, 0.999).acos()
    pull = texts * (angle / angle.sin())[:, None]
    sums = torch.zeros_like(images).index_add(0, owners, pull)
    sums[torch.bincount(owners, minlength=len(images)) > 1, -1] = 0.0
    return sums


def _captions(
    count: int,
    short: float,
    mix: Mix,
    drawings: Drawings | None,
    size: int,
    rng: np.random.Generator,
) -> tuple[Tensor, list[str]]:
    """Typical pictures [count, 3, size, size] in 0..1, drawn at twice that size, and captions."""
    plainer = replace(mix, styled=0.6, pairs=0.08, plain=0.85, scenic=mix.scenic and 0.45)
    pictures, captions = [], []
    for _ in range(count):
        if rng.random() < short:
            scene = sample_scene(rng, plainer)
            caption, claim = (things_prompt if rng.random() < 0.4 else added_prompt)(scene, rng)
        else:
            scene = sample_scene(rng, mix)
            caption, claim = sample_prompt(scene, rng)
        drawn = draw_array(typical_scene(scene, claim), None, 2 * size, drawings)
        pictures.append(F.avg_pool2d(torch.from_numpy(drawn).float() / 255, 2))
        captions.append(caption)
    return torch.stack(pictures), captions
