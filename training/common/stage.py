"""Running a trainer for a while: steps, a log of curves, a state that survives being cut off."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from training.common.data_parallel import all_agree


@dataclass(frozen=True)
class Stage:
    """What the command line says of a stage; training.drawn.__main__ has the words."""

    folder: Path
    minutes: float
    steps: int
    resume: bool
    threads: int
    begin_with: Path | None = None
    drawings: Path | None = None


class Trainer(Protocol):
    """What :func:`resume` and :func:`run_stage` need of a trainer."""

    iteration: int

    def step(self) -> dict[str, float]:
        """One training step; its figures."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on later."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a :meth:`state_dict`."""
        ...


def begun(name: str, folder: Path) -> int:
    """The step that the run of that name in ``folder`` goes on from; 0 where it has no state.

    A stage that goes on draws other pictures than the one before: those it would know by heart.
    """
    path = folder / f"{name}.pt"
    return int(torch.load(path, weights_only=True, mmap=True)["iteration"]) if path.exists() else 0


def save_atomically(state: Any, path: Path) -> None:
    """Write ``state`` beside ``path`` and move it there, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def resume(trainer: Trainer, name: str, folder: Path) -> None:
    """Let ``trainer`` go on from the state of the run of that name in ``folder``."""
    trainer.load_state_dict(torch.load(folder / f"{name}.pt", weights_only=True))


def run_stage(trainer: Trainer, name: str, folder: Path, *, minutes: float, steps: int,
              save_every: float = 120.0, tell: Callable[[str], None] = print,
              rank: int = 0) -> None:
    """Step ``trainer`` until ``minutes`` have gone by or it stands at ``steps``.

    State goes to ``folder/name.pt`` every ``save_every`` seconds, means of the figures over
    20 steps to ``folder/name.jsonl``. Of several processes that train together, those whose
    ``rank`` is not 0 write nothing.
    """
    state_path, log_path = folder / f"{name}.pt", folder / f"{name}.jsonl"
    if trainer.iteration and rank == 0:
        tell(f"{name}: going on from step {trainer.iteration}")
    folder.mkdir(parents=True, exist_ok=True)
    start = saved = time.monotonic()
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    while trainer.iteration < steps and not all_agree(time.monotonic() - start > minutes * 60):
        for key, value in trainer.step().items():
            sums[key] = sums.get(key, 0.0) + value
            counts[key] = counts.get(key, 0) + 1
        if rank != 0:
            continue
        if trainer.iteration % 20 == 0:
            means = {key: round(value / counts[key], 5) for key, value in sums.items()}
            line = {"step": trainer.iteration, "seconds": round(time.monotonic() - start, 1),
                    **means}
            with log_path.open("a") as log:
                log.write(json.dumps(line) + "\n")
            tell(json.dumps(line))
            sums, counts = {}, {}
        if time.monotonic() - saved > save_every:
            save_atomically(trainer.state_dict(), state_path)
            saved = time.monotonic()
    if rank == 0:
        save_atomically(trainer.state_dict(), state_path)
