"""Cutouts of several paintings in one iteration, each with its own random numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from engine.painting import host
from engine.painting.cutouts.cut import cut
from engine.painting.cutouts.numbers import (
    Cutouts,
    colour_order,
    draw_cutouts,
    without_difference,
)
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation


def draw_cutouts_of_each(
    augmentation: Augmentation, width: int, height: int, resolution: int, draws: Sequence[Draws]
) -> list[Cutouts]:
    """``draw_cutouts`` for each of ``draws``; on a GPU with the kernels of one."""
    if len(draws) == 1 or draws[0].is_on_cpu:
        return [draw_cutouts(augmentation, width, height, resolution, each) for each in draws]
    together = Draws.of_all(draws)
    drawn = draw_cutouts(augmentation, width, height, resolution, together, order=(0, 1, 2, 3))
    return [replace(drawn.of_job(i), order=colour_order(each)) for i, each in enumerate(draws)]


def cut_each(pictures: Tensor, cutouts: Sequence[Cutouts], resolution: int) -> Tensor:
    """The cutouts [B * N, 3, S, S] of pictures [B, 3, H, W], of each by its own numbers.

    On the CPU each picture takes the way that it takes alone. On others those whose colours change
    in the same order are cut together, as every kernel that starts costs time there.
    """
    if len(cutouts) == 1:
        return cut(pictures, cutouts[0], resolution)
    if host.is_readable(pictures) or any(numbers.views is not None for numbers in cutouts):
        parts = zip(pictures.split(1), cutouts, strict=True)
        return torch.cat([cut(picture, numbers, resolution) for picture, numbers in parts])
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, numbers in enumerate(cutouts):
        groups.setdefault(_order_that_matters(numbers), []).append(i)
    if len(groups) == 1:
        return cut(pictures, Cutouts.joined(cutouts), resolution)
    found: list[Tensor] = [pictures] * len(cutouts)
    for members in groups.values():
        chosen = torch.cat([pictures[i : i + 1] for i in members])
        parts_of = cut(chosen, Cutouts.joined([cutouts[i] for i in members]), resolution)
        for i, part in zip(members, parts_of.split(len(parts_of) // len(members)), strict=True):
            found[i] = part
    return torch.cat(found)


def _order_that_matters(cutouts: Cutouts) -> tuple[int, ...]:
    """The order of the changes of colour that can happen, the same for those that give the same."""
    drawn = cutouts.possible
    return cutouts.order if drawn is None else without_difference(cutouts.order, drawn)
