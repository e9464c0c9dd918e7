"""The judges of drawn pictures: networks that find the right caption for a picture.

They read a picture's attributes (number of things, names, colours, relation, ground, style), while
the perceptor matches pictures with words. A caption's score is the log probability of all that it
claims. Their architectures differ from the perceptor's; they were trained on true drawings only,
with their own seeds, before any setting was tuned. They never guide a painting and choose nothing.

- ``shapes``: a plain convolutional network for the first world, shapes in four styles;
- ``plain`` and ``wide``: two for the whole world. The first is like ``shapes``, with batch norm and
  ReLU; the second has depthwise 7 x 7 and pointwise convolutions (Liu et al. 2022).

``python -m bench.drawn.judge NAME`` trains one again (10 to 30 minutes on one core).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn

from training.common.averaging import WeightAverage
from training.common.precision import bf16_where_fast
from training.common.stage import resume, run_stage, save_atomically, steps_done
from training.world.captions import Claim
from training.world.pool import ScenePool
from training.world.sampling import WHOLE, Mix
from training.world.scene import COLOURS, PATTERNS, RELATIONS, SCENERY, SHAPES, Scene
from training.world.styles import STYLES
from training.world.things import Drawings, drawn_things

FOLDER = Path(__file__).parent
SIDE = 64
Heads = dict[str, tuple[str | int | None, ...]]
"""For each attribute, its possible values. The relation None means one kind of thing only."""

FIRST_STYLES = ("charcoal", "watercolour", "pixel art", "neon")
FIRST_WORLD = Mix(styles=FIRST_STYLES)
_FIRST: Heads = {
    "relation": (None, *RELATIONS),
    "first shape": SHAPES,
    "first colour": tuple(COLOURS),
    "second shape": SHAPES,
    "second colour": tuple(COLOURS),
    "ground": tuple(COLOURS),
    "pattern": PATTERNS,
    "style": (None, *FIRST_STYLES),
}
_NAMES = (*SHAPES, *drawn_things())
_WHOLE: Heads = {
    "relation": (None, *RELATIONS),
    "count": (1, 2, 3),
    "first shape": _NAMES,
    "first colour": tuple(COLOURS),
    "second shape": _NAMES,
    "second colour": tuple(COLOURS),
    "ground": (*COLOURS, *SCENERY),
    "pattern": (*PATTERNS, "gradient"),
    "style": (None, *STYLES),
}


def attributes(scene: Scene) -> dict[str, str | int | None]:
    """The true attributes of a scene; heads that do not apply are left out."""
    answers: dict[str, str | int | None] = {
        "relation": scene.relation,
        "ground": scene.ground.colour,
        "style": scene.style,
        "count": scene.things[0].count,
    }
    if not scene.ground.own_colours:
        answers["pattern"] = scene.ground.pattern
    for place, thing in zip(("first", "second"), scene.things, strict=False):
        answers[f"{place} shape"] = thing.shape
        if not thing.drawn:
            answers[f"{place} colour"] = thing.colour
    return answers


def claimed_attributes(claim: Claim) -> dict[str, str | int | None]:
    """The attributes that a full caption claims, by head."""
    answers: dict[str, str | int | None] = {"relation": claim.relation, "style": claim.style}
    for place, thing in zip(("first", "second"), claim.things, strict=False):
        parts = {"shape": thing.shape, "colour": thing.colour}
        answers |= {f"{place} {part}": value for part, value in parts.items() if value is not None}
    if len(claim.things) == 1:
        answers["count"] = claim.things[0].number
    if claim.ground_colour is not None:
        answers["ground"] = claim.ground_colour
    if claim.ground_pattern not in (None, claim.ground_colour):
        answers["pattern"] = claim.ground_pattern
    return answers


def _plain_trunk(widths: tuple[int, ...], out: int) -> nn.Sequential:
    """Pairs of 3 x 3 convolutions, the first of each halving the picture."""
    layers: list[nn.Module] = []
    for before, after in zip((3, *widths), widths, strict=False):
        layers += [
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        ]
    side = SIDE >> len(widths)
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(widths[-1] * side**2, out), nn.BatchNorm1d(out), nn.ReLU()
    )


class _ConvNextBlock(nn.Module):
    """A residual block: a depthwise 7 x 7 convolution, then two pointwise ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width),
            nn.GroupNorm(1, width),
            nn.Conv2d(width, 3 * width, 1),
            nn.GELU(),
            nn.Conv2d(3 * width, width, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + self.body(features)
        return result


def _wide_trunk(widths: tuple[int, ...], out: int) -> nn.Sequential:
    """Patches of 4 x 4 px, then two blocks at each width, each width at half the resolution."""
    layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, stride=4)]
    for i, width in enumerate(widths):
        if i > 0:
            layers += [nn.GroupNorm(1, widths[i - 1]), nn.Conv2d(widths[i - 1], width, 2, stride=2)]
        layers += [_ConvNextBlock(width), _ConvNextBlock(width)]
    side = SIDE // 4 >> (len(widths) - 1)
    return nn.Sequential(
        *layers,
        nn.GroupNorm(1, widths[-1]),
        nn.Flatten(),
        nn.Linear(widths[-1] * side**2, out),
        nn.GELU(),
    )


