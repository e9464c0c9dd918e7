"""Whether pictures of the drawn model match their prompts: by judges and by pixels."""

from __future__ import annotations

from typing import Any

import kornia.color
import numpy as np
import torch
from torch import Tensor

from bench.common.statistics import share, wilson_interval, wilson_interval_of_mean
from bench.drawn.judge import load_judge
from bench.drawn.painting import drawn_models
from bench.drawn.scene_json import claims_of, scene_from_json
from bench.drawn.thing_prompts import KINDS
from bench.prompts import Entry
from engine.models.codebook import embed_codes
from training.words.encoding import encode_prompts
from training.world.drawing import draw_array
from training.world.scene import COLOURS
from training.world.things import Drawings, DrawingsError

JUDGES = {"shapes": ("shapes",)} | dict.fromkeys(KINDS, ("plain", "wide"))
"""The judges of each kind of prompt."""


def kind_figures(
    kind: str, entries: list[Entry], pictures: Tensor, drawings: Drawings | None
) -> dict[str, Any]:
    """The figures of pictures [n, 3, H, W] of one kind of prompt."""
    if kind == "colours":
        return colour_figures(entries, pictures)
    return prompt_figures(kind, entries, pictures, drawings)


def first_is_nearest(pictures: Tensor, texts: Tensor) -> list[bool]:
    """For unit vectors [n, D] and [n, captions, D]: is caption 0 the nearest to its picture?"""
    scores = (texts @ pictures[:, :, None])[..., 0]
    return (scores.argmax(dim=1) == 0).tolist()


def _random_pictures(count: int, height: int, width: int) -> Tensor:
    """Decodes [count, 3, height, width] of random codes."""
    generator = drawn_models().generator
    codebook = generator.codebook
    assert codebook is not None
    rows, columns = height // generator.factor, width // generator.factor
    codes = torch.randint(
        len(codebook), (count, rows * columns), generator=torch.Generator().manual_seed(1)
    )
    return generator.decode(embed_codes(codes, codebook, rows, columns)).clamp(0, 1)


def _true_drawings(entries: list[Entry], drawings: Drawings | None) -> Tensor | None:
    """The scenes of the prompts, drawn: [n, 3, H, W]. None if drawings for them are missing."""
    rng = np.random.default_rng(2)
    try:
        drawn = [
            draw_array(scene_from_json(entry["scene"]), rng, drawings=drawings) for entry in entries
        ]
    except DrawingsError:
        return None
    return torch.from_numpy(np.stack(drawn)).float() / 255


def ranked_first(kind: str, entries: list[Entry], pictures: Tensor) -> dict[str, list[bool]]:
    """By judge, whether it puts the right caption first for each of the pictures [n, 3, H, W]."""
    claims = claims_of(entries)
    return {name: load_judge(name).ranks_first(pictures, claims) for name in JUDGES[kind]}


def mean_share(flags: dict[str, list[bool]]) -> float:
    """The mean of the judges' shares of True, rounded to three digits."""
    return round(sum(map(share, flags.values())) / len(flags), 3)


@torch.no_grad()
def prompt_figures(
    kind: str, entries: list[Entry], pictures: Tensor, drawings: Drawings | None
) -> dict[str, Any]:
    """How often judges and perceptor put the right caption first; see ``bench.fidelity``."""
    flags = ranked_first(kind, entries, pictures)
    perceptor = drawn_models().perceptor
    texts = torch.stack(
        [encode_prompts(perceptor, [entry["caption"], *entry["others"]]) for entry in entries]
    )
    side = perceptor.resolution
    small = torch.nn.functional.interpolate(pictures, (side, side), mode="area")
    random = _random_pictures(len(entries), *pictures.shape[-2:])
    true = _true_drawings(entries, drawings)
    result = {
        "judge_r1": mean_share(flags),
        "interval": wilson_interval_of_mean(mean_share(flags), len(entries)),
        "perceptor_r1": share(first_is_nearest(perceptor.encode_image(small), texts)),
        "random_r1": mean_share(ranked_first(kind, entries, random)),
        "true_r1": None if true is None else mean_share(ranked_first(kind, entries, true)),
        "n": len(entries),
    }
    if len(flags) > 1:
        return result | {"judges": {name: share(own) for name, own in flags.items()}}
    single = [len(entry["scene"]["things"]) == 1 for entry in entries]
    (right,) = flags.values()
    return result | {
        "single_r1": share([r for r, s in zip(right, single, strict=True) if s]),
        "pairs_r1": share([r for r, s in zip(right, single, strict=True) if not s]),
    }


def nearest_colour(pixels: Tensor) -> str:
    """The named colour nearest in CIELAB to the median of pixels [3, n] in 0..1."""
    median = pixels.median(dim=1).values
    names = list(COLOURS)
    swatches = torch.tensor([COLOURS[name] for name in names]).float() / 255
    colours = torch.cat([median[None], swatches]).T[None, :, :, None]
    lab = kornia.color.rgb_to_lab(colours)[0, :, :, 0].T
    return names[int((lab[1:] - lab[0]).norm(dim=1).argmin())]


def centre_and_border(picture: Tensor) -> tuple[str, str]:
    """The colours of [3, H, W] in its middle tenth and in a border of a twelfth of each side."""
    _, height, width = picture.shape
    centre = picture[
        :, round(height * 0.45) : round(height * 0.55), round(width * 0.45) : round(width * 0.55)
    ]
    border = torch.ones(height, width, dtype=torch.bool)
    border[height // 12 : -(height // 12), width // 12 : -(width // 12)] = False
    return nearest_colour(centre.reshape(3, -1)), nearest_colour(picture[:, border])


def colour_figures(entries: list[Entry], pictures: Tensor) -> dict[str, Any]:
    """How often centre and border both have the colours of the prompt."""
    found = [centre_and_border(picture) for picture in pictures]
    right = [
        pair == (entry["colour"], entry["ground"])
        for pair, entry in zip(found, entries, strict=True)
    ]
    return {
        "middle_and_rim": share(right),
        "interval": wilson_interval(right),
        "n": len(right),
        "wrong": [
            f"{entry['caption']}: {pair[0]} on {pair[1]}"
            for entry, pair, r in zip(entries, found, right, strict=True)
            if not r
        ],
    }
