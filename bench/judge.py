"""The judge: a network of another architecture that says which caption a picture has.

A convolutional network with batch norm that reads a picture's attributes (how many things,
their shapes and colours, their relation, the ground, the style), where the perceptor is a pair
of transformers trained by contrast. A caption's score is the log probability of all that it
claims. The judge is trained on true drawings only, from another seed, before anything was
tuned; it never guides a painting and chooses nothing. ``python -m bench.judge`` trains it
again (some ten minutes of one core).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn

from engine.training.averaging import WeightAverage
from engine.training.captions import Claim
from engine.training.pool import Pool
from engine.training.scene import COLOURS, PATTERNS, RELATIONS, SHAPES, Scene
from engine.training.stage import run_stage, save_atomically
from engine.training.world import Mix

STYLES = ("charcoal", "watercolour", "pixel art", "neon")
MIX = Mix(styles=STYLES)
"""The world it knows: the first one, of shapes alone and four styles."""
WEIGHTS = Path(__file__).parent / "judge.pt"
SIDE = 64
HEADS: dict[str, tuple[str | None, ...]] = {
    "relation": (None, *RELATIONS),
    "first shape": SHAPES, "first colour": tuple(COLOURS),
    "second shape": SHAPES, "second colour": tuple(COLOURS),
    "ground": tuple(COLOURS), "pattern": PATTERNS, "style": (None, *STYLES)}
"""What is read, and the answers there are. No relation means one thing alone."""


def attributes(scene: Scene) -> dict[str, str | None]:
    """The right answers of a scene; heads that do not apply are left out."""
    first = scene.things[0]
    answers = {"relation": scene.relation, "first shape": first.shape,
               "first colour": first.colour, "ground": scene.ground.colour,
               "pattern": scene.ground.pattern, "style": scene.style}
    if len(scene.things) == 2:
        answers |= {"second shape": scene.things[1].shape, "second colour": scene.things[1].colour}
    return answers


def claimed(claim: Claim) -> dict[str, str | None]:
    """What a caption with no thing left out says, by head."""
    answers: dict[str, str | None] = {"relation": claim.relation, "style": claim.style}
    for place, said in zip(("first", "second"), claim.things, strict=False):
        answers |= {f"{place} shape": said.shape, f"{place} colour": said.colour}
    if claim.ground_colour is not None:
        answers["ground"] = claim.ground_colour
    if claim.ground_pattern is not None:
        answers["pattern"] = claim.ground_pattern
    return answers


class Judge(nn.Module):
    """Log probabilities of every head's answers for pictures [B, 3, H, W] in 0..1."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 128, 128)
        layers: list[nn.Module] = []
        for i in range(4):
            layers += [nn.Conv2d(widths[i], widths[i + 1], 3, stride=2, padding=1, bias=False),
                       nn.BatchNorm2d(widths[i + 1]), nn.ReLU(),
                       nn.Conv2d(widths[i + 1], widths[i + 1], 3, padding=1, bias=False),
                       nn.BatchNorm2d(widths[i + 1]), nn.ReLU()]
        self.sight = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 16, 256),
                                   nn.BatchNorm1d(256), nn.ReLU())
        self.heads = nn.ModuleDict({name: nn.Linear(256, len(answers))
                                    for name, answers in HEADS.items()})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        """By head, [B, answers]."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
        seen = self.sight((small - 0.5) * 4)
        return {name: F.log_softmax(head(seen), dim=1) for name, head in self.heads.items()}

    @torch.no_grad()
    def scores(self, pictures: Tensor, claims: list[list[Claim]]) -> Tensor:
        """[B, C]: the log probability of each of a picture's own C claims."""
        read = self(pictures)
        rows = [[sum(float(read[head][i, HEADS[head].index(answer)])
                     for head, answer in claimed(claim).items() if answer in HEADS[head])
                 for claim in own] for i, own in enumerate(claims)]
        return torch.tensor(rows)


class JudgeTrainer:
    """One training run on true drawings, with blur, noise and brightness as a camera has."""

    def __init__(self, total: int, pool: Pool, seed: int) -> None:
        torch.manual_seed(seed)
        self.total, self.pool = total, pool
        self.judge = Judge()
        self.average = WeightAverage(self.judge, decay=0.99)
        self.optimiser = torch.optim.AdamW(self.judge.parameters(), lr=3e-3, weight_decay=0.02)
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on 96 pictures, half of them near misses of the others."""
        self.iteration += 1
        along = self.iteration / self.total
        for group in self.optimiser.param_groups:
            group["lr"] = 3e-3 * min(1, self.iteration / 50) * (1 + math.cos(math.pi * along)) / 2
        pictures, scenes = self.pool.batch(48)
        read = self.judge(_disturb(pictures))
        truths = [attributes(scene) for scene in scenes]
        losses, right = [], torch.ones(len(scenes), dtype=torch.bool)
        for name, answers in HEADS.items():
            rows = torch.tensor([i for i, truth in enumerate(truths) if name in truth])
            wanted = torch.tensor([answers.index(truths[int(i)][name]) for i in rows])
            losses.append(F.nll_loss(read[name][rows], wanted))
            right[rows] &= read[name][rows].argmax(1) == wanted
        loss = torch.stack(losses).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update(self.judge)
        return {"loss": loss.item(), "right": right.float().mean().item()}

    def state_dict(self) -> dict[str, object]:
        """All that :meth:`load_state_dict` needs to go on."""
        return {"judge": self.judge.state_dict(), "average": self.average.state_dict(),
                "optimiser": self.optimiser.state_dict(), "iteration": self.iteration}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.judge.load_state_dict(state["judge"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])  # type: ignore[call-overload]  # an int


def _disturb(pictures: Tensor) -> Tensor:
    """Shift, scale, blur, brightness and noise: what a drawing survives without being another."""
    n = len(pictures)
    scale = 1 + 0.12 * (torch.rand(n, 1) * 2 - 1)
    shift = 0.08 * (torch.rand(n, 2) * 2 - 1)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = scale[:, 0]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, [n, 3, SIDE, SIDE], align_corners=False)
    small = F.grid_sample(F.avg_pool2d(pictures, 2), grid, padding_mode="border",
                          align_corners=False)
    blurred = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    mix = torch.rand(n, 1, 1, 1)
    small = torch.lerp(small, blurred, mix) * (1 + 0.06 * torch.randn(n, 1, 1, 1))
    return (small + torch.rand(n, 1, 1, 1) * 0.12 * torch.randn_like(small)).clamp(0, 1)


def load_judge() -> Judge:
    """The frozen judge, in evaluation mode."""
    judge = Judge()
    state = torch.load(WEIGHTS, weights_only=True)
    judge.load_state_dict({name: value.float() if value.is_floating_point() else value
                           for name, value in state.items()})
    return judge.eval().requires_grad_(False)


def train(minutes: float = 30, steps: int = 900, folder: Path = Path("runs"),
          seed: Annotated[int, typer.Option(help="other than the perceptor's")] = 977) -> None:
    """Train the judge and write its weights, in half precision, to bench/judge.pt."""
    torch.set_num_threads(1)
    trainer = JudgeTrainer(steps, Pool(4000, 128, seed, mix=MIX), seed)
    run_stage(trainer, "judge", folder, minutes=minutes, steps=steps, resume=True)
    weights = {name: value.half() if value.is_floating_point() else value
               for name, value in trainer.average.weights.items()}
    save_atomically(weights, WEIGHTS)


if __name__ == "__main__":
    typer.run(train)
