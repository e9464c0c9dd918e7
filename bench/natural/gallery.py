"""Paintings of held-out prompts, kept in a folder so that a stopped run goes on where it was.

The folder has ``settings.json``, what the pictures were painted with, and a folder of pictures for
each kind of prompt. A picture that is there is not painted again; a folder whose pictures were
painted otherwise is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models import Models, load_models
from engine.painting.images import png_bytes, read_picture, to_pil, to_tensor
from engine.painting.pipeline import paint, prepare, recipe_of
from engine.painting.synthesis import Synthesis
from engine.request.recipe import Recipe
from engine.request.request import ImageRequest, make_request

Entry = dict[str, Any]
Tell = Callable[[str], None]


class GalleryError(Exception):
    """A folder of pictures that cannot be used; its text says why."""


@dataclass(frozen=True)
class Settings:
    """What pictures are painted with. ``augmentation`` are fields to change in the recipe's."""

    model: str
    preset: str = "default"
    iterations: int | None = None
    device: str = "cpu"
    augmentation: tuple[tuple[str, float], ...] = ()

    def models(self) -> Models:
        """The generator and the perceptor, loaded once in each process."""
        return _models(self.model, self.device)

    def request(self, entry: Entry) -> ImageRequest:
        """What is asked for: the caption, with the entry's own seed."""
        return make_request(entry["caption"], seed=entry["seed"], preset=self.preset,
                            iterations=self.iterations)

    def changed(self, recipe: Recipe) -> Recipe:
        """``recipe`` with these settings' augmentation."""
        values: dict[str, Any] = dict(self.augmentation)
        return replace(recipe, augmentation=replace(recipe.augmentation, **values))

    def synthesis(self, entry: Entry) -> Synthesis:
        """The painting of the entry before its first step."""
        synthesis = prepare(self.request(entry), self.models())
        # Cutouts are drawn from the recipe at every step, and nothing else depends on these.
        synthesis.recipe = self.changed(synthesis.recipe)
        return synthesis

    def fingerprint(self) -> dict[str, Any]:
        """All that the pictures depend on, as settings.json keeps it."""
        request = self.request({"caption": "a picture", "seed": 0})
        recipe = self.changed(recipe_of(request, self.models()))
        told: dict[str, Any] = json.loads(json.dumps(
            {"model": self.model, "weights": _weights(self.model, self.device),
             "preset": self.preset, **asdict(recipe)}))
        return told


@functools.cache
def _models(name: str, device: str) -> Models:
    return load_models(name, device=device)


@functools.cache
def _weights(name: str, device: str) -> str:
    """A short hash of both networks' weights: a model that is trained again keeps its name."""
    digest = hashlib.sha256()
    models = _models(name, device)
    for network in (models.generator, models.perceptor):
        for value in network.state_dict().values():
            data = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(data.numpy().tobytes())
    return digest.hexdigest()[:16]


def kept_at(folder: Path, kind: str, entry: Entry) -> Path:
    """Where the picture of an entry is kept."""
    words = re.sub(r"[^a-z0-9]+", "-", entry["caption"].lower()).strip("-")
    return folder / kind / f"{entry['seed']:03d}-{words[:80]}.png"


def check_settings(folder: Path, settings: Settings) -> None:
    """Write down what is painted with, or raise GalleryError where it is not what is there."""
    file, ours = folder / "settings.json", settings.fingerprint()
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(ours, indent=1) + "\n", encoding="utf-8")
        return
    theirs = json.loads(file.read_text("utf-8"))
    different = sorted(key for key in ours if ours[key] != theirs.get(key))
    if different:
        raise GalleryError(f"{folder} has pictures painted with other settings "
                           f"({', '.join(different)}); choose another folder.")


def read_kept(file: Path) -> Tensor:
    """The picture [3, H, W] in 0..1 of a file."""
    image = read_picture(file.read_bytes())
    return to_tensor(image, image.width, image.height)[0]


def _paint_one(job: tuple[Entry, Settings, Path]) -> None:
    entry, settings, file = job
    torch.set_num_threads(1)
    *_, last = paint(settings.synthesis(entry))
    # In one step, so that a run that is stopped here leaves no half picture behind.
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(png_bytes(last.to_pil()))
    os.replace(temporary, file)


def tell_stderr(line: str) -> None:
    """Print a line of progress, apart from the figures."""
    print(line, file=sys.stderr, flush=True)


def _progress(name: str, done: int, total: int, seconds: float) -> str:
    left = seconds / done * (total - done) / 60
    return (f"{name}: {done}/{total} painted, {seconds / done:.1f} s a picture, "
            f"about {left:.0f} min left")


def paint_missing(entries: list[Entry], name: str, settings: Settings, files: list[Path],
                  workers: int = 2, tell: Tell = tell_stderr) -> int:
    """Paint the entries whose files are missing, side by side; returns how many those were."""
    jobs = [(entry, settings, file) for entry, file in zip(entries, files, strict=True)
            if not file.is_file()]
    if len(jobs) < len(entries):
        tell(f"{name}: {len(entries) - len(jobs)} of {len(entries)} are there already")
    for folder in {file.parent for file in files}:
        folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for done, _ in enumerate(_run(jobs, settings, workers), 1):
        tell(_progress(name, done, len(jobs), time.monotonic() - began))
    return len(jobs)


def _run(jobs: list[tuple[Entry, Settings, Path]], settings: Settings,
         workers: int) -> Iterator[None]:
    """Yield as each job is done. A graphics card has one painter, in this process."""
    if not jobs:
        return
    if settings.device != "cpu" or workers < 2:
        for job in jobs:
            _paint_one(job)
            yield
        return
    settings.models()  # the workers share what is loaded before they begin
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(_paint_one, job) for job in jobs]):
            yield future.result()


@torch.no_grad()
def random_starts(entries: list[Entry], settings: Settings) -> Tensor:
    """The pictures [n, 3, H, W] that the paintings begin with."""
    looks = [settings.synthesis(entry).look() for entry in entries]
    # Of 8 bits a channel, as the finished ones are when they are judged.
    pictures = [to_pil(look.image) for look in looks]
    return torch.cat([to_tensor(each, each.width, each.height) for each in pictures])
