"""The engine against itself at an older commit: ``python -m bench.since COMMIT --json``.

Both trees paint the same pictures in turn, each picture in a new process with one thread, so that
what was built since shows what it costs those who use none of it:

- ``equal``: whether the pictures are the same, bit for bit, by preset;
- ``cpu``: seconds of processor time here, as a share of the older commit's, by preset: medians over
  the pairs, with their range. It counts the steps, not the start;
- ``start``: the same for what comes before the first step;
- ``memory``: the peak memory of the processes, as a share of the older commit's.

``bot`` has the same for a process that loads the bot and all its cogs, and paints nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.common.cli import AsJson, exit_on, print_result
from bench.common.model_names import DRAWN

ROOT = Path(__file__).resolve().parents[1]
# Only names that older commits have, too.
_CHILD = """
import hashlib, json, resource, sys, time
import torch
torch.set_num_threads(1)
from engine import imagine
from engine.models import load_models
model, preset, iterations = sys.argv[1], sys.argv[2], int(sys.argv[3])
models = load_models(model, device="cpu")
start = time.process_time()
for iterate in imagine(
    "a red circle on a blue background + charcoal drawing:0.5",
    seed=3, models=models, preset=preset, iterations=iterations,
):
    pass
print(json.dumps({
    "picture": hashlib.sha256(iterate.to_pil().tobytes()).hexdigest(),
    "start": start,
    "cpu": time.process_time() - start,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""

_BOT = """
import importlib, json, pkgutil, resource, time
import bot.__main__, bot.client, cogs
for module in pkgutil.iter_modules(cogs.__path__):
    importlib.import_module(f"cogs.{module.name}")
print(json.dumps({
    "start": time.process_time(),
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""


class SinceError(Exception):
    """A commit that is not there, or does not paint; the message says why."""


@contextmanager
def older_tree(commit: str) -> Iterator[Path]:
    """The files of ``commit`` in a temporary folder; raises SinceError if it is missing."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _run("git", "worktree", "add", "--detach", str(tree), commit, tree=ROOT)
        try:
            yield tree
        finally:
            _run("git", "worktree", "remove", "--force", str(tree), tree=ROOT)


def paint(tree: Path, model: str, preset: str, iterations: int) -> dict[str, Any]:
    """Paint with the code of ``tree``; the picture's hash, seconds and memory."""
    told = _run(sys.executable, "-c", _CHILD, model, preset, str(iterations), tree=tree)
    painted: dict[str, Any] = json.loads(told.splitlines()[-1])
    return painted


def load_bot(tree: Path) -> dict[str, Any]:
    """Load the bot of ``tree``; seconds of processor time, and memory."""
    loaded: dict[str, Any] = json.loads(_run(sys.executable, "-c", _BOT, tree=tree))
    return loaded


def compare(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of pairs of processes of the older commit and of this one."""

    def ratios(name: str) -> dict[str, float]:
        found = [b[name] / a[name] for a, b in zip(before, now, strict=True)]
        return {
            "median": round(statistics.median(found), 3),
            "least": round(min(found), 3),
            "most": round(max(found), 3),
        }

    names = ("cpu", "start", "memory")
    figures: dict[str, Any] = {name: ratios(name) for name in names if name in before[0]}
    pictures = {each["picture"] for each in (*before, *now) if "picture" in each}
    return {"equal": len(pictures) == 1, **figures} if pictures else figures


def _run(*command: str, tree: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(  # noqa: S603 -- fixed commands
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SinceError(f"{command[0]} failed: {ran.stderr.strip()[-500:]}")
    return ran.stdout


def main(
    commit: Annotated[str, typer.Argument(help="the older commit")],
    model: Annotated[str, typer.Option(help="the model")] = DRAWN,
    preset: Annotated[list[str] | None, typer.Option(help="default and paper if not given")] = None,
    iterations: Annotated[int, typer.Option(min=1)] = 40,
    pairs: Annotated[int, typer.Option(min=1, help="paintings by each, for a preset")] = 3,
    as_json: AsJson = False,
) -> None:
    """Compare pictures, speed and memory with an older commit's."""
    figures: dict[str, Any] = {"commit": commit, "model": model, "pairs": pairs}
    with exit_on(SinceError), older_tree(commit) as tree:
        for name in preset or ("default", "paper"):
            before, now = [], []
            for _ in range(pairs):
                before.append(paint(tree, model, name, iterations))
                now.append(paint(ROOT, model, name, iterations))
            figures[name] = compare(before, now)
        loads = [(load_bot(tree), load_bot(ROOT)) for _ in range(pairs)]
        figures["bot"] = compare([old for old, _ in loads], [new for _, new in loads])
    print_result(figures, as_json)


if __name__ == "__main__":
    typer.run(main)
