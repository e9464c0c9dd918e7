"""A judge that needs no packages."""

from __future__ import annotations

import torch

from bench.natural.judge import NaturalJudge


class UniformNetwork:
    """A network that gives all classes the same probability."""

    def __call__(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(pictures), 1000)


def uniform_judge() -> NaturalJudge:
    """A judge that sees each of the 1,000 classes in everything."""
    return NaturalJudge(UniformNetwork())
