"""Pictures with known looks to train on."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from engine.models.perceptors.looks import LIGHTS as LIGHT_NAMES
from engine.models.perceptors.looks import STYLES as STYLE_NAMES
from training.looks.brushes import Floats
from training.looks.lights import LIGHTS
from training.looks.styles import STYLES
from training.pictures.photographs import photograph
from training.pictures.pool import Bytes, Sources, random_squares

OTHER = STYLE_NAMES.index("other")
UNKNOWN = -100
"""The light of a picture that can't show it; training leaves it out."""
_WITHOUT_LIGHT = {"charcoal", "pencil", "woodcut", "blueprint", "neon", "stained glass"}
_AS_IT_IS, _IN_DAYLIGHT, _PAINTED, _REAL = 0.2, 0.4, 0.3, 0.5  # shares


def draw(sources: Sources, side: int, rng: np.random.Generator) -> tuple[Floats, int, int]:
    """A picture [side, side, 3] in 0..1, and the numbers of its style and of its light."""
    kind = rng.random()
    real = bool(sources.photographs) and kind < _REAL
    if real:
        bytes_ = photograph(sources.photographs, side, rng)
    elif sources.paintings and kind < _REAL + _PAINTED:
        bytes_ = photograph(sources.paintings, side, rng)
    else:
        bytes_ = sources.draw(side, rng)
    picture = np.broadcast_to(bytes_, (side, side, 3)).astype(np.float32) / 255
    light = "daylight" if rng.random() < _IN_DAYLIGHT else str(rng.choice(LIGHT_NAMES[1:]))
    picture = np.clip(LIGHTS[light](picture, rng), 0, 1).astype(np.float32)
    style = "photograph" if rng.random() < _AS_IT_IS else str(rng.choice(list(STYLES)))
    picture = np.clip(STYLES[style](picture, rng), 0, 1).astype(np.float32)
    number = STYLE_NAMES.index(style)
    if style == "photograph" and not real:
        number = OTHER
    dim = UNKNOWN if style in _WITHOUT_LIGHT else LIGHT_NAMES.index(light)
    return picture, number, dim


class LooksPool:
    """``count`` pictures of ``side`` px with their looks; the same for the same seed.

    ``workers`` processes draw them: one core takes 20 ms for each picture of 160 px.
    """

    def __init__(
        self, sources: Sources, count: int, side: int, seed: int, *, workers: int = 1
    ) -> None:
        pictures = np.empty((count, 3, side, side), dtype=np.uint8)
        looks = np.empty((count, 2), dtype=np.int64)
        seeds = np.random.SeedSequence(seed).spawn(count)
        for row, (picture, *both) in enumerate(_drawn(sources, side, seeds, workers)):
            pictures[row], looks[row] = picture, both
        self.pictures, self.looks = torch.from_numpy(pictures), torch.from_numpy(looks)

    def batch(self, count: int, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Random squares [count, 3, side, side] in 0..1, some mirrored, and looks [count, 2]."""
        rows = rng.choice(len(self.pictures), count, replace=False)
        return random_squares(self.pictures[rows], side, rng), self.looks[rows]


def _drawn(
    sources: Sources, side: int, seeds: Sequence[np.random.SeedSequence], workers: int
) -> Iterator[tuple[Bytes, int, int]]:
    """A picture [3, side, side] and the numbers of its looks for each of ``seeds``."""
    make = functools.partial(_bytes_of, sources, side)
    if workers == 1:
        yield from map(make, seeds)
        return
    # Forked ones share the sources. Several threads could hang there, as locks are copied, too.
    with multiprocessing.get_context("fork").Pool(workers, _begin, (make,)) as pool:
        yield from pool.imap(_made, seeds, chunksize=32)


def _bytes_of(sources: Sources, side: int, seed: np.random.SeedSequence) -> tuple[Bytes, int, int]:
    picture, style, light = draw(sources, side, np.random.default_rng(seed))
    return (picture * 255).round().astype(np.uint8).transpose(2, 0, 1), style, light


_Make = Callable[[np.random.SeedSequence], tuple[Bytes, int, int]]
_makes: list[_Make] = []


def _begin(make: _Make) -> None:
    torch.set_num_threads(1)
    _makes.append(make)


def _made(seed: np.random.SeedSequence) -> tuple[Bytes, int, int]:
    return _makes[0](seed)
