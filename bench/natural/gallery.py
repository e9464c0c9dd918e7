"""Paintings of held-out prompts, kept in a folder so that a stopped run can continue.

The folder has ``settings.json``, with the settings of the pictures, and a folder of pictures for
each kind of prompt. Only missing pictures are painted. A folder whose pictures were painted with
other settings is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.common.files import write_whole
from bench.common.parallel import run_as_completed
from bench.prompts import Entry
from engine.models import Models, load_models
from engine.painting.images import to_pil, to_tensor
from engine.painting.pipeline import paint, prepare, recipe_of
from engine.painting.synthesis import Synthesis
from engine.pictures.reading import read_picture
from engine.pictures.writing import png_bytes
from engine.random_numbers import SCHEME
from engine.request.request import ImageRequest, make_request

Report = Callable[[str], None]


class GalleryError(Exception):
    """A folder of pictures that cannot be used; the message says why."""


@dataclass(frozen=True)
class Settings:
    """How pictures are painted."""

    model: str
    preset: str = "default"
    iterations: int | None = None
    device: str = "cpu"
    precision: str = "auto"

    def models(self) -> Models:
        """The generator and the perceptor, loaded once in each process."""
        return _models(self.model, self.device, self.precision)

    def request(self, entry: Entry) -> ImageRequest:
        """The request for an entry: its caption and its own seed."""
        return make_request(
            entry["caption"], seed=entry["seed"], preset=self.preset, iterations=self.iterations
        )

    def synthesis(self, entry: Entry) -> Synthesis:
        """The painting of an entry before its first step."""
        return prepare(self.request(entry), self.models())

    def fingerprint(self) -> dict[str, Any]:
        """Everything that the pictures depend on, as settings.json has it."""
        request = self.request({"caption": "a picture", "seed": 0})
        recipe = recipe_of(request, self.models())
        fingerprint: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "model": self.model,
                    "weights": weights_hash(self.model, self.device, self.precision),
                    "random": SCHEME,
                    "preset": self.preset,
                    **asdict(recipe),
                }
            )
        )
        return fingerprint


@functools.cache
def _models(name: str, device: str, precision: str) -> Models:
    return load_models(name, device=device, precision=precision)


@functools.cache
def weights_hash(name: str, device: str, precision: str) -> str:
    """A short hash of both networks' weights, since a retrained model keeps its name.

    Weights that were rounded to bf16 have another one.
    """
    digest = hashlib.sha256()
    models = _models(name, device, precision)
    for network in (models.generator, models.perceptor):
        for value in network.state_dict().values():
            data = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(data.numpy().tobytes())
    return digest.hexdigest()[:16]


def picture_file(folder: Path, kind: str, entry: Entry) -> Path:
    """The file of an entry's picture."""
    words = re.sub(r"[^a-z0-9]+", "-", entry["caption"].lower()).strip("-")
    return folder / kind / f"{entry['seed']:03d}-{words[:80]}.png"


def check_settings(folder: Path, settings: Settings) -> None:
    """Write the settings of a new folder, or compare them with those that are there.

    Raises GalleryError if they differ.
    """
    file, ours = folder / "settings.json", settings.fingerprint()
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(ours, indent=1) + "\n", encoding="utf-8")
        return
    theirs = json.loads(file.read_text("utf-8"))
    different = sorted(key for key in ours if ours[key] != theirs.get(key))
    if different:
        raise GalleryError(
            f"{folder} has pictures painted with other settings "
            f"({', '.join(different)}); choose another folder."
        )


def read_picture_file(file: Path) -> Tensor:
    """The picture of a file, [3, H, W] in 0..1."""
    image = read_picture(file.read_bytes())
    return to_tensor(image, image.width, image.height)[0]


def _paint_one(job: tuple[Entry, Settings, Path]) -> None:
    entry, settings, file = job
    torch.set_num_threads(1)
    *_, last = paint(settings.synthesis(entry))
    write_whole(file, png_bytes(last.to_pil()))


def print_progress(line: str) -> None:
    """Print a line on standard error; the figures go to standard output."""
    print(line, file=sys.stderr, flush=True)


def _progress(name: str, done: int, total: int, seconds: float) -> str:
    left = seconds / done * (total - done) / 60
    return (
        f"{name}: {done}/{total} painted, {seconds / done:.1f} s a picture, "
        f"about {left:.0f} min left"
    )


def paint_missing(
    entries: list[Entry],
    name: str,
    settings: Settings,
    files: list[Path],
    workers: int = 2,
    report: Report = print_progress,
) -> int:
    """Paint the entries whose files are missing; returns their number."""
    jobs = [
        (entry, settings, file)
        for entry, file in zip(entries, files, strict=True)
        if not file.is_file()
    ]
    if len(jobs) < len(entries):
        report(f"{name}: {len(entries) - len(jobs)} of {len(entries)} are already painted")
    for folder in {file.parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for done, _ in enumerate(_run(jobs, settings, workers), 1):
        report(_progress(name, done, len(jobs), time.monotonic() - started))
    return len(jobs)


def _run(
    jobs: list[tuple[Entry, Settings, Path]], settings: Settings, workers: int
) -> Iterator[None]:
    """Yield as each job is done. On a GPU, one picture after the other, in this process."""
    if not jobs:
        return
    if settings.device != "cpu" or workers < 2:
        for job in jobs:
            _paint_one(job)
            yield
        return
    settings.models()  # loaded before the fork, so that the workers share them
    yield from run_as_completed(_paint_one, jobs, workers)


@torch.no_grad()
def random_starts(entries: list[Entry], settings: Settings) -> Tensor:
    """The pictures [n, 3, H, W] in 0..1 that the paintings start from."""
    looks = [settings.synthesis(entry).look() for entry in entries]
    # Rounded to 8 bits, as the finished pictures are when they are judged.
    pictures = [to_pil(look.image) for look in looks]
    return torch.cat([to_tensor(each, each.width, each.height) for each in pictures])