class Judge(nn.Module):
    """Reads the attributes of pictures [B, 3, H, W] in 0..1.

    ``trunk`` turns pictures [B, 3, SIDE, SIDE] into features [B, width]; in the weight
    files it is called ``sight``.
    """

    def __init__(self, heads: Heads, trunk: nn.Module, width: int) -> None:
        super().__init__()
        self.answers = heads
        self.sight = trunk
        self.heads = nn.ModuleDict(
            {name: nn.Linear(width, len(answers)) for name, answers in heads.items()}
        )

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """By head, the log probabilities [B, answers]."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
        features = self.sight((small - 0.5) * 4)
        return {name: F.log_softmax(head(features), dim=1) for name, head in self.heads.items()}

    @torch.no_grad()
    def scores(self, pictures: Tensor, claims: list[list[Claim]]) -> Tensor:
        """The log probabilities [B, C] of each picture's own C claims."""
        logs = self(pictures)
        rows = [
            [
                sum(
                    float(logs[head][i, self.answers[head].index(answer)])
                    for head, answer in claimed_attributes(claim).items()
                    if answer in self.answers.get(head, ())
                )
                for claim in own
            ]
            for i, own in enumerate(claims)
        ]
        return torch.tensor(rows)

    def ranks_first(self, pictures: Tensor, claims: list[list[Claim]]) -> list[bool]:
        """For each picture: is the first of its claims the most likely?"""
        return (self.scores(pictures, claims).argmax(dim=1) == 0).tolist()


@dataclass(frozen=True)
class TrainingPlan:
    """How one of the judges is trained."""

    file: str
    mix: Mix
    seed: int
    peak_learning_rate: float = 3e-3


# With the usual mix, three in four drawings have no style, and the judges took unclear pixel art
# and oil for no style.
_STYLED = replace(WHOLE, styled=0.6)
PLANS = {
    "shapes": TrainingPlan("judge.pt", FIRST_WORLD, 977),
    "plain": TrainingPlan("judge-plain.pt", _STYLED, 1093),
    "wide": TrainingPlan("judge-wide.pt", _STYLED, 1213, 1.5e-3),
}


def new_judge(name: str) -> Judge:
    """An untrained judge: ``shapes``, ``plain`` or ``wide``."""
    if name == "shapes":
        return Judge(_FIRST, _plain_trunk((32, 64, 128, 128), 256), 256)
    if name == "plain":
        return Judge(_WHOLE, _plain_trunk((32, 64, 128, 128), 320), 320)
    return Judge(_WHOLE, _wide_trunk((48, 96, 160), 320), 320)


