"""The two loops that are compared, with the same weights and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.reference import PublishedLoop, Settings
from bench.timing.weights import FULL, SMALL, Sizes, load_engine, load_published
from engine.models import Models
from engine.painting.synthesis import Synthesis
from engine.request.prompt import Prompt
from engine.request.recipe import make_recipe

PROMPT = "a castle on a hill"


@dataclass(frozen=True)
class Work:
    """What both loops paint: pictures of ``side`` pixels with ``cutouts`` cutouts.

    ``precision`` is the engine's; the published loop computes in float32. ``folder`` has the
    weights, of the sizes FULL or, if ``small``, SMALL. ``threads`` 0 is torch's own number.
    """

    folder: Path
    side: int = 256
    cutouts: int = 32
    device: str = "cpu"
    precision: str = "bf16"
    threads: int = 0
    small: bool = False

    @property
    def sizes(self) -> Sizes:
        """The networks' sizes."""
        return SMALL if self.small else FULL

    def use_threads(self) -> None:
        """Let torch use as many threads as the work says."""
        if self.threads:
            torch.set_num_threads(self.threads)


def published_loop(work: Work, start: Tensor | None = None, **changes: Any) -> PublishedLoop:
    """The published loop; ``changes`` are other fields of its settings."""
    settings = Settings(
        side=work.side, cutouts=work.cutouts, prompt=PROMPT, device=work.device, **changes
    )
    return PublishedLoop(*load_published(work.folder, work.sizes), settings, start)


def engine_loop(work: Work, models: Models | None = None, *, seed: int = 0) -> Synthesis:
    """The engine's loop with the paper's recipe."""
    models = models or load_engine(work.folder, work.device, work.precision)
    recipe = make_recipe("paper", {}, width=work.side, height=work.side, cutouts=work.cutouts)
    return Synthesis(models.generator, models.perceptor, [Prompt(PROMPT)], recipe, seed)


def loop(work: Work, which: str) -> Callable[[], object]:
    """The step of the loop ``which``: "reference" or "ours"."""
    return (published_loop(work) if which == "reference" else engine_loop(work)).step


def wait_for(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
