"""Do the pictures match the words? ``python -m bench.fidelity --json``.

Every held-out prompt of ``--kind`` is painted with the default settings and its own fixed seed.
Without ``--kind``, those of the drawn model; then:

- ``judge_r1``: how often a judge, which never guided, puts the prompt first among 64 captions
  (shapes) or 100 (the others) with hard negatives; where there are two judges, the mean of both,
  each one's own in ``judges``; ``perceptor_r1``: the same by the perceptor that guided;
- ``random_r1``: the judges on decodes of random codes, ``true_r1``: on true drawings, null where
  a drawn thing is among them and no ``--drawings`` are given;
- ``colours``: by pixels, whether middle and rim have the colours that were asked for.

``--limit N`` paints the first N of each kind, ``--folder F`` keeps the pictures.

The kinds ``natural``, ``scenes`` and ``styles`` are for natural pictures (``bench.natural``), which
a classifier judges that never guided (``pip install -e ".[bench]"``). Of each there are:

- ``top1``, ``top5``: how often the prompt's class is the likeliest of 1,000, or among five;
- ``judge_r1``, ``perceptor_r1``: as above, among 100 captions; ``style_top1``: the style's judge;
- ``random_top1``, ``random_r1``: of the starts, before any step; ``true_top1``, ``true_top5``: of
  the photographs of known class in ``--photographs``, null without.

A picture takes about a minute of a core: with ``--folder``, those that are there are not painted
again, and ``--judge-only`` paints none.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import kornia.color
import numpy as np
import torch
import typer
from torch import Tensor

from bench.common.model_names import DRAWN, NATURAL
from bench.common.statistics import interval, interval_of, share
from bench.drawn.judge import load_judge, trained
from bench.drawn.shape_prompts import to_claim, to_scene
from bench.drawn.thing_prompts import KINDS
from bench.natural.gallery import GalleryError, Settings
from bench.natural.judge import MissingJudgeError
from bench.natural.measure import KINDS as NATURAL_KINDS
from bench.natural.measure import measure
from bench.prompts import FOLDER
from engine import EngineError, imagine
from engine.models import Models, load_models
from engine.models.codebook import embed_codes
from engine.painting.images import png_bytes
from training.words.encoding import encode_prompts
from training.world.drawing import draw_array
from training.world.scene import COLOURS
from training.world.things import Drawings, DrawingsError

JUDGES = {"shapes": ("shapes",)} | dict.fromkeys(KINDS, ("plain", "wide"))
"""By kind of prompt, who judges it."""
Job = tuple[str, int, Path | None, dict[str, Any]]


@functools.cache
def _models() -> Models:
    """Loaded once in each process, not for each picture."""
    return load_models(DRAWN, device="cpu")


def kept_at(folder: Path, caption: str, seed: int) -> Path:
    """Where ``--folder`` keeps the picture of a prompt."""
    return folder / f"{caption.replace(' ', '-')[:80]}-{seed}.png"


def _paint(job: Job) -> Tensor:
    caption, seed, folder, values = job
    torch.set_num_threads(1)
    *_, last = imagine(caption, seed=seed, models=_models(), **values)
    if folder is not None:
        kept_at(folder, caption, seed).write_bytes(png_bytes(last.to_pil()))
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


def _true(entries: list[dict[str, Any]], drawings: Drawings | None) -> Tensor | None:
    """The drawings [n, 3, H, W] that the prompts tell of."""
    rng = np.random.default_rng(2)
    try:
        drawn = [draw_array(to_scene(e["scene"]), rng, drawings=drawings) for e in entries]
    except DrawingsError:
        return None
    return torch.from_numpy(np.stack(drawn)).float() / 255


@torch.no_grad()
def judge_prompts(kind: str, entries: list[dict[str, Any]], pictures: Tensor,
                  drawings: Drawings | None) -> dict[str, Any]:
    """The figures of one kind of prompt."""
    models = _models()
    claims = [[to_claim(claim) for claim in e["claims"]] for e in entries]
    judges = {name: load_judge(name) for name in JUDGES[kind]}

    def judged(pictures: Tensor) -> dict[str, list[bool]]:
        return {name: (judge.scores(pictures, claims).argmax(dim=1) == 0).tolist()
                for name, judge in judges.items()}

    def mean(flags: dict[str, list[bool]]) -> float:
        return round(sum(map(share, flags.values())) / len(flags), 3)

    found = judged(pictures)
    perceptor = models.perceptor
    theirs = torch.stack([encode_prompts(perceptor, [e["caption"], *e["others"]])
                          for e in entries])
    side = perceptor.resolution
    small = torch.nn.functional.interpolate(pictures, (side, side), mode="area")
    height, width = (length // models.generator.factor for length in pictures.shape[-2:])
    codebook = models.generator.codebook
    assert codebook is not None
    codes = torch.randint(len(codebook), (len(entries), height * width),
                          generator=torch.Generator().manual_seed(1))
    random = models.generator.decode(embed_codes(codes, codebook, height, width)).clamp(0, 1)
    true = _true(entries, drawings)
    result = {"judge_r1": mean(found), "interval": interval_of(mean(found), len(entries)),
              "perceptor_r1": share(first_share(perceptor.encode_image(small), theirs)),
              "random_r1": mean(judged(random)),
              "true_r1": None if true is None else mean(judged(true)), "n": len(entries)}
    if len(judges) > 1:
        return result | {"judges": {name: share(flags) for name, flags in found.items()}}
    single = [len(e["scene"]["things"]) == 1 for e in entries]
    (right,) = found.values()
    return result | {
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


def drawn_kind(kind: str, entries: list[dict[str, Any]], pictures: Tensor,
               drawings: Drawings | None) -> dict[str, Any]:
    """The figures of one kind of the drawn model's prompts."""
    if kind == "colours":
        return judge_colours(entries, pictures)
    return judge_prompts(kind, entries, pictures, drawings)


