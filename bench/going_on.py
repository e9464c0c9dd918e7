"""What goes on from a picture, judged: ``python -m bench.going_on --kind things --json``.

Held-out prompts are painted, and each picture is then varied (subtle and strong), and painted at
twice the size in stages; next to that, it is enlarged by Lanczos alone. Figures of each way:

- of the drawn model's kinds ``judge_r1``: how often judges that never guided put the prompt first
  among 64 captions (shapes) or 100 (the others), mean of the kind's judges;
- of ``natural`` ``top1``, ``top5``: how often the prompt's class is the judge's first of 1,000, or
  in its top 5;
- ``distance``: the mean absolute difference to the picture it came from, of colours in 0..1, at the
  size of that picture.

``--folder F`` keeps the pictures, and reads those of earlier runs, also the parents of
``bench.fidelity --kind natural --folder F``. A prompt takes about half a minute on one core with
the drawn model, six minutes with the natural one.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from torch import Tensor

from bench.common.cli import AsJson, exit_on, print_result, unknown_kind
from bench.common.model_names import DRAWN, NATURAL
from bench.common.parallel import run_parallel
from bench.common.statistics import share
from bench.drawn.figures import JUDGES, mean_share, ranked_first
from bench.natural.figures import in_top
from bench.natural.gallery import Settings, picture_file
from bench.natural.judge import MissingJudgeError, load_judge
from bench.prompts import Entry, read_entries
from engine import EngineError, imagine
from engine.painting.images import to_tensor
from engine.pictures.writing import png_bytes
from engine.request.request import ImageRequest
from engine.request.variation import STRONG, SUBTLE

LARGER = 2
WAYS: dict[str, dict[str, Any]] = {
    "parent": {},
    "subtle": {"vary": SUBTLE},
    "strong": {"vary": STRONG},
    "grown": {"grow": 1.5, "strength": 0.5},
    "lanczos": {},
}
"""The ways, and what their requests set; "lanczos" has none."""

_Job = tuple[str, Entry, Settings, Path]


def file_of(folder: Path, kind: str, entry: Entry, way: str) -> Path:
    """The file of an entry's picture."""
    parent = picture_file(folder, kind, entry)
    return parent if way == "parent" else parent.with_stem(f"{parent.stem}-{way}")


def _paint(job: _Job) -> None:
    kind, entry, settings, folder = job
    torch.set_num_threads(1)
    request = settings.request(entry)
    parent = file_of(folder, kind, entry, "parent")
    parent.parent.mkdir(parents=True, exist_ok=True)
    if not parent.is_file():
        _write(parent, request, settings)
    data = parent.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    with Image.open(parent) as image:
        size = image.width * LARGER, image.height * LARGER
        enlarged = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    file_of(folder, kind, entry, "lanczos").write_bytes(png_bytes(enlarged))
    for way in ("subtle", "strong", "grown"):
        file = file_of(folder, kind, entry, way)
        if not file.is_file():
            fields = {"init_image": sha256, **WAYS[way]}
            if way == "grown":
                fields |= {"width": size[0], "height": size[1]}
            _write(file, request.changed(**fields), settings, {sha256: data})


def _write(
    file: Path, request: ImageRequest, settings: Settings, pictures: dict[str, bytes] | None = None
) -> None:
    *_, last = imagine(request, pictures=pictures, models=settings.models())
    file.write_bytes(png_bytes(last.full_size()))


def read(file: Path) -> Tensor:
    """A picture's file as [3, H, W] in 0..1."""
    with Image.open(file) as image:
        return to_tensor(image.convert("RGB"), *image.size)[0]


def judged(kind: str, entries: list[Entry], pictures: list[Tensor]) -> dict[str, float]:
    """What the judges of ``kind`` say of the entries' pictures, each [3, H, W]."""
    if kind == "natural":
        judge, true = load_judge(), [entry["classes"][0] for entry in entries]
        classes = torch.cat([judge.read(each[None]) for each in pictures])
        return {f"top{k}": share(in_top(classes, true, k)) for k in (1, 5)}
    return {"judge_r1": mean_share(ranked_first(kind, entries, torch.stack(pictures)))}


@torch.no_grad()
def figures(kind: str, entries: list[Entry], folder: Path) -> dict[str, dict[str, float]]:
    """The figures of each way."""
    parents = [read(file_of(folder, kind, entry, "parent")) for entry in entries]
    found = {}
    for way in WAYS:
        pictures = [read(file_of(folder, kind, entry, way)) for entry in entries]
        found[way] = judged(kind, entries, pictures)
        found[way]["distance"] = round(
            sum(map(distance, pictures, parents)) / max(1, len(entries)), 4
        )
    return found


def distance(picture: Tensor, parent: Tensor) -> float:
    """The mean absolute difference of two pictures [3, H, W], at the size of ``parent``."""
    if picture.shape != parent.shape:
        picture = torch.nn.functional.interpolate(
            picture[None], parent.shape[-2:], mode="bicubic", antialias=True
        )[0].clamp(0, 1)
    return float((picture - parent).abs().mean())


def main(
    kind: Annotated[str, typer.Option(help=", ".join((*JUDGES, "natural")))] = "things",
    limit: int = 30,
    workers: int = 2,
    folder: Path | None = None,
    iterations: int | None = None,
    as_json: AsJson = False,
) -> None:
    """Paint the prompts and what goes on from them, and judge them."""
    if kind not in (*JUDGES, "natural"):
        raise unknown_kind(kind, (*JUDGES, "natural"))
    settings = Settings(NATURAL if kind == "natural" else DRAWN, "default", iterations, "cpu")
    entries = read_entries(kind, limit=limit)
    with tempfile.TemporaryDirectory() as temporary, exit_on(MissingJudgeError, EngineError):
        if kind == "natural":
            load_judge()
        gallery = folder or Path(temporary)
        run_parallel(_paint, [(kind, entry, settings, gallery) for entry in entries], workers)
        print_result({"kind": kind, "n": len(entries), **figures(kind, entries, gallery)}, as_json)


if __name__ == "__main__":
    typer.run(main)
