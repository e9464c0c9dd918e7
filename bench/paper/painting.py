"""Paints the cells of the figures and keeps them, so that a stopped run can continue.

Each picture is a PNG file with its request and provenance inside, as ``imagine`` writes it. Its
name has a hash of all that it depends on, so another model or setting makes another file, and
figures that need the same picture share it.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from bench.common.files import write_whole
from bench.common.parallel import run_as_completed
from bench.natural.gallery import Report, print_progress, weights_hash
from bench.paper.cells import Cell
from bench.paper.plan import PHOTOGRAPHS
from engine.models import Models, load_models
from engine.painting.pipeline import paint, prepare, provenance
from engine.pictures.reading import read_picture
from engine.pictures.writing import picture_texts, png_bytes
from engine.random_numbers import SCHEME
from engine.request.request import ImageRequest

SECONDS = 26
"""What a picture of the included model takes on one core, about."""


class MissingPhotographError(Exception):
    """A photograph that is not in the folder; the message names both."""


@dataclass(frozen=True)
class Gallery:
    """Where and how the figures' pictures are painted.

    ``pictures`` is the folder that keeps them, ``photographs`` the one of the edits' photographs,
    as JPEG files. ``iterations`` is None for the model's own number.
    """

    pictures: Path
    photographs: Path = PHOTOGRAPHS
    model: str = "natural"
    iterations: int | None = None
    device: str = "cpu"
    precision: str = "auto"

    def models(self) -> Models:
        """The generator and the perceptor, loaded once in each process."""
        return _models(self.model, self.device, self.precision)

    def photograph(self, name: str) -> bytes:
        """The file of an edit's photograph. Raises MissingPhotographError."""
        file = self.photographs / f"{name}.jpg"
        if not file.is_file():
            raise MissingPhotographError(
                f"There is no photograph {file.name} in {self.photographs}; put one there, or "
                "leave out --photographs for those that are included."
            )
        return file.read_bytes()

    def request(self, cell: Cell) -> tuple[ImageRequest, dict[str, bytes]]:
        """A cell's request and the pictures that it names, by SHA-256."""
        data = None if cell.photograph is None else self.photograph(cell.photograph)
        name = None if data is None else hashlib.sha256(data).hexdigest()
        request = cell.request(name, model=self.model, iterations=self.iterations)
        return request, {} if data is None or name is None else {name: data}

    def file(self, cell: Cell) -> Path:
        """The file of a cell's picture."""
        request, _ = self.request(cell)
        defaults = dict(self.models().defaults)
        if request.where is None:  # other masks make no other picture
            defaults.pop("masking", None)
        facts = {
            "request": json.loads(request.model_dump_json(exclude_defaults=True)),
            "defaults": defaults,
            "weights": weights_hash(self.model, self.device, self.precision),
            "precision": self.models().precision,
            "random": SCHEME,
        }
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=list).encode())
        words = re.sub(r"[^a-z0-9]+", "-", (cell.prompt or cell.row).lower()).strip("-")
        return self.pictures / f"{words[:50]}-{cell.seed}-{digest.hexdigest()[:12]}.png"

    def mask_file(self, cell: Cell) -> Path:
        """The file of a masked edit's photograph with the mask marked on it."""
        file = self.file(cell)
        return file.with_name(f"{file.stem}-mask.png")

    def read(self, cell: Cell) -> Image.Image | None:
        """A cell's picture, None if it is not painted yet."""
        file = self.file(cell)
        return read_picture(file.read_bytes()) if file.is_file() else None

    def read_mask(self, cell: Cell) -> Image.Image | None:
        """The photograph of a masked edit with its mask marked; None without a mask."""
        file = self.mask_file(cell)
        return read_picture(file.read_bytes()) if file.is_file() else None


@dataclass
class Progress:
    """How many pictures are painted, and about how long the others take."""

    total: int
    report: Report = print_progress
    started: float = field(default_factory=time.monotonic)

    def tell(self, done: int) -> None:
        """Report that ``done`` of the missing pictures are there."""
        each = (time.monotonic() - self.started) / done
        left = each * (self.total - done) / 60
        self.report(
            f"{done}/{self.total} painted, {each:.1f} s a picture, about {left:.0f} min left"
        )


@functools.cache
def _models(name: str, device: str, precision: str) -> Models:
    return load_models(name, device=device, precision=precision)


def missing(gallery: Gallery, cells: list[Cell]) -> list[Cell]:
    """The cells whose pictures are not painted yet, in order, each picture once."""
    jobs: dict[Path, Cell] = {}
    for cell in cells:
        file = gallery.file(cell)
        if not file.is_file():
            jobs.setdefault(file, cell)
    return list(jobs.values())


def paint_missing(
    gallery: Gallery, cells: list[Cell], workers: int = 2, report: Report = print_progress
) -> int:
    """Paint what is missing; returns the number of pictures that were painted."""
    jobs = missing(gallery, cells)
    gallery.pictures.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(jobs), report)
    for done, _ in enumerate(_run(gallery, jobs, workers), 1):
        progress.tell(done)
    return len(jobs)


def _run(gallery: Gallery, jobs: list[Cell], workers: int) -> Iterator[None]:
    """Yield as each job is done. On a GPU, one picture after the other, in this process."""
    if gallery.device != "cpu" or workers < 2 or not jobs:
        for cell in jobs:
            _paint_one((gallery, cell))
            yield
        return
    gallery.models()  # loaded before the fork, so that the workers share them
    yield from run_as_completed(_paint_one, [(gallery, cell) for cell in jobs], workers)


def _paint_one(job: tuple[Gallery, Cell]) -> None:
    gallery, cell = job
    torch.set_num_threads(1)
    models = gallery.models()
    request, pictures = gallery.request(cell)
    synthesis = prepare(request, models, pictures)
    mask = synthesis.overlay()
    if mask is not None:
        write_whole(gallery.mask_file(cell), png_bytes(mask))
    *_, last = paint(synthesis)
    texts = picture_texts(request, provenance(synthesis, models))
    write_whole(gallery.file(cell), png_bytes(last.full_size(), texts))
