"""The judge of styles: a small network that recognises eleven styles.

It was trained on true pictures only: photographs, drawings and plain scenes, as they are or after a
filter that gives them a style (``bench.natural.filters``, ``training.world.styles``). A picture
without a filter counts as a photograph. The judge was frozen before anything was painted, and never
guides.

``python -m bench.natural.style_judge FOLDER --drawings DRAWINGS`` trains it again (15 minutes on
one core) and prints its accuracy on photographs that were left out of the training.
"""

from __future__ import annotations

import functools
import io
import json
import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
import typer
from PIL import Image
from torch import Tensor, nn

from bench.natural.filters import FILTERS, Array, to_array, to_image
from engine.pictures.reading import read_picture
from training.common.stage import save_atomically
from training.pictures.files import picture_files
from training.world.drawing import draw
from training.world.sampling import WHOLE, sample_scene
from training.world.styles import STYLES as DRAWN_STYLES
from training.world.things import Drawings

FILE = Path(__file__).parent / "style-judge.pt"
SIDE, SEED = 128, 20261128
STYLE_NAMES = (*FILTERS, "photo")
HELD_OUT = 4
"""Every fourth photograph, by name, is held out."""
_DRAWN_NAMES = {
    "charcoal": "charcoal",
    "pencil": "pencil sketch",
    "watercolour": "watercolour",
    "oil": "oil",
    "pixel art": "pixel art",
    "mosaic": "mosaic",
    "woodcut": "woodcut",
    "blueprint": "blueprint",
    "stained glass": "stained glass",
    "neon": "neon",
}
"""The names of the styles in ``training.world.styles``."""


def apply_style(
    array: Array, style: str, rng: np.random.Generator, *, drawn: bool = False
) -> Array:
    """A square picture [S, S, 3] in 0..1 after a style's filter.

    With ``drawn`` it is the filter of ``training.world.styles``, else that of
    ``bench.natural.filters``.
    """
    if style == "photo":
        return array
    if drawn:
        return to_array(DRAWN_STYLES[_DRAWN_NAMES[style]](to_image(array), rng))
    return FILTERS[style](array, rng)


def filtered(picture: Tensor, style: str, rng: np.random.Generator) -> Tensor:
    """A square picture [3, S, S] in 0..1 after a style's filter."""
    array = picture.permute(1, 2, 0).numpy()
    made = np.ascontiguousarray(apply_style(array, style, rng))
    return torch.from_numpy(made).permute(2, 0, 1).float()