def _refuse_untrained(kind: str, *, asked: bool) -> bool:
    """Whether the kind is left out because its judge is missing; refused if it was asked for."""
    missing = [name for name in JUDGES.get(kind, ()) if not trained(name)]
    if not missing:
        return False
    told = f"{kind}: no judge yet; python -m bench.drawn.judge {missing[0]} trains one"
    if asked:
        raise typer.BadParameter(told)
    typer.echo(f"left out {told}", err=True)
    return True


def main(limit: int | None = None, workers: int = 2, folder: Path | None = None,
         prompts: Annotated[Path, typer.Option(help="where shapes.json and the others are")]
         = FOLDER,
         kind: Annotated[list[str] | None, typer.Option(
             help=", ".join((*JUDGES, "colours", *NATURAL_KINDS)))] = None,
         drawings: Annotated[Path | None, typer.Option(help="the folder of drawings")] = None,
         iterations: int | None = None,
         model: Annotated[str, typer.Option(help="which model paints natural kinds")] = NATURAL,
         preset: Annotated[str, typer.Option(help="the preset of natural kinds")] = "default",
         device: Annotated[str, typer.Option(help="where natural kinds are painted")] = "cpu",
         judge_only: Annotated[bool, typer.Option(
             "--judge-only", help="judge the natural kinds' pictures in --folder")] = False,
         photographs: Annotated[Path | None, typer.Option(
             help="a folder of photographs of known class (bench.natural.photographs)")] = None,
         as_json: Annotated[bool, typer.Option("--json", help="print JSON alone")] = False) -> None:
    """Paint the held-out prompts and judge them."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    values = {} if iterations is None else {"iterations": iterations}
    known = None if drawings is None else Drawings(drawings)
    torch.set_num_threads(1)
    settings = Settings(model, preset, iterations, device)
    result: dict[str, Any] = {"kinds": {}}
    for each in kind or (*JUDGES, "colours"):
        if each in NATURAL_KINDS:
            try:
                result["kinds"][each] = measure(
                    each, settings, prompts=prompts, limit=limit, workers=workers, folder=folder,
                    judge_only=judge_only, photographs=photographs)
            except (MissingJudgeError, GalleryError, EngineError) as error:
                typer.echo(str(error), err=True)
                raise typer.Exit(1) from None
            continue
        if each not in (*JUDGES, "colours"):
            raise typer.BadParameter(f"there is no kind {each}")
        if _refuse_untrained(each, asked=bool(kind)):
            continue
        entries = json.loads((prompts / f"{each}.json").read_text())[:limit]
        found = drawn_kind(each, entries, paint_all(entries, workers, folder, **values), known)
        if each == "colours":
            result["colours"] = found
        else:
            result["kinds"][each] = found
    print(json.dumps(result) if as_json else json.dumps(result, indent=2))


if __name__ == "__main__":
    typer.run(main)
