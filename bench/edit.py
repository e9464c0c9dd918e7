"""Does an edit do what it says, and nothing else? ``python -m bench.edit --json``.

A hundred drawn pictures are edited with the default settings, each with its own fixed seed: the
colour of the thing, the thing, the background, or the style (``bench.drawn.edit_prompts``). All but
the style edits name in words what to edit, and CLIP makes the mask from them. The figures:

- ``matched``: how often the judge, which never guided, puts the target's caption first among 64,
  the source's caption among them; ``matched_unedited``: the same for the unedited sources;
  ``matched_true``: the same for true drawings of the targets;
- ``outside_mae_255``: the mean absolute difference from the source outside the true mask, in
  255ths, over the edits with a mask; ``outside_mae_255_raw``: the same before the original pixels
  are put back;
- ``mask_iou``: mean intersection over union of CLIP's mask and the true mask of the thing;
  ``mask_iou_paper``: the same for masks made as in the paper; ``mask_area_over_true``: the mean
  area that may change, with the room for another thing, divided by the thing's area.

The true mask is known because the picture was drawn. If the thing changes, the place of the new
thing counts as inside. ``--limit N`` makes the first N edits, the four kinds in turn; ``--folder
F`` keeps sources, results and masks.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from bench.common.cli import AsJson, print_result
from bench.common.statistics import share, wilson_interval
from bench.drawn.edits import EditResult, edit_all, scene_tensor
from bench.drawn.judge import load_judge
from bench.drawn.scene_json import claims_of, scene_from_json
from bench.prompts import FOLDER, Entry, read_entries


def matched(pictures: Iterable[Tensor], entries: list[Entry]) -> list[bool]:
    """For each picture [3, H, W]: does the judge put the target's caption first?"""
    return load_judge().ranks_first(torch.stack(list(pictures)), claims_of(entries))


def _true_target(entry: Entry, side: int) -> Tensor:
    """The target [3, side, side] in 0..1, drawn where the source's thing is."""
    return scene_tensor(scene_from_json(entry["target"]), entry["seed"], side)


def figures(entries: list[Entry], results: list[EditResult]) -> dict[str, Any]:
    """All figures of the edits; see the text of this module."""
    true = (
        _true_target(entry, result.before.shape[-1])
        for entry, result in zip(entries, results, strict=True)
    )

    def mean(figure: Callable[[EditResult], float | None]) -> float | None:
        values = [value for value in map(figure, results) if value is not None]
        return round(statistics.fmean(values), 3) if values else None

    return {
        "edits": len(results),
        "matched": share(matched((result.after for result in results), entries)),
        "matched_unedited": share(matched((result.before for result in results), entries)),
        "matched_true": share(matched(true, entries)),
        "outside_mae_255": mean(lambda result: result.mae),
        "outside_mae_255_raw": mean(lambda result: result.raw_mae),
        "mask_iou": mean(lambda result: result.iou),
        "mask_iou_paper": mean(lambda result: result.iou_paper),
        "mask_area_over_true": mean(lambda result: result.area),
    }


def by_kind(entries: list[Entry], results: list[EditResult]) -> dict[str, Any]:
    """How often each kind of edit matched, with Wilson's interval."""
    right = matched((result.after for result in results), entries)
    shares = {}
    for kind in dict.fromkeys(entry["kind"] for entry in entries):
        own = [r for r, entry in zip(right, entries, strict=True) if entry["kind"] == kind]
        shares[kind] = {"matched": share(own), "interval": wilson_interval(own)}
    return shares


def main(
    limit: int = 100,
    workers: int = 2,
    folder: Path | None = None,
    prompts: Annotated[Path, typer.Option(help="the folder of edits.json")] = FOLDER,
    iterations: int | None = None,
    threshold: float | None = None,
    keep: float | None = None,
    strength: float | None = None,
    as_json: AsJson = False,
) -> None:
    """Make the held-out edits and judge them."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    entries = read_entries("edits", prompts, limit)
    torch.set_num_threads(1)
    results = edit_all(
        entries,
        workers,
        folder,
        iterations=iterations,
        threshold=threshold,
        keep=keep,
        strength=strength,
    )
    found = figures(entries, results)
    if not as_json:
        found["kinds"] = by_kind(entries, results)
    print_result(found, as_json)


if __name__ == "__main__":
    typer.run(main)
