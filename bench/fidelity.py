"""Do the pictures match their prompts? ``python -m bench.fidelity --json``.

Every held-out prompt of ``--kind`` is painted with the default settings and its own fixed seed.
Without ``--kind``, all kinds of the drawn model are. Their figures:

- ``judge_r1``: how often a judge, which never guided, puts the prompt first among 64 captions
  (shapes) or 100 (the others) with hard negatives. If there are two judges it is their mean, and
  ``judges`` has both; ``perceptor_r1``: the same by the perceptor that guided;
- ``random_r1``: the judges on decodes of random codes; ``true_r1``: on true drawings, null if
  these need ``--drawings`` and none were given;
- ``colours``: by pixels, whether the centre and the border have the colours of the prompt.

``--limit N`` paints the first N prompts of each kind, ``--folder F`` keeps the pictures.

The kinds ``natural``, ``scenes`` and ``styles`` are for natural pictures (``bench.natural``). Their
judge is a classifier that never guided (``pip install -e ".[bench]"``). Their figures:

- ``top1``, ``top5``: how often the prompt's class is the most likely of 1,000, or in the top five;
- ``judge_r1``, ``perceptor_r1``: as above, among 100 captions; ``style_top1``: how often the
  style's judge sees the right style;
- ``random_top1``, ``random_r1``: the same for the starts, before any step; ``true_top1``,
  ``true_top5``: for the photographs of known class in ``--photographs``, null without.

A natural picture takes about a minute on one core: ``--folder`` keeps pictures from one run to the
next, and ``--judge-only`` paints none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from bench.common.cli import AsJson, DrawingsFolder, exit_on, print_result, unknown_kind
from bench.common.model_names import NATURAL
from bench.drawn.figures import JUDGES, kind_figures
from bench.drawn.judge import is_trained
from bench.drawn.painting import paint_all
from bench.natural.gallery import GalleryError, Settings
from bench.natural.judge import MissingJudgeError
from bench.natural.measure import KINDS as NATURAL_KINDS
from bench.natural.measure import measure
from bench.prompts import FOLDER, read_entries
from engine import EngineError
from engine.models.precision import PRECISIONS
from training.world.things import Drawings

DRAWN_KINDS = (*JUDGES, "colours")


def _skip_without_judge(kind: str, *, required: bool) -> bool:
    """Whether to skip the kind because its judge is not trained; an error if it is required."""
    missing = [name for name in JUDGES.get(kind, ()) if not is_trained(name)]
    if not missing:
        return False
    message = f"{kind}: its judge is not trained; run python -m bench.drawn.judge {missing[0]}"
    if required:
        raise typer.BadParameter(message)
    typer.echo(f"skipped {message}", err=True)
    return True


def main(
    limit: int | None = None,
    workers: int = 2,
    folder: Path | None = None,
    prompts: Annotated[Path, typer.Option(help="the folder of the prompt files")] = FOLDER,
    kind: Annotated[
        list[str] | None, typer.Option(help=", ".join((*DRAWN_KINDS, *NATURAL_KINDS)))
    ] = None,
    drawings: DrawingsFolder = None,
    iterations: int | None = None,
    model: Annotated[str, typer.Option(help="the model that paints natural kinds")] = NATURAL,
    preset: Annotated[str, typer.Option(help="the preset of all kinds")] = "default",
    device: Annotated[str, typer.Option(help="the device of natural kinds")] = "cpu",
    precision: Annotated[str, typer.Option(help=", ".join(PRECISIONS))] = "auto",
    judge_only: Annotated[
        bool, typer.Option("--judge-only", help="judge the natural kinds' pictures in --folder")
    ] = False,
    photographs: Annotated[
        Path | None,
        typer.Option(help="a folder of photographs of known class (bench.natural.photographs)"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Paint the held-out prompts and judge them."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    known_drawings = None if drawings is None else Drawings(drawings)
    torch.set_num_threads(1)
    settings = Settings(model, preset, iterations, device, precision=precision)
    result: dict[str, Any] = {"kinds": {}}
    for each in kind or DRAWN_KINDS:
        if each in NATURAL_KINDS:
            with exit_on(MissingJudgeError, GalleryError, EngineError):
                result["kinds"][each] = measure(
                    each,
                    settings,
                    prompts=prompts,
                    limit=limit,
                    workers=workers,
                    folder=folder,
                    judge_only=judge_only,
                    photographs=photographs,
                )
            continue
        if each not in DRAWN_KINDS:
            raise unknown_kind(each, (*DRAWN_KINDS, *NATURAL_KINDS))
        if _skip_without_judge(each, required=bool(kind)):
            continue
        entries = read_entries(each, prompts, limit)
        pictures = paint_all(
            entries, workers, folder, precision, iterations=iterations, preset=preset
        )
        figures = kind_figures(each, entries, pictures, known_drawings)
        if each == "colours":
            result["colours"] = figures
        else:
            result["kinds"][each] = figures
    print_result(result, as_json)


if __name__ == "__main__":
    typer.run(main)
