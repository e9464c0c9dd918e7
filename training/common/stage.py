"""Running a trainer for a while: steps, a log of its figures, a state that survives a crash."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch

from engine.errors import CheckpointError
from training.common.data_parallel import broadcast_first


class Trainer(Protocol):
    """What :func:`resume` and :func:`run_stage` need of a trainer."""

    iteration: int

    def step(self) -> dict[str, float]:
        """One training step; its figures."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to continue later."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""
        ...


def steps_done(name: str, folder: Path) -> int:
    """The number of steps that the run ``name`` in ``folder`` has done; 0 without a state."""
    path = folder / f"{name}.pt"
    return int(torch.load(path, weights_only=True, mmap=True)["iteration"]) if path.exists() else 0


def read_state(path: Path) -> dict[str, Any]:
    """The state of a run. Raises CheckpointError if it is missing."""
    if not path.exists():
        raise CheckpointError(
            "There is no training state at {path}; train that model first.", path=path
        )
    # A run on a GPU can be exported, or continued, without one.
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def save_atomically(state: Any, path: Path) -> None:
    """Write ``state`` next to ``path`` and move it there, so that no reader sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    torch.save(state, temporary)
    os.replace(temporary, path)


def resume(trainer: Trainer, name: str, folder: Path) -> None:
    """Let ``trainer`` continue from the state of the run ``name`` in ``folder``."""
    trainer.load_state_dict(read_state(folder / f"{name}.pt"))


def run_stage(
    trainer: Trainer,
    name: str,
    folder: Path,
    *,
    minutes: float,
    steps: int,
    save_every: float = 120.0,
    log_every: int = 20,
    after_save: Callable[[], object] = lambda: None,
    tell: Callable[[str], None] = print,
    rank: int = 0,
) -> None:
    """Step ``trainer`` until ``minutes`` are over or it has done ``steps``.

    The state goes to ``folder/name.pt`` every ``save_every`` seconds and at the end, each time
    followed by ``after_save()``; the means of the figures over ``log_every`` steps go to
    ``folder/name.jsonl`` and to ``tell``. Of several processes that train together, only the one
    of ``rank`` 0 writes.
    """
    state_path, log_path = folder / f"{name}.pt", folder / f"{name}.jsonl"

    def save() -> None:
        save_atomically(trainer.state_dict(), state_path)
        after_save()

    if trainer.iteration and rank == 0:
        tell(f"{name}: continuing from step {trainer.iteration}")
    folder.mkdir(parents=True, exist_ok=True)
    start = saved = time.monotonic()
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    until = start + minutes * 60
    while trainer.iteration < steps and not broadcast_first(time.monotonic() > until):
        for key, value in trainer.step().items():
            sums[key] = sums.get(key, 0.0) + value
            counts[key] = counts.get(key, 0) + 1
        if rank != 0:
            continue
        if trainer.iteration % log_every == 0:
            means = {key: round(value / counts[key], 5) for key, value in sums.items()}
            line = {
                "step": trainer.iteration,
                "seconds": round(time.monotonic() - start, 1),
                **means,
            }
            with log_path.open("a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            tell(json.dumps(line))
            sums, counts = {}, {}
        if time.monotonic() - saved > save_every:
            save()
            saved = time.monotonic()
    if rank == 0:
        save()