class StyleJudge(nn.Module):
    """Reads the styles of pictures [n, 3, H, W] in 0..1."""

    def __init__(self, widths: tuple[int, ...] = (24, 48, 72, 96)) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        for before, after in zip((6, *widths), widths, strict=False):
            layers: list[nn.Module] = [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
            if after > widths[0]:
                layers += [
                    nn.Conv2d(after, after, 3, padding=1, bias=False),
                    nn.BatchNorm2d(after),
                    nn.ReLU(),
                ]
            self.stages.append(nn.Sequential(*layers))
        features = 2 * sum(widths)
        self.head = nn.Sequential(
            nn.BatchNorm1d(features),
            nn.Dropout(0.2),
            nn.Linear(features, 96),
            nn.ReLU(),
            nn.Linear(96, len(STYLE_NAMES)),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Log probabilities [n, styles]."""
        # Fine detail, such as strokes, grain and joints, tells most about the style.
        fine = pictures - F.avg_pool2d(pictures, 3, stride=1, padding=1, count_include_pad=False)
        maps = torch.cat([(pictures - 0.5) * 4, fine * 10], dim=1)
        features: list[Tensor] = []
        for stage in self.stages:
            maps = stage(maps)
            # The strength of a texture and its variation count, not its place.
            mean = maps.mean((2, 3))
            deviation = (maps.square().mean((2, 3)) - mean.square()).clamp(min=1e-4).sqrt()
            features += [mean, deviation]
        return F.log_softmax(self.head(torch.cat(features, dim=1)), dim=1)

    @torch.no_grad()
    def read(self, pictures: Tensor, batch: int = 32) -> Tensor:
        """Log probabilities [n, styles] of pictures of any size."""
        rows = [self(resized(part)) for part in pictures.split(batch)]
        return torch.cat(rows) if rows else torch.zeros(0, len(STYLE_NAMES))


def resized(pictures: Tensor) -> Tensor:
    """Pictures [n, 3, H, W] at the judge's size, [n, 3, 128, 128]."""
    if pictures.shape[-2:] == (SIDE, SIDE):
        return pictures
    return F.interpolate(pictures, (SIDE, SIDE), mode="bilinear", antialias=True)


@functools.cache
def load_style_judge() -> StyleJudge:
    """The judge with its weights: frozen, in evaluation mode."""
    judge = StyleJudge()
    state = torch.load(FILE, weights_only=True)
    judge.load_state_dict(
        {
            name: value.float() if value.is_floating_point() else value
            for name, value in state.items()
        }
    )
    return judge.eval().requires_grad_(False)


def random_crop(image: Image.Image, rng: np.random.Generator, side: int) -> Array:
    """A random square of a picture, often mirrored, with other brightness, contrast and tint."""
    short = min(image.size)
    length = int(short * rng.uniform(0.45, 1.0))
    left, top = (int(rng.integers(full - length + 1)) for full in image.size)
    part = image.crop((left, top, left + length, top + length)).resize((side, side))
    array = to_array(part)
    if rng.random() < 0.5:
        array = array[:, ::-1]
    tint = rng.normal(1, 0.06, 3).astype(np.float32)
    contrast, light = rng.uniform(0.75, 1.25), rng.uniform(-0.12, 0.12)
    changed: Array = (((array - 0.5) * contrast + 0.5 + light) * tint).clip(0, 1)
    return np.ascontiguousarray(changed.astype(np.float32))


def random_scene(rng: np.random.Generator, side: int, drawings: Drawings | None) -> Array:
    """A drawing without a style from the drawn model's world, [side, side, 3]."""
    mix = replace(WHOLE, styled=0.0, drawn=0.0 if drawings is None else 0.8)
    return to_array(draw(sample_scene(rng, mix), rng, side, drawings))


def _degrade(array: Array, rng: np.random.Generator) -> Array:
    """The picture at the judge's size, perhaps less sharp, noisy or as a JPEG; its style stays."""
    picture = torch.from_numpy(array).permute(2, 0, 1)[None]
    if rng.random() < 0.3:
        side = int(len(array) * rng.uniform(0.75, 1.0))
        picture = F.interpolate(picture, (side, side), mode="bilinear", antialias=True)
    small = resized(picture)[0].permute(1, 2, 0).numpy()
    small = small * rng.uniform(0.9, 1.1) + rng.uniform(-0.04, 0.04)
    small = small + rng.normal(0, 1, small.shape) * rng.uniform(0, 0.03) * (rng.random() < 0.3)
    if rng.random() < 0.3:
        file = io.BytesIO()
        to_image(small.astype(np.float32)).save(file, "JPEG", quality=int(rng.integers(40, 95)))
        small = to_array(Image.open(file))
    degraded: Array = small.clip(0, 1).astype(np.float32)
    return degraded


def make_picture(
    style: str,
    rng: np.random.Generator,
    photographs: list[Image.Image],
    drawings: Drawings | None,
    *,
    drawn: float = 0.35,
) -> Array:
    """One picture [128, 128, 3] to train on; a share ``drawn`` of them are drawings."""
    side = int(rng.integers(128, 257))
    if style != "photo" and rng.random() < drawn:
        array = random_scene(rng, side, drawings)
        # training.world's filters were made for drawings; on photographs some hardly show.
        made = apply_style(array, style, rng, drawn=bool(rng.random() < 0.5))
    else:
        array = random_crop(photographs[int(rng.integers(len(photographs)))], rng, side)
        made = apply_style(array, style, rng)
    return _degrade(made, rng)


def make_pictures(
    each: int,
    rng: np.random.Generator,
    photographs: list[Image.Image],
    drawings: Drawings | None,
    **values: Any,
) -> tuple[Tensor, Tensor]:
    """``each`` pictures of every style as bytes [n, 3, 128, 128], and the numbers of their styles.

    There are twice as many photographs, because no filter varies them.
    """
    found, numbers = [], []
    for number, style in enumerate(STYLE_NAMES):
        for _ in range(each * (1 + (style == "photo"))):
            array = make_picture(style, rng, photographs, drawings, **values)
            found.append(torch.from_numpy((array * 255).round().astype(np.uint8)))
            numbers.append(number)
    return torch.stack(found).permute(0, 3, 1, 2).contiguous(), torch.tensor(numbers)


def _augment(pictures: Tensor, rng: torch.Generator, side: int = 80) -> Tensor:
    """One random square of all pictures, perhaps flipped; each with its own brightness."""
    top, left = torch.randint(SIDE - side + 1, (2,), generator=rng).tolist()
    part = pictures[..., top : top + side, left : left + side]
    for axis in (2, 3):
        if torch.rand((), generator=rng) < 0.5:
            part = part.flip(axis)
    n = len(part)
    light = 1 + 0.08 * torch.randn(n, 3, 1, 1, generator=rng)
    return ((part - 0.5) * light + 0.5 + 0.03 * torch.randn(n, 1, 1, 1, generator=rng)).clamp(0, 1)


def fit(
    judge: StyleJudge, pictures: Tensor, styles: Tensor, minutes: float, batch: int = 48
) -> int:
    """Train for this many minutes; returns the number of steps."""
    judge.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(judge.parameters(), lr=2e-3, weight_decay=0.02)
    rng = torch.Generator().manual_seed(SEED)
    started, steps = time.monotonic(), 0
    judge.train()
    while (progress := (time.monotonic() - started) / 60 / minutes) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, (steps + 1) / 30) * (1 + math.cos(math.pi * progress)) / 2
        rows = torch.randint(len(pictures), (batch,), generator=rng)
        augmented = _augment(pictures[rows].float() / 255, rng)
        logs = judge(augmented.contiguous(memory_format=torch.channels_last))
        loss = F.nll_loss(logs, styles[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        steps += 1
    judge.eval()
    return steps


def accuracy(judge: StyleJudge, pictures: Tensor, styles: Tensor) -> dict[str, float]:
    """How often the judge is right, for all pictures and for each style."""
    right = judge.read(pictures.float() / 255).argmax(1) == styles
    found = {"all": round(right.float().mean().item(), 3)}
    return found | {
        name: round(right[styles == i].float().mean().item(), 3)
        for i, name in enumerate(STYLE_NAMES)
    }


def main(
    photographs: Annotated[Path, typer.Argument(help="a folder of photographs")],
    drawings: Annotated[Path | None, typer.Option(help="the folder of drawings")] = None,
    each: int = 360,
    minutes: float = 6.5,
) -> None:
    """Train the judge, write it next to this file, and test it."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    images = [read_picture(file.read_bytes()) for file in picture_files(photographs)]
    held = images[HELD_OUT - 1 :: HELD_OUT]
    shown = [image for i, image in enumerate(images) if i % HELD_OUT != HELD_OUT - 1]
    known = None if drawings is None else Drawings(drawings)
    pictures, styles = make_pictures(each, np.random.default_rng(SEED), shown, known)
    judge = StyleJudge()
    steps = fit(judge, pictures, styles, minutes)
    save_atomically(
        {
            name: value.half() if value.is_floating_point() else value
            for name, value in judge.state_dict().items()
        },
        FILE,
    )
    load_style_judge.cache_clear()
    tests = make_pictures(30, np.random.default_rng(SEED + 1), held, known, drawn=0.0)
    print(
        json.dumps(
            {
                "steps": steps,
                "parameters": sum(p.numel() for p in judge.parameters()),
                "photographs": len(shown),
                "held_out_photographs": len(held),
                "held_out": accuracy(load_style_judge(), *tests),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    typer.run(main)
