"""Does an edit do what it says, and nothing else? ``python -m bench.edit --json``.

A hundred drawn pictures are edited with the default settings, each with its own fixed seed: the
colour of the thing, the thing, the background, or the style (``bench.drawn.edit_prompts``). All but
style are told where by words, so that CLIP makes the mask itself. Then:

- ``matched``: how often the judge, which never guided, puts the target's caption first among 64,
  the source's caption among them; ``matched_unedited``: the same of the sources as they were,
  ``matched_true``: of true drawings of the targets;
- ``outside_mae_255``: the mean absolute difference from the source outside the true mask, in
  255ths, over the edits with a mask; ``outside_mae_255_raw``: the same before the original pixels
  are put back;
- ``mask_iou``: intersection over union of what CLIP found and the true mask where the thing was
  to be found, ``mask_iou_paper``: the same as the paper has it, and
  ``mask_area_over_true``: the area of what may change, room for another thing included, over the
  true one's, all means.

The true mask is where the thing is, known because it was drawn; for what may change, where the
target's thing is, drawn at the same place, belongs to it too. ``--limit N`` edits the first N,
the four kinds by turns; ``--folder F`` keeps sources, results and masks.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from PIL import Image
from torch import Tensor

from bench.common.model_names import DRAWN
from bench.common.statistics import interval
from bench.drawn.judge import load_judge
from bench.drawn.shape_prompts import to_claim, to_scene
from bench.prompts import FOLDER
from engine.models import Models, load_models
from engine.painting.images import png_bytes, to_pil, to_tensor
from engine.painting.masking import self_mask
from engine.painting.pipeline import paint, prepare
from engine.painting.synthesis import Synthesis
from engine.request.recipe import PAPER_THRESHOLD, make_recipe
from engine.request.request import make_request
from training.world.drawing import draw
from training.world.scene import Scene


@dataclass(frozen=True)
class Edited:
    """One edit. Pictures are [3, H, W] in 0..1; the rest are the figures above, None without."""

    before: Tensor
    after: Tensor
    mae: float | None = None
    raw_mae: float | None = None
    iou: float | None = None
    iou_paper: float | None = None
    area: float | None = None


@functools.cache
def _models() -> Models:
    """Loaded once in each process, not for each edit."""
    return load_models(DRAWN, device="cpu")


def drawn(scene: Scene, seed: int, side: int) -> Image.Image:
    """The scene as a picture; the same seed puts its thing at the same place."""
    return draw(scene, np.random.default_rng(seed), side)


def drawing(scene: Scene, seed: int, side: int) -> Tensor:
    """The same as a tensor [3, side, side] in 0..1."""
    return to_tensor(drawn(scene, seed, side), side, side)[0]


def begin(source: Scene, prompt: str, where: str | None, seed: int, **values: Any) -> Synthesis:
    """The edit of ``source``'s picture, about to be made; ``values`` are the request's."""
    models = _models()
    data = png_bytes(drawn(source, seed, make_recipe("default", models.defaults).width))
    name = hashlib.sha256(data).hexdigest()
    request = make_request(prompt, init_image=name, where=where, seed=seed, **values)
    return prepare(request, models, {name: data})


def thing_mask(scene: Scene, seed: int, side: int) -> Tensor:
    """Where the scene's thing is, [side, side] of booleans: what covers half a pixel or more.

    The thing is drawn black and white; nothing else differs between the two.
    """
    black, white = (
        np.asarray(drawn(replace(scene, style=None, things=(
            replace(scene.things[0], colour=colour), *scene.things[1:])), seed, side), dtype=int)
        for colour in ("black", "white"))
    change = (white - black).max(axis=2)
    return torch.from_numpy(change >= change.max() / 2)


def overlap(mask: Tensor, true: Tensor) -> float:
    """Intersection over union of two masks of booleans."""
    return float((mask & true).sum() / (mask | true).sum())


def outside_mae(after: Tensor, before: Tensor, mask: Tensor) -> float:
    """The mean absolute difference of [3, H, W] in 0..1 outside ``mask`` [H, W], in 255ths."""
    return float((after - before).abs()[:, ~mask].mean() * 255)


def _edit(job: tuple[dict[str, Any], Path | None, dict[str, Any]]) -> Edited:
    entry, folder, values = job
    torch.set_num_threads(1)
    seed = entry["seed"]
    source, target = to_scene(entry["source"]), to_scene(entry["target"])
    synthesis = begin(source, entry["prompt"], entry["where"], seed, **values)
    side = synthesis.recipe.width
    *_, last = paint(synthesis)
    assert synthesis.original is not None
    before = synthesis.original[0]
    if folder is not None:
        for what, picture in (("before", to_pil(before)), ("after", last.to_pil()),
                              ("mask", synthesis.overlay())):
            if picture is not None:
                picture.save(folder / f"{seed:03d}-{entry['kind']}-{what}.png")
    if synthesis.mask is None:
        return Edited(before, last.image)
    there = thing_mask(source, seed, side)
    changing = ~there if entry["kind"] == "background" else there | thing_mask(target, seed, side)
    edited = Edited(before, last.image, outside_mae(last.image, before, changing),
                    outside_mae(synthesis.look(raw=True).image, before, changing))
    if entry["kind"] == "background":  # its mask is nearly the whole picture, whatever is done
        return edited
    ours = replace(synthesis.recipe.masking, room=None)
    paper = replace(ours, threshold=PAPER_THRESHOLD, refine=0.0, neutral=())
    found, papers = (self_mask(before[None], entry["where"], synthesis.perceptor, each)[0, 0] > 0
                     for each in (ours, paper))
    return replace(edited, iou=overlap(found, there), iou_paper=overlap(papers, there),
                   area=float(synthesis.mask.hard.sum() / there.sum()))


def edit_all(entries: list[dict[str, Any]], workers: int, folder: Path | None,
             **values: Any) -> list[Edited]:
    """All edits, made side by side; ``values`` are the request's, None for its default."""
    jobs = [(entry, folder, {name: value for name, value in values.items()
                             if name != "threshold" or entry["where"] is not None})
            for entry in entries]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        return list(pool.map(_edit, jobs))


