"""Do the pictures match the words? ``python -m bench.fidelity --json``.

Every held-out prompt is painted with the default settings and its own fixed seed, then:

- ``judge_r1``: how often the judge, which never guided, puts the prompt first among 64
  captions with hard negatives; ``perceptor_r1``: the same by the perceptor that guided;
- ``random_r1``: the judge on decodes of random codes, ``true_r1``: on true drawings;
- ``colours``: by pixels, whether middle and rim have the colours that were asked for.

``--limit N`` paints the first N of each kind, ``--folder F`` keeps the pictures.
"""

from __future__ import annotations

import functools
import json
import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import kornia.color
import numpy as np
import torch
import typer
from torch import Tensor

from bench.held_out import FOLDER, to_claim, to_scene
from bench.judge import load_judge
from engine import imagine
from engine.models import Models, load_models
from engine.pictures import png_bytes
from engine.training.drawing import draw_array
from engine.training.scene import COLOURS

Job = tuple[str, int, Path | None, dict[str, Any]]


@functools.cache
def _models() -> Models:
    """Loaded once in each process, not for each picture."""
    return load_models("embedded", device="cpu")


def _paint(job: Job) -> Tensor:
    caption, seed, folder, values = job
    torch.set_num_threads(1)
    *_, last = imagine(caption, seed=seed, models=_models(), **values)
    if folder is not None:
        name = f"{caption.replace(' ', '-')[:80]}-{seed}.png"
        (folder / name).write_bytes(png_bytes(last.to_pil()))
    return last.image


def paint_all(entries: list[dict[str, Any]], workers: int, folder: Path | None,
              **values: Any) -> Tensor:
    """The finished pictures [n, 3, H, W] of all captions, painted side by side."""
    jobs: list[Job] = [(entry["caption"], entry["seed"], folder, values) for entry in entries]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return torch.stack(list(pool.map(_paint, jobs)))


def first_share(pictures: Tensor, texts: Tensor) -> list[bool]:
    """For unit vectors [n, D] and [n, 64, D] whose row 0 is right: is row 0 the nearest?"""
    scores = (texts @ pictures[:, :, None])[..., 0]
    return (scores.argmax(dim=1) == 0).tolist()


def interval(right: list[bool]) -> tuple[float, float]:
    """Wilson's 95% interval of a share (Wilson 1927)."""
    n, z = len(right), 1.96
    p = sum(right) / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return round(middle - half, 3), round(middle + half, 3)


@torch.no_grad()
def judge_shapes(entries: list[dict[str, Any]], pictures: Tensor) -> dict[str, Any]:
    """The figures of one kind of prompt."""
    judge, models = load_judge(), _models()
    claims = [[to_claim(claim) for claim in e["claims"]] for e in entries]

    def judged(pictures: Tensor) -> list[bool]:
        return (judge.scores(pictures, claims).argmax(dim=1) == 0).tolist()

    right = judged(pictures)
    perceptor = models.perceptor
    theirs = torch.stack([perceptor.encode_text([e["caption"], *e["others"]]) for e in entries])
    side = perceptor.resolution
    small = torch.nn.functional.interpolate(pictures, (side, side), mode="area")
    codes = torch.randint(len(models.generator.codebook), (len(entries), 64),
                          generator=torch.Generator().manual_seed(1))
    random = models.generator.decode(models.generator.embed(codes, 8, 8)).clamp(0, 1)
    rng = np.random.default_rng(2)
    true = torch.stack([torch.from_numpy(draw_array(to_scene(e["scene"]), rng))
                        for e in entries]).float() / 255
    single = [len(e["scene"]["things"]) == 1 for e in entries]

    def share(flags: list[bool]) -> float:
        return round(sum(flags) / max(1, len(flags)), 3)

    return {"judge_r1": share(right), "interval": interval(right),
            "perceptor_r1": share(first_share(perceptor.encode_image(small), theirs)),
            "random_r1": share(judged(random)),
            "true_r1": share(judged(true)), "n": len(entries),
            "single_r1": share([r for r, s in zip(right, single, strict=True) if s]),
            "pairs_r1": share([r for r, s in zip(right, single, strict=True) if not s])}


def nearest_colour(pixels: Tensor) -> str:
    """The named colour nearest in CIELAB to the median of pixels [3, n] in 0..1."""
    median = pixels.median(dim=1).values
    names = list(COLOURS)
    swatches = torch.tensor([COLOURS[name] for name in names]).float() / 255
    every = torch.cat([median[None], swatches]).T[None, :, :, None]
    lab = kornia.color.rgb_to_lab(every)[0, :, :, 0].T
    return names[int((lab[1:] - lab[0]).norm(dim=1).argmin())]


def middle_and_rim(picture: Tensor) -> tuple[str, str]:
    """The colours' names in the middle tenth and on the outermost eighth of [3, H, W]."""
    _, height, width = picture.shape
    middle = picture[:, round(height * 0.45): round(height * 0.55),
                     round(width * 0.45): round(width * 0.55)]
    edge = torch.ones(height, width, dtype=torch.bool)
    edge[height // 12: -(height // 12), width // 12: -(width // 12)] = False
    return nearest_colour(middle.reshape(3, -1)), nearest_colour(picture[:, edge])


def judge_colours(entries: list[dict[str, Any]], pictures: Tensor) -> dict[str, Any]:
    """The share of pictures with the right colour in the middle and on the rim."""
    found = [middle_and_rim(picture) for picture in pictures]
    right = [pair == (e["colour"], e["ground"]) for pair, e in zip(found, entries, strict=True)]
    return {"middle_and_rim": round(sum(right) / len(right), 3), "interval": interval(right),
            "n": len(right),
            "wrong": [f"{e['caption']}: {pair[0]} on {pair[1]}"
                      for e, pair, r in zip(entries, found, right, strict=True) if not r]}


def main(limit: int = 100, workers: int = 2, folder: Path | None = None,
         prompts: Annotated[Path, typer.Option(help="where shapes.json and colours.json lie")]
         = FOLDER, iterations: int | None = None,
         as_json: Annotated[bool, typer.Option("--json", help="print JSON alone")] = False) -> None:
    """Paint the held-out prompts and judge them."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    shapes = json.loads((prompts / "shapes.json").read_text())[:limit]
    colours = json.loads((prompts / "colours.json").read_text())[:limit]
    values = {} if iterations is None else {"iterations": iterations}
    torch.set_num_threads(1)
    figures = judge_shapes(shapes, paint_all(shapes, workers, folder, **values))
    result = {"kinds": {"shapes": figures},
              "colours": judge_colours(colours, paint_all(colours, workers, folder, **values))}
    print(json.dumps(result) if as_json else json.dumps(result, indent=2))


if __name__ == "__main__":
    typer.run(main)
