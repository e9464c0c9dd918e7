"""Training of the `natural` text tower: distillation on the prepared corpus."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.models.perceptors.text_tower import UNKNOWN, TextTower, TowerSizes
from training.common.gradient_step import gradient_step
from training.common.precision import CPU
from training.common.stage import save_atomically
from training.words.corpus.prepare import Prepared

# Batches of similar length are made from this many batches' worth of random sentences.
_MIXED = 50


@dataclass(frozen=True)
class Distillation:
    """The numbers of a run.

    ``likeness`` is the weight of the cosine between the pooled state and the teacher's vector, at
    the start and at the end; it teaches the tower to read what the corpus does not contain. The
    token embedding learns ``tokens_times`` as fast, as most of its rows are rarely used.
    ``dropped`` is the share of tokens made unknown.
    """

    steps: int = 9000
    batch: int = 256
    learning_rate: float = 7e-4
    tokens_times: float = 4.0
    warmup: int = 200
    weight_decay: float = 0.01
    likeness: tuple[float, float] = (4.0, 1.0)
    dropped: float = 0.02
    seed: int = 17


class Distiller:
    """One run: :meth:`step` it, save it, resume it.

    Batches and dropped tokens depend only on the seed and the step, so an interrupted run ends with
    the same weights as an uninterrupted one. The corpus stays in the CPU's memory.
    """

    def __init__(
        self,
        tower: TextTower,
        corpus: Prepared,
        settings: Distillation,
        device: torch.device = CPU,
    ) -> None:
        self.device = device
        self.tower = tower.to(device).train()
        self.corpus = corpus
        self.settings = settings
        self.starts = corpus.lengths.cumsum(0) - corpus.lengths
        self.trained = (~corpus.held_out).nonzero()[:, 0]
        inner = [each for name, each in tower.named_parameters() if name != "tokens.weight"]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [each for each in inner if each.ndim > 1], "times": 1.0},
                {
                    "params": [each for each in inner if each.ndim <= 1],
                    "times": 1.0,
                    "weight_decay": 0.0,
                },
                {
                    "params": [tower.tokens.weight],
                    "times": settings.tokens_times,
                    "weight_decay": 0.0,
                },
            ],
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.98),
            fused=True,
        )
        self.iteration = 0
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    @property
    def epoch_steps(self) -> int:
        """Steps in which every sentence is used once."""
        return max(1, len(self.trained) // self.settings.batch)

    def _batch(self) -> Tensor:
        """Indices [batch] of this step's sentences."""
        epoch, at = divmod(self.iteration, self.epoch_steps)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._shuffled(epoch)
        return self._order[at]

    def _shuffled(self, epoch: int) -> Tensor:
        draw = torch.Generator().manual_seed(self.settings.seed * 1000 + epoch)
        batch = self.settings.batch
        size = min(batch, len(self.trained))
        order = self.trained[torch.randperm(len(self.trained), generator=draw)]
        order = order[: self.epoch_steps * size]
        mixed = [
            part[self.corpus.lengths[part].argsort(stable=True)]
            for part in order.split(_MIXED * size)
        ]
        batches = torch.cat(mixed).view(self.epoch_steps, size)
        return batches[torch.randperm(len(batches), generator=draw)]

    def step(self) -> dict[str, float]:
        """One step; the means of its losses."""
        settings = self.settings
        chosen = self._batch()
        draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + self.iteration)
        self.iteration += 1
        ids, mask = (each.to(self.device) for each in tokens_of(self.corpus, self.starts, chosen))
        rows = self.tower.table[ids]
        dropped = torch.rand(rows.shape, generator=draw) < settings.dropped
        rows = rows.masked_fill(dropped.to(self.device), UNKNOWN)
        with torch.autocast(self.device.type, torch.bfloat16):
            pooled = self.tower.pool(ids, mask, rows)
            logits = self.tower.head(pooled)
        meaning = divergence(
            logits.float(),
            self.corpus.classes[chosen].long().to(self.device),
            self.corpus.weights[chosen].float().to(self.device),
        )
        vectors = self.corpus.vectors[chosen].float().to(self.device)
        has_vector = vectors.any(1)
        likeness = F.cosine_similarity(pooled.float()[has_vector], vectors[has_vector], dim=1)
        likeness = likeness.sum() / max(1, len(likeness))
        done = self.iteration / settings.steps
        first, last = settings.likeness
        loss = meaning.mean() + (first + (last - first) * done) * (1 - likeness)
        gradient_step(self.tower, self.optimiser, loss, self._learning_rate())
        return {"divergence": meaning.mean().item(), "likeness": likeness.item()}

    def _learning_rate(self) -> float:
        settings = self.settings
        warm = min(1.0, self.iteration / settings.warmup)
        return (
            settings.learning_rate
            * warm
            * (
                0.01
                + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.iteration / settings.steps)))
            )
        )

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue."""
        return {
            "tower": self.tower.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.tower.load_state_dict(state["tower"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = int(state["iteration"])


def tokens_of(corpus: Prepared, starts: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The tokens of the ``chosen`` [B] sentences as ids [B, L], and their mask [B, L]."""
    lengths = corpus.lengths[chosen]
    places = torch.arange(int(lengths.max()))[None]
    mask = places < lengths[:, None]
    at = (starts[chosen][:, None] + places).clamp(max=len(corpus.tokens) - 1)
    return corpus.tokens[at].long() * mask, mask


def divergence(logits: Tensor, classes: Tensor, weights: Tensor) -> Tensor:
    """The Kullback-Leibler divergence [N] of sparse meanings [N, K] and logits [N, 1000]."""
    said = logits.log_softmax(1).gather(1, classes)
    return (weights * (weights.clamp(min=1e-6).log() - said)).sum(1)


def export(tower: TextTower, rows: Tensor, path: Path) -> None:
    """Write the tower as it ships: its sizes, its rows, its weights in float16.

    Only ``rows``, the ids of the tokens in the corpus, and the row for unknown ones are kept.
    """
    sizes, state = shrunk(tower, rows)
    halves = {name: each.half() for name, each in state.items()}
    save_atomically({"sizes": asdict(sizes), "rows": rows, "state_dict": halves}, path)


def shrunk(tower: TextTower, rows: Tensor) -> tuple[TowerSizes, dict[str, Tensor]]:
    """The sizes and the state of ``tower`` with only the ``rows`` and that of unknown tokens."""
    state = {name: each.cpu() for name, each in tower.state_dict().items()}
    kept = torch.cat([torch.tensor([UNKNOWN]), tower.table.cpu()[rows]])
    state["tokens.weight"] = state["tokens.weight"][kept]
    return replace(tower.sizes, rows=len(rows)), state


def load_exported(path: Path) -> tuple[TextTower, Tensor]:
    """A tower that :func:`export` wrote, in float32, and its rows."""
    kept = torch.load(path, weights_only=True)
    tower = TextTower(TowerSizes(**kept["sizes"]), kept["rows"])
    tower.load_state_dict({name: each.float() for name, each in kept["state_dict"].items()})
    return tower.eval(), kept["rows"]
