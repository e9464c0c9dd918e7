"""The judge: a network of another architecture that says which caption a picture has.

A convolutional network with batch norm for pictures and a GRU over words for captions, where
the perceptor has a vision transformer and a causal transformer over byte pairs. It is trained
on true drawings only, from another seed, before anything was tuned; it never guides a painting
and chooses nothing. ``python -m bench.judge`` trains it again (some ten minutes of one core).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
import typer
from torch import Tensor, nn

from engine.training.averaging import WeightAverage
from engine.training.captions import describe
from engine.training.perceptor import contrastive_loss, match_matrix
from engine.training.pool import Pool
from engine.training.stage import run_stage, save_atomically

WEIGHTS = Path(__file__).parent / "judge.pt"
SIDE, WIDTH, WORDS = 64, 128, 512


def _word_ids(captions: list[str], length: int = 28) -> Tensor:
    """[B, length] of word numbers from 1, by a hash that is the same on every machine."""
    rows = torch.zeros(len(captions), length, dtype=torch.long)
    for row, caption in zip(rows, captions, strict=True):
        for i, word in enumerate(caption.lower().replace(",", " ,").split()[:length]):
            number = 0
            for byte in word.encode():
                number = (number * 257 + byte) % 1_000_003
            row[i] = 1 + number % (WORDS - 1)
    return rows


class Judge(nn.Module):
    """Unit vectors [B, 128] of pictures [B, 3, H, W] in 0..1 and of captions."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        layers: list[nn.Module] = []
        for i in range(4):
            layers += [nn.Conv2d(widths[i], widths[i + 1], 3, stride=2, padding=1, bias=False),
                       nn.BatchNorm2d(widths[i + 1]), nn.ReLU(),
                       nn.Conv2d(widths[i + 1], widths[i + 1], 3, padding=1, bias=False),
                       nn.BatchNorm2d(widths[i + 1]), nn.ReLU()]
        self.sight = nn.Sequential(*layers, nn.Flatten(), nn.Linear(128 * 16, 256), nn.ReLU(),
                                   nn.Linear(256, WIDTH))
        self.words = nn.Embedding(WORDS, 96, padding_idx=0)
        self.reader = nn.GRU(96, 128, batch_first=True, bidirectional=True)
        self.spoken = nn.Linear(256, WIDTH)
        self.scale = nn.Parameter(torch.tensor(math.log(14.0)))

    def see(self, pictures: Tensor) -> Tensor:
        """Unit vectors [B, 128] of pictures, whatever their size."""
        small = F.interpolate(pictures, (SIDE, SIDE), mode="area")
        return F.normalize(self.sight((small - 0.5) * 4), dim=-1)

    def read(self, captions: list[str]) -> Tensor:
        """Unit vectors [B, 128] of captions."""
        ids = _word_ids(captions)
        heard, _ = self.reader(self.words(ids))
        mask = (ids > 0).unsqueeze(-1)
        pooled = heard.masked_fill(~mask, -1e4).amax(dim=1)
        return F.normalize(self.spoken(pooled), dim=-1)


class JudgeTrainer:
    """One training run on true drawings, with blur, noise and brightness as a camera has."""

    def __init__(self, total: int, pool: Pool, seed: int) -> None:
        torch.manual_seed(seed)
        self.total, self.pool = total, pool
        self.judge = Judge()
        self.average = WeightAverage(self.judge)
        self.rng = np.random.default_rng(seed)
        self.optimiser = torch.optim.AdamW(self.judge.parameters(), lr=2e-3, weight_decay=0.02)
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on 96 pictures, half of them hard negatives of the others."""
        self.iteration += 1
        along = self.iteration / self.total
        for group in self.optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, self.iteration / 50) * (1 + math.cos(math.pi * along)) / 2
        pictures, scenes = self.pool.batch(48)
        captions = [describe(scene, self.rng, full=self.rng.random() < 0.5) for scene in scenes]
        truth = match_matrix(scenes, [claim for _, claim in captions])
        images = self.judge.see(_disturb(pictures))
        texts = self.judge.read([text for text, _ in captions])
        loss, right = contrastive_loss(images, texts, truth, self.judge.scale.exp())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.average.update(self.judge)
        return {"loss": loss.item(), "right": right}

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
    small = torch.lerp(small, blurred, mix) * (1 + 0.1 * torch.randn(n, 1, 1, 1))
    return (small + torch.rand(n, 1, 1, 1) * 0.15 * torch.randn_like(small)).clamp(0, 1)


def load_judge() -> Judge:
    """The frozen judge, in evaluation mode."""
    judge = Judge()
    state = torch.load(WEIGHTS, weights_only=True)
    judge.load_state_dict({name: value.float() if value.is_floating_point() else value
                           for name, value in state.items()})
    return judge.eval().requires_grad_(False)


def train(minutes: float = 60, steps: int = 1300, folder: Path = Path("runs"),
          seed: Annotated[int, typer.Option(help="other than the perceptor's")] = 977) -> None:
    """Train the judge and write its weights, in half precision, to bench/judge.pt."""
    torch.set_num_threads(1)
    trainer = JudgeTrainer(steps, Pool(4000, 128, seed), seed)
    run_stage(trainer, "judge", folder, minutes=minutes, steps=steps, resume=True)
    weights = {name: value.half() if value.is_floating_point() else value
               for name, value in trainer.average.weights.items()}
    save_atomically(weights, WEIGHTS)


if __name__ == "__main__":
    typer.run(train)
