"""Paints prompts with the drawn model, several at a time."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.common.model_names import DRAWN
from bench.common.parallel import run_parallel
from bench.common.rounded import products_of_bf16
from bench.prompts import Entry
from engine import imagine
from engine.models import Models, load_models
from engine.painting.images import to_tensor
from engine.pictures.reading import read_picture
from engine.pictures.writing import png_bytes

_Job = tuple[str, int, Path | None, str, dict[str, Any]]


@functools.cache
def drawn_models(precision: str = "auto") -> Models:
    """The drawn model on the CPU, loaded once in each process."""
    return load_models(DRAWN, device="cpu", precision=precision)


def picture_file(folder: Path, caption: str, seed: int) -> Path:
    """The file in which a folder keeps the picture of a prompt."""
    return folder / f"{caption.replace(' ', '-')[:80]}-{seed}.png"


def _paint(job: _Job) -> Tensor:
    caption, seed, folder, precision, values = job
    torch.set_num_threads(1)
    with products_of_bf16("cpu") if precision == "bf16" else nullcontext():
        *_, last = imagine(caption, seed=seed, models=drawn_models(precision), **values)
    if folder is not None:
        picture_file(folder, caption, seed).write_bytes(png_bytes(last.to_pil()))
    return last.image


def paint_all(
    entries: list[Entry],
    workers: int,
    folder: Path | None = None,
    precision: str = "auto",
    **values: Any,
) -> Tensor:
    """The finished pictures [n, 3, H, W] in 0..1 of all captions.

    ``folder`` keeps them as files; ``values`` are fields of the request, None for the default.
    """
    jobs: list[_Job] = [
        (entry["caption"], entry["seed"], folder, precision, values) for entry in entries
    ]
    return torch.stack(run_parallel(_paint, jobs, workers))


def read_painted(entries: list[Entry], folder: Path) -> Tensor:
    """The pictures [n, 3, H, W] in 0..1 that :func:`paint_all` left in ``folder``."""
    files = [picture_file(folder, entry["caption"], entry["seed"]) for entry in entries]
    images = [read_picture(file.read_bytes()) for file in files]
    return torch.cat([to_tensor(image, image.width, image.height) for image in images])
