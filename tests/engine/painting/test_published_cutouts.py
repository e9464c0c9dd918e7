"""The published presets cut and augment as kornia's own modules do with the published arguments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.painting.cutouts import cut, draw_cutouts, plain_cutouts
from engine.random_numbers import Draws
from engine.request.recipe import PRESETS, Augmentation
from tests.engine.painting import published

SIDE = 48
PUBLISHED = {
    "paper": published.notebook,
    "notebook": published.notebook,
    "nerdyrodent": published.nerdyrodent,
}
SAMPLES = 4000


def _augmentation(preset: str, count: int) -> Augmentation:
    return dataclasses.replace(PRESETS[preset].augmentation, count=count)


@pytest.mark.parametrize("preset", PUBLISHED)
def test_the_same_parameters_give_the_same_cutouts_as_kornia(preset: str) -> None:
    picture = torch.rand(1, 3, 80, 96, generator=torch.Generator().manual_seed(1))
    for seed in range(3):
        numbers = draw_cutouts(_augmentation(preset, 24), 96, 80, SIDE, Draws(seed))
        expected = (
            published.pooled(picture, 24, SIDE)
            if preset == "nerdyrodent"
            else published.crops(picture, numbers.box, SIDE)
        )
        expected = published.augmented(expected, PUBLISHED[preset](), numbers)
        if preset != "nerdyrodent":  # its script does not clamp, the authors' notebook does
            expected = expected.clamp(0, 1)
        torch.testing.assert_close(cut(picture, numbers, SIDE), expected, atol=1e-4, rtol=0)


def _distance(ours: Tensor, theirs: Tensor) -> float:
    """The Kolmogorov-Smirnov statistic of two samples."""
    ours, theirs = ours.flatten().sort().values, theirs.flatten().sort().values
    points = torch.cat([ours, theirs])
    below = [torch.searchsorted(x, points, right=True) / len(x) for x in (ours, theirs)]
    return float((below[0] - below[1]).abs().max())


def _critical(ours: Tensor, theirs: Tensor) -> float:
    """The statistic that two samples of one distribution exceed once in 10,000 times."""
    n, m = ours.numel(), theirs.numel()
    return 2.23 * ((n + m) / (n * m)) ** 0.5


@pytest.mark.parametrize("preset", PUBLISHED)
def test_the_parameters_have_the_distributions_of_kornias(preset: str) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        modules = PUBLISHED[preset]()
        numbers = draw_cutouts(_augmentation(preset, SAMPLES), 64, 64, SIDE, Draws(0))
        ours = published.parameters(numbers, SIDE, torch.float32)
        for name, module in modules.items():
            theirs = module.forward_parameters((SAMPLES, 3, SIDE, SIDE))
            if name == "erasing":  # one for all cutouts: compared below
                continue
            happened = theirs["batch_prob"].bool(), ours[name]["batch_prob"].bool()
            for key in theirs.keys() - {"forward_input_shape", "order"}:
                value, mine = theirs[key], ours[name][key]
                if key != "batch_prob":
                    value, mine = value[happened[0]], mine[happened[1]]
                for theirs_each, ours_each in zip(_columns(value), _columns(mine), strict=True):
                    distance = _distance(ours_each, theirs_each)
                    assert distance < _critical(ours_each, theirs_each), (name, key)


def _columns(values: Tensor) -> list[Tensor]:
    return list(values.flatten(1).unbind(1)) if values.ndim > 1 else [values]


def test_rectangles_are_erased_as_by_kornia_in_all_cutouts_or_in_none() -> None:
    augmentation = _augmentation("nerdyrodent", 3)
    ours = torch.stack(
        [draw_cutouts(augmentation, 64, 64, SIDE, Draws(0, i)).erase for i in range(1000)]
    )
    assert (ours == ours[:, :1]).all()
    left, top, right, bottom = ours[:, 0].unbind(1)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        theirs = [
            published.nerdyrodent()["erasing"].forward_parameters((3, 3, SIDE, SIDE))
            for _ in range(1000)
        ]
    happened = torch.tensor([bool(each["batch_prob"][0]) for each in theirs])
    assert float((right > left).float().mean()) == pytest.approx(
        float(happened.float().mean()), abs=0.04
    )
    mine: dict[str, Callable[[], Tensor]] = {
        "widths": lambda: right - left,
        "heights": lambda: bottom - top,
        "xs": lambda: left,
        "ys": lambda: top,
    }
    for key, values in mine.items():
        expected = torch.tensor([float(each[key][0]) for each in theirs])[happened]
        found = values()[right > left]
        assert _distance(found, expected) < _critical(found, expected), key


def test_each_order_of_the_colour_steps_is_drawn_equally_often() -> None:
    augmentation = dataclasses.replace(_augmentation("paper", 1), noise=0)
    counts: dict[Any, int] = {}
    for i in range(2400):
        order = draw_cutouts(augmentation, 64, 64, SIDE, Draws(0, i)).order
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    # 100 each, with a standard deviation of 10.
    assert min(counts.values()) > 60
    assert max(counts.values()) < 140


def test_crops_are_those_of_the_authors_make_cutouts() -> None:
    """Whole pixels, a side of int(u * (most - least) + least), every place equally likely."""
    augmentation = dataclasses.replace(PRESETS["paper"].augmentation, count=SAMPLES)
    numbers = draw_cutouts(augmentation, 80, 60, SIDE, Draws(0))
    box = numbers.box.double() * torch.tensor([80, 60, 80, 60])
    torch.testing.assert_close(box, box.round(), atol=1e-4, rtol=0)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        rows = []
        for _ in range(SAMPLES):
            side = int(torch.rand([]) * (60 - SIDE) + SIDE)
            left, top = (int(torch.randint(0, most - side + 1, ())) for most in (80, 60))
            rows.append([left, top, side, side])
    for ours, theirs in zip(_columns(box.round()), _columns(torch.tensor(rows)), strict=True):
        assert _distance(ours, theirs.double()) < _critical(ours, theirs)


@pytest.mark.parametrize("side", [256, 288, 320, 384, 440, 448, 512, 700])
def test_a_checkerboard_of_single_pixels_is_averaged_at_every_scale(side: int) -> None:
    """Without antialiasing between 1x and 2x it kept 0.16 of its contrast at 320 and 440 px."""
    steps = torch.arange(side)
    board = ((steps[:, None] + steps) % 2).float().expand(1, 3, -1, -1)
    seen = cut(board, plain_cutouts(torch.tensor([[0.0, 0.0, 1.0, 1.0]])), 224)
    kept = float(seen.std() / board.std())
    # Nyquist's limit is at 224: at 256 px most of the pattern can still be shown.
    assert kept < {256: 0.25, 288: 0.1}.get(side, 0.03)


def test_black_and_white_pixels_have_the_gradient_of_the_authors_clamp() -> None:
    """A plain clamp gives them half: noise moves them beyond the range half of the time."""
    black = torch.zeros(1, 3, SIDE, SIDE, requires_grad=True)
    augmentation = dataclasses.replace(
        _augmentation("paper", 64), flip=0, affine=0, perspective=0, jitter=0
    )
    numbers = draw_cutouts(augmentation, SIDE, SIDE, SIDE, Draws(0))
    (towards_white,) = torch.autograd.grad(-cut(black, numbers, SIDE).sum(), black)
    torch.testing.assert_close(towards_white, torch.full_like(towards_white, -64.0))
    (towards_black,) = torch.autograd.grad(cut(black, numbers, SIDE).sum(), black)
    assert 0.4 < float(towards_black.mean()) / 64 < 0.6
