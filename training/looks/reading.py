"""Training of the part of the text tower that finds looks in words."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from engine.models.perceptors.looks import LooksWords
from engine.models.perceptors.text_tower import TextTower
from engine.models.perceptors.tokenizing import Tokenizer
from training.common.precision import CPU
from training.common.stage import read_state
from training.looks.words import answers_of, states_of, write

_RATE = 3e-3
_TESTED = 600  # texts


class WordsTrainer:
    """One run: :meth:`step` it, save it, resume it. What ships is ``head``; ``tower`` stays."""

    def __init__(
        self,
        tower: TextTower,
        tokenizer: Tokenizer,
        *,
        steps: int,
        batch: int = 64,
        seed: int = 43,
        device: torch.device | str = CPU,
    ) -> None:
        self.tower = tower.to(device)
        self.tokenizer = tokenizer
        self.steps, self.batch, self.seed = steps, batch, seed
        self._of = digest(tower)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.head = LooksWords(tower.sizes.width).to(device)
        self.optimiser = torch.optim.AdamW(self.head.parameters(), lr=_RATE, weight_decay=1e-3)
        self.iteration = 0

    def step(self) -> dict[str, float]:
        """One step on one batch of random texts; its loss."""
        rng = np.random.default_rng([self.seed, self.iteration])
        texts = [write(rng) for _ in range(self.batch)]
        states, mask = states_of(self.tower, self.tokenizer, [each.text for each in texts])
        answers = answers_of(texts).to(states.device)
        loss = F.binary_cross_entropy_with_logits(self.head(states, mask), answers)
        self.optimiser.zero_grad()
        loss.backward()
        for group in self.optimiser.param_groups:
            group["lr"] = _RATE * (1 - self.iteration / self.steps)
        self.optimiser.step()
        self.iteration += 1
        return {"loss": loss.item()}

    def state_dict(self) -> dict[str, Any]:
        """All that :meth:`load_state_dict` needs to continue, and which tower it reads with."""
        return {
            "iteration": self.iteration,
            "tower": self._of,
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.iteration = int(state["iteration"])
        self.head.load_state_dict(state["head"])
        self.optimiser.load_state_dict(state["optimiser"])


def digest(tower: TextTower) -> str:
    """The same for the same weights only."""
    found = hashlib.sha256()
    for name, value in tower.state_dict().items():
        found.update(name.encode() + value.cpu().numpy().tobytes())
    return found.hexdigest()


def is_of(state: Path, tower: TextTower) -> bool:
    """Whether the run of a ``state`` reads with ``tower``: with another one, it has to begin."""
    return bool(read_state(state)["tower"] == digest(tower))


@torch.no_grad()
def share_right(trainer: WordsTrainer, *, held_out: bool) -> float:
    """The share of texts of which exactly the looks that they name are found.

    With ``held_out`` they have wordings that are not trained on.
    """
    rng = np.random.default_rng([trainer.seed, trainer.steps, held_out])
    texts = [write(rng, held_out=held_out) for _ in range(_TESTED)]
    states, mask = states_of(trainer.tower, trainer.tokenizer, [each.text for each in texts])
    given = trainer.head(states, mask).cpu() > 0
    return (given == (answers_of(texts) > 0)).all(1).float().mean().item()