def judged(pictures: Iterable[Tensor], entries: list[dict[str, Any]]) -> list[bool]:
    """Whether the judge puts the target's caption first, picture by picture."""
    claims = [[to_claim(claim) for claim in entry["claims"]] for entry in entries]
    scores = load_judge().scores(torch.stack(list(pictures)), claims)
    return (scores.argmax(dim=1) == 0).tolist()


def _true(entry: dict[str, Any], side: int) -> Tensor:
    """The target [3, side, side] in 0..1, drawn where the source's thing is."""
    return drawing(to_scene(entry["target"]), entry["seed"], side)


def figures(entries: list[dict[str, Any]], done: list[Edited]) -> dict[str, Any]:
    """What the bench prints."""
    right = judged((each.after for each in done), entries)
    unedited = judged((each.before for each in done), entries)
    true = judged((_true(entry, each.before.shape[-1])
                   for entry, each in zip(entries, done, strict=True)), entries)

    def mean(read: Callable[[Edited], float | None], places: int = 3) -> float | None:
        values = [value for value in map(read, done) if value is not None]
        return round(statistics.fmean(values), places) if values else None

    return {"edits": len(done), "matched": round(sum(right) / len(right), 3),
            "matched_unedited": round(sum(unedited) / len(unedited), 3),
            "matched_true": round(sum(true) / len(true), 3),
            "outside_mae_255": mean(lambda each: each.mae),
            "outside_mae_255_raw": mean(lambda each: each.raw_mae),
            "mask_iou": mean(lambda each: each.iou),
            "mask_iou_paper": mean(lambda each: each.iou_paper),
            "mask_area_over_true": mean(lambda each: each.area)}


def by_kind(entries: list[dict[str, Any]], done: list[Edited]) -> dict[str, Any]:
    """How often each kind of edit matched, with Wilson's interval."""
    right = judged((each.after for each in done), entries)
    kinds = dict.fromkeys(entry["kind"] for entry in entries)
    shares = {}
    for kind in kinds:
        own = [r for r, entry in zip(right, entries, strict=True) if entry["kind"] == kind]
        shares[kind] = {"matched": round(sum(own) / len(own), 3), "interval": interval(own)}
    return shares


def main(limit: int = 100, workers: int = 2, folder: Path | None = None,
         prompts: Annotated[Path, typer.Option(help="where edits.json lies")] = FOLDER,
         iterations: int | None = None, threshold: float | None = None,
         keep: float | None = None, strength: float | None = None,
         as_json: Annotated[bool, typer.Option("--json", help="print JSON alone")] = False) -> None:
    """Edit the held-out pictures and judge them."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    entries = json.loads((prompts / "edits.json").read_text())[:limit]
    torch.set_num_threads(1)
    done = edit_all(entries, workers, folder, iterations=iterations, threshold=threshold,
                    keep=keep, strength=strength)
    result = figures(entries, done)
    if as_json:
        print(json.dumps(result))
    else:
        print(json.dumps({**result, "kinds": by_kind(entries, done)}, indent=2))


if __name__ == "__main__":
    typer.run(main)
