"""Does a picture become what it is nudged to? ``python -m bench.steering --json``.

The drawn model paints one colour of a thing, and halfway the words name another. The judge, which
never guided, looks at the finished pictures:

- ``blue``: of ``--seeds`` seeds of "a red circle", how many end blue, after "a blue circle";
- ``colour``: of the first ``--pairs`` held-out edits of a colour (``bench.drawn.edit_prompts``),
  how many end in the target's colour;
- ``matched``: for how many of these it puts the target's caption first among 64, the source's
  caption among them.

Each share has Wilson's 95% interval. ``--at`` is the share of the iterations that are painted with
the first words.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from bench.common.cli import AsJson, print_result
from bench.common.parallel import run_parallel
from bench.common.statistics import share, wilson_interval
from bench.drawn.judge import Judge, load_judge
from bench.drawn.painting import drawn_models
from bench.drawn.scene_json import claims_of, scene_from_json
from bench.prompts import Entry, read_entries
from engine.painting.pipeline import paint, prepare
from engine.painting.steering_plan import steer
from engine.request.request import make_request
from training.world.captions import article
from training.world.scene import Scene

RED, BLUE = "a red circle", "a blue circle"


def words_of(scene: Scene) -> str:
    """A caption of a scene of one thing on a plain background."""
    thing, ground = scene.things[0], scene.ground.colour
    return f"{article(f'{thing.colour} {thing.shape}')} on {article(ground)} background"


def nudged(job: tuple[str, str, int, float, int | None]) -> Tensor:
    """The finished picture [3, H, W] in 0..1 of a job: words, later words, seed, when, iterations.

    It is steered while it is painted, as people do it.
    """
    before, after, seed, share_before, iterations = job
    torch.set_num_threads(1)
    request = make_request(before, model="drawn", seed=seed, iterations=iterations)
    painting = prepare(request, drawn_models())
    at = round(share_before * painting.recipe.iterations)
    for iterate in paint(painting):
        if iterate.iteration + 1 == at:
            steer(painting, request.steered(at, {"paint": after}), {})
    return iterate.image


def colours(judge: Judge, pictures: Tensor) -> list[str | int | None]:
    """The colour of the thing in each picture [n, 3, H, W], as the judge sees it."""
    answers = judge.answers["first colour"]
    return [answers[i] for i in judge(pictures)["first colour"].argmax(dim=1).tolist()]


def figures(
    seeds: int, pairs: int, workers: int, at: float = 0.5, iterations: int | None = None
) -> dict[str, Any]:
    """All figures; see the text of this module."""
    entries: list[Entry] = [entry for entry in read_entries("edits") if entry["kind"] == "colour"][
        :pairs
    ]
    jobs = [(RED, BLUE, seed, at, iterations) for seed in range(seeds)]
    targets = [scene_from_json(entry["target"]) for entry in entries]
    jobs += [
        (
            words_of(scene_from_json(entry["source"])),
            words_of(target),
            entry["seed"],
            at,
            iterations,
        )
        for entry, target in zip(entries, targets, strict=True)
    ]
    pictures, judge = torch.stack(run_parallel(nudged, jobs, workers)), load_judge()
    seen = colours(judge, pictures)
    found = {
        "blue": [colour == "blue" for colour in seen[:seeds]],
        "colour": [
            colour == target.things[0].colour
            for colour, target in zip(seen[seeds:], targets, strict=True)
        ],
        "matched": judge.ranks_first(pictures[seeds:], claims_of(entries)) if entries else [],
    }
    return {
        "paintings": len(jobs),
        "at": at,
        **{name: share(flags) for name, flags in found.items()},
        "intervals": {name: wilson_interval(flags) for name, flags in found.items() if flags},
    }


def main(
    seeds: int = 12,
    pairs: int = 12,
    workers: int = 2,
    at: Annotated[float, typer.Option(help="0 to 1")] = 0.5,
    iterations: int | None = None,
    as_json: AsJson = False,
) -> None:
    """Steer pictures of the drawn model, and judge them."""
    print_result(figures(seeds, pairs, workers, at, iterations), as_json)


if __name__ == "__main__":
    typer.run(main)