class JudgeTrainer:
    """One training run on true drawings with random blur, noise, brightness and position."""

    def __init__(self, name: str, total: int, pool: ScenePool) -> None:
        plan = PLANS[name]
        torch.manual_seed(plan.seed)
        self.total, self.pool, self.peak_learning_rate = total, pool, plan.peak_learning_rate
        # Channels last and bfloat16 train two to three times faster.
        self.judge = new_judge(name)
        self.judge.sight.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = WeightAverage(self.judge, decay=0.99)
        self.optimiser = torch.optim.AdamW(
            self.judge.parameters(), lr=plan.peak_learning_rate, weight_decay=0.02
        )
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on 96 pictures, half of them near misses of the others."""
        self.iteration += 1
        progress = self.iteration / self.total
        for group in self.optimiser.param_groups:
            group["lr"] = (
                self.peak_learning_rate
                * min(1, self.iteration / 50)
                * (1 + math.cos(math.pi * progress))
                / 2
            )
        pictures, scenes = self.pool.batch(48)
        augmented = _augment(pictures).to(memory_format=torch.channels_last)
        with bf16_where_fast():
            logs = self.judge(augmented)
        truths = [attributes(scene) for scene in scenes]
        losses, right = [], torch.ones(len(scenes), dtype=torch.bool)
        for name, answers in self.judge.answers.items():
            rows = torch.tensor([i for i, truth in enumerate(truths) if name in truth])
            if len(rows) == 0:
                continue
            wanted = torch.tensor([answers.index(truths[int(i)][name]) for i in rows])
            losses.append(F.nll_loss(logs[name][rows], wanted))
            right[rows] &= logs[name][rows].argmax(1) == wanted
        loss = torch.stack(losses).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update(self.judge)
        return {"loss": loss.item(), "right": right.float().mean().item()}

    def state_dict(self) -> dict[str, object]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "judge": self.judge.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
        }

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.judge.load_state_dict(state["judge"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])  # type: ignore[call-overload]  # an int


def _augment(pictures: Tensor) -> Tensor:
    """Random shift, scale and brightness; half of the pictures also get blur or noise."""
    n = len(pictures)
    scale = 1 + 0.12 * (torch.rand(n, 1) * 2 - 1)
    shift = 0.08 * (torch.rand(n, 2) * 2 - 1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale[:, 0]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, [n, 3, SIDE, SIDE], align_corners=False)
    small = F.grid_sample(
        F.avg_pool2d(pictures, 2), grid, padding_mode="border", align_corners=False
    )
    blurred = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    mix, noise = (torch.rand(n, 1, 1, 1) * (torch.rand(n, 1, 1, 1) < 0.5) for _ in range(2))
    small = torch.lerp(small, blurred, mix) * (1 + 0.06 * torch.randn(n, 1, 1, 1))
    return (small + noise * 0.12 * torch.randn_like(small)).clamp(0, 1)


def is_trained(name: str) -> bool:
    """Whether the weights of the judge are there."""
    return (FOLDER / PLANS[name].file).is_file()


@functools.cache
def load_judge(name: str = "shapes") -> Judge:
    """A judge with its weights, read once in each process: frozen, in evaluation mode."""
    judge = new_judge(name)
    state = torch.load(FOLDER / PLANS[name].file, weights_only=True)
    judge.load_state_dict(
        {
            name: value.float() if value.is_floating_point() else value
            for name, value in state.items()
        }
    )
    return judge.eval().requires_grad_(False)


def train(
    name: Annotated[str, typer.Argument(help=", ".join(PLANS))],
    minutes: float = 30,
    steps: int = 900,
    folder: Path = Path("runs"),
    drawings: Annotated[
        Path | None, typer.Option(help="the folder of drawings, for all but shapes")
    ] = None,
) -> None:
    """Train a judge and write its weights, in half precision, next to this file."""
    torch.set_num_threads(1)
    plan = PLANS[name]
    start = steps_done(f"judge-{name}", folder)
    pool = ScenePool(
        4000,
        128,
        [plan.seed, start],
        reuse=3.0,
        mix=plan.mix,
        drawings=None if drawings is None else Drawings(drawings),
    )
    trainer = JudgeTrainer(name, steps, pool)
    if start:
        resume(trainer, f"judge-{name}", folder)
    run_stage(trainer, f"judge-{name}", folder, minutes=minutes, steps=steps)
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in trainer.average.weights.items()
    }
    save_atomically(weights, FOLDER / plan.file)


if __name__ == "__main__":
    typer.run(train)
