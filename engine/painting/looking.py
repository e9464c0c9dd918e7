"""Looking at the cutouts of pictures in parts, each of which frees its memory before the next.

A part is one perceptor of an ensemble, or a few of the cutouts, or both. The gradients of all parts
are added up at the pictures; so the memory is that of the largest part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from engine.models import Perceptor
from engine.painting.cutouts import Cutouts, cut_each
from engine.painting.targets import Term


@dataclass(frozen=True)
class SharedCutouts:
    """What perceptors of one resolution see: they share their cutouts.

    ``cutouts`` are those of each picture, ``side`` pixels wide; ``perceptors`` have their places in
    the ensemble.
    """

    side: int
    cutouts: Sequence[Cutouts]
    perceptors: Sequence[tuple[int, Perceptor]]


def look_in_parts(
    pictures: Tensor,
    shared: Sequence[SharedCutouts],
    terms: Sequence[Sequence[Sequence[Term]]],
    passes: int = 1,
) -> tuple[list[list[Tensor]], Tensor]:
    """The terms over all cutouts of ``pictures`` [B, 3, H, W], in ``passes``.

    ``terms`` are those of each picture, by perceptor. Returns each picture's values, which are sums
    over the perceptors, and the gradient of the sum of all [B, 3, H, W]. Except for rounding, both
    equal those of one pass by all perceptors at once, as sums are added in another order.
    """
    seen = pictures.detach().requires_grad_()
    count = len(shared[0].cutouts[0].box)
    zero = torch.zeros((), device=pictures.device)
    values = [[zero for _ in of_picture[0]] for of_picture in terms]
    for chosen in _parts(count, min(passes, count)):
        length = chosen.stop - chosen.start
        for group in shared:
            some = group.cutouts
            if length < count:
                some = [numbers.only(chosen) for numbers in some]
            shown = cut_each(seen, some, group.side)
            gradient = None
            for place, perceptor in group.perceptors:
                leaf = shown.detach().requires_grad_()
                images = perceptor.encode_image(leaf).split(length)
                shares = [
                    [term(each, numbers) * (length / count) for term in of_picture[place]]
                    for each, numbers, of_picture in zip(images, some, terms, strict=True)
                ]
                total = torch.stack([share for each in shares for share in each]).sum()
                if total.requires_grad:  # else nothing that pulls now means something to it
                    (part,) = torch.autograd.grad(total, leaf)
                    gradient = part if gradient is None else gradient + part
                values = [
                    [value + share.detach() for value, share in zip(*both, strict=True)]
                    for both in zip(values, shares, strict=True)
                ]
            if gradient is not None:
                torch.autograd.backward([shown], [gradient])
    return values, torch.zeros_like(pictures) if seen.grad is None else seen.grad


def _parts(count: int, parts: int) -> list[slice]:
    """0..``count`` - 1 in ``parts`` as equal as they can be, the longer ones first."""
    length, longer = divmod(count, parts)
    starts = [i * length + min(i, longer) for i in range(parts + 1)]
    return [slice(*each) for each in pairwise(starts)]
