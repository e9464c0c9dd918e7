"""The pool of natural training pictures, made beforehand from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.pictures.dead_leaves import dead_leaves
from training.pictures.drawings import Drawing, load_drawings, paste_drawings
from training.pictures.noise import sky, texture
from training.pictures.photographs import load_photographs, photograph

Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class SourceWeights:
    """The weight of each kind of picture; a kind without sources counts as 0."""

    photographs: float = 0.48
    paintings: float = 0.2
    leaves: float = 0.17
    drawings: float = 0.2
    textures: float = 0.08
    skies: float = 0.07


_KINDS = tuple(each.name for each in fields(SourceWeights))


class Sources:
    """What the pool is made from. ``paintings`` are treated like photographs."""

    def __init__(
        self,
        photographs: Sequence[Bytes],
        drawings: Sequence[Drawing] = (),
        paintings: Sequence[Bytes] = (),
        weights: SourceWeights | None = None,
    ) -> None:
        self.photographs = photographs
        self.drawings = drawings
        self.paintings = paintings
        weights = weights or SourceWeights()
        sourced = {"photographs": photographs, "paintings": paintings, "drawings": drawings}
        wanted = np.array(
            [getattr(weights, kind) * bool(sourced.get(kind, True)) for kind in _KINDS]
        )
        self.shares = wanted / wanted.sum()

    @classmethod
    def load(
        cls,
        photographs: Sequence[Path],
        drawings: Sequence[Path] = (),
        paintings: Sequence[Path] = (),
        weights: SourceWeights | None = None,
    ) -> Sources:
        """The sources in these folders; only photographs are required."""
        return cls(
            load_photographs(photographs),
            load_drawings(drawings),
            load_photographs(paintings),
            weights,
        )

    def draw(self, side: int, rng: np.random.Generator) -> Bytes:
        """A picture of a random kind [side, side, 3]."""
        return self.draw_kind(side, rng)[1]

    def draw_kind(self, side: int, rng: np.random.Generator) -> tuple[str, Bytes]:
        """A picture of a random kind [side, side, 3], and the kind: its name in SourceWeights."""
        kind = int(rng.choice(len(self.shares), p=self.shares))
        return _KINDS[kind], self._of_kind(_KINDS[kind], side, rng)

    def _of_kind(self, kind: str, side: int, rng: np.random.Generator) -> Bytes:
        if kind == "photographs":
            return photograph(self.photographs, side, rng)
        if kind == "paintings":
            return photograph(self.paintings, side, rng)
        if kind == "leaves":
            return dead_leaves(side, lambda random: self._texture_source(side, random), rng)
        if kind == "drawings":
            return paste_drawings(
                self.drawings, side, lambda random: self._background(side, random), rng
            )
        return texture(side, rng) if kind == "textures" else sky(side, rng)

    def _texture_source(self, side: int, rng: np.random.Generator) -> Bytes:
        if self.photographs and rng.random() < 0.75:
            return photograph(self.photographs, side, rng)
        return texture(side, rng)

    def _background(self, side: int, rng: np.random.Generator) -> Bytes:
        kind = rng.random()
        if kind < 0.3:
            return np.full((side, side, 3), rng.integers(0, 256, 3), dtype=np.uint8)
        if kind < 0.6:
            return sky(side, rng)
        return self._texture_source(side, rng)


class PicturePool:
    """Pictures of ``side`` px as bytes, [count, 3, side, side]; the same for the same seed."""

    def __init__(self, sources: Sources, count: int, side: int, seed: int | Sequence[int]) -> None:
        pictures = np.empty((count, 3, side, side), dtype=np.uint8)
        # Each picture has its own seed, so changing one kind does not change the others.
        for row, child in enumerate(np.random.SeedSequence(seed).spawn(count)):
            picture = sources.draw(side, np.random.default_rng(child))
            pictures[row] = picture.transpose(2, 0, 1)
        self.pictures = torch.from_numpy(pictures)

    def batch(self, count: int, side: int, rng: np.random.Generator) -> Tensor:
        """Random squares, mirrored half of the time: [count, 3, side, side] in 0..1."""
        rows = rng.choice(len(self.pictures), count, replace=count > len(self.pictures))
        return random_squares(self.pictures[rows], side, rng)


def random_squares(pictures: Tensor, side: int, rng: np.random.Generator) -> Tensor:
    """A square of each picture [N, 3, S, S] of bytes, [N, 3, side, side] in 0..1.

    They are mirrored half of the time.
    """
    space = pictures.shape[-1] - side
    squares = []
    for picture in pictures:
        top, left = rng.integers(0, space + 1, 2)
        square = picture[:, top : top + side, left : left + side]
        squares.append(square.flip(-1) if rng.random() < 0.5 else square)
    return torch.stack(squares).float() / 255
