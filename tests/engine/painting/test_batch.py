"""Several paintings stepped together: each paints what it paints alone."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.errors import NumericalError
from engine.models.generators.pixels import PixelGenerator
from engine.painting.batch import shape_of, step_together
from engine.painting.cutouts import cut, cut_each, draw_cutouts, draw_cutouts_of_each
from engine.painting.iterate import Iterate
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation
from tests.engine.painting.test_picture_losses import ALL
from tests.engine.painting.test_recovery import FailAt
from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe

SEEING = tiny_perceptor(torch.float64)
NETWORKS = PixelGenerator(1).double(), SEEING
DECODED = tiny_generator(torch.float64), SEEING
SINGLE = tiny_generator(), tiny_perceptor()
WORDS = ["a red star", "fog", "a boat", "two cats", "grass", "a blue circle", "night", "a house"]
# Convolutions of more pictures are added up in another order, and Adam divides by what may be tiny.
CLOSE: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-6}
# In float32, of the largest number of a gradient; measured: 3e-6. docs/reliability.md has it.
ROUNDING = 1e-5


def painting(number: int, networks: Any = NETWORKS, **recipe: Any) -> Synthesis:
    """The painting ``number``, with 1 to 3 prompts; the fourth is an edit with a mask."""
    prompts = [Prompt(WORDS[number])] + [Prompt("noise", -0.5, 0.2)] * (number % 3)
    start = mask = None
    if number == 3:
        start = torch.linspace(0, 1, 3 * 16 * 16).view(1, 3, 16, 16)
        mask = torch.zeros(1, 1, 16, 16)
        mask[..., :6] = 1
    values = {
        "iterations": 30,
        "width": 16,
        "height": 16,
        "augmentation": Augmentation(count=3),
        "regulariser": Regulariser(0.5, "linear", "zero"),
        "smoothness": 0.1,
        **recipe,
    }
    return Synthesis(
        networks[0],
        networks[1],
        prompts,
        tiny_recipe(**values),
        number,
        start,
        mask,
        float(number == 3),
    )


def stepped(paintings: list[Synthesis], iterations: int = 1) -> list[Iterate]:
    """The last iterates after some iterations together, all of which succeed."""
    outcomes: list[Any] = []
    for _ in range(iterations):
        outcomes = step_together(paintings, _fail)
        assert all(isinstance(outcome, Iterate) for outcome in outcomes)
    return outcomes


def _fail(error: Exception) -> None:
    raise error


def assert_close(ours: Synthesis, alone: Synthesis) -> None:
    assert ours.iteration == alone.iteration
    torch.testing.assert_close(ours.latent.z, alone.latent.z, **CLOSE)
    for mine, theirs in zip(ours.optimiser.moments(), alone.optimiser.moments(), strict=True):
        torch.testing.assert_close(mine, theirs, **CLOSE)
    assert ours.losses == pytest.approx(alone.losses, rel=1e-6, abs=1e-9)


RECIPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "codebook": {"latent": "codebook"},
    "all options": ALL,
    "whole pictures": {"augmentation": Augmentation(count=4, whole=0.5, brightness=0.3, jitter=1)},
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_painting_is_the_same_alone_and_among_seven_others(recipe):
    together = [painting(i, DECODED, **recipe) for i in range(8)]
    shown = stepped(together, 3)
    for i in (3, 7):
        alone = painting(i, DECODED, **recipe)
        (last,) = stepped([alone], 3)
        assert_close(together[i], alone)
        torch.testing.assert_close(shown[i].image, last.image, **CLOSE)
    assert [each.widest for each in together] == [8] * 8


def test_what_its_neighbours_are_changes_no_bit_of_a_painting():
    first = [painting(i, SINGLE) for i in (0, 1, 2, 3)]
    second = [painting(i, SINGLE) for i in (5, 7, 2, 6)]
    stepped(first, 3)
    stepped(second, 3)
    assert torch.equal(first[2].latent.z, second[2].latent.z)


def test_in_float32_the_gradients_are_within_the_stated_bound():
    together = [painting(i, SINGLE) for i in range(8)]
    stepped(together)
    for i, ours in enumerate(together):
        alone = painting(i, SINGLE)
        stepped([alone])
        assert ours.latent.z.grad is not None
        assert alone.latent.z.grad is not None
        most = alone.latent.z.grad.abs().max()
        assert (ours.latent.z.grad - alone.latent.z.grad).abs().max() < ROUNDING * most


def test_paintings_join_and_leave_between_iterations():
    together = [painting(i) for i in range(3)]
    stepped(together, 2)
    late = painting(5)
    stepped([together[2], late, together[0]], 3)
    stepped([late], 2)
    for ours, iterations in zip([*together, late], (5, 2, 5, 5), strict=True):
        alone = painting(WORDS.index(ours.prompts[0].words))
        stepped([alone], iterations)
        assert_close(ours, alone)
    assert (together[1].widest, late.widest) == (3, 3)


def test_the_width_is_kept_with_the_state():
    together = [painting(0), painting(1)]
    stepped(together)
    resumed = painting(0)
    resumed.load_state_dict(together[0].state_dict())
    stepped([resumed])
    assert resumed.widest == 2


def test_only_paintings_of_one_shape_are_stepped_together():
    one = painting(0)
    assert shape_of(one) == shape_of(painting(1)) is not None
    others = [
        painting(0, SINGLE),
        painting(0, width=48, height=48),
        painting(0, augmentation=Augmentation(count=6)),
    ]
    assert shape_of(one) not in [shape_of(other) for other in others]
    one.recovery.plan(2)
    assert shape_of(one) is None


# Failures.


@pytest.fixture
def four():
    """Four paintings after two iterations together, and what they are after five alone."""
    together = [painting(i) for i in range(4)]
    stepped(together, 2)
    return together, _five_iterations_alone()


@cache
def _five_iterations_alone() -> list[Synthesis]:
    alone = [painting(i) for i in range(4)]
    for each in alone:
        stepped([each], 5)
    return alone


def test_numbers_that_overflow_in_one_painting_set_that_one_back(four):
    together, alone = four
    with torch.no_grad():
        together[1].latent.z[..., 0, 0] = float("inf")
    outcomes = step_together(together, _fail)
    assert isinstance(outcomes[1], Iterate)
    assert together[1].recovery.rollbacks == 1
    assert [each.iteration for each in together] == [3, 1, 3, 3]
    stepped(together, 2)
    for i in (0, 2, 3):
        assert_close(together[i], alone[i])
    assert together[1].recovery.rollbacks == 1


def test_a_painting_that_cannot_go_back_ends_and_the_others_do_not(four):
    together, alone = four
    together[1].recovery.last_finite = None
    with torch.no_grad():
        together[1].latent.z[..., 0, 0] = float("nan")
    outcomes = step_together(together, _fail)
    assert isinstance(outcomes[1], NumericalError)
    assert together[1].iteration == 2
    stepped([together[i] for i in (0, 2, 3)], 2)
    for i in (0, 2, 3):
        assert_close(together[i], alone[i])


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), ValueError("no")])
def test_what_fails_for_all_is_done_by_each_alone(four, monkeypatch, error):
    """A generator that decodes one picture but not several."""
    together, alone = four
    decode = together[0].generator.decode

    def decode_one(z: Tensor) -> Tensor:
        if len(z) > 1:
            raise error
        return decode(z)

    monkeypatch.setattr(together[0].generator, "decode", decode_one)
    for _ in range(3):
        failures: list[Exception] = []
        outcomes = step_together(together, failures.append)
        assert failures == [error]
        assert all(isinstance(outcome, Iterate) for outcome in outcomes)
    monkeypatch.undo()
    for ours, theirs in zip(together, alone, strict=True):
        assert_close(ours, theirs)
    assert [each.recovery.passes for each in together] == [1] * 4


@pytest.mark.parametrize("at", [1, 700, -1])
def test_an_error_anywhere_in_a_step_counts_none_twice(four, at):
    together, alone = four
    others = [painting(i) for i in range(4)]
    stepped(others, 2)
    with FailAt(0, ValueError()) as counting:
        stepped(others)
    failures: list[Exception] = []
    error = ValueError("on purpose")
    with FailAt(at % counting.count, error):
        step_together(together, failures.append)
    assert failures == [error]
    stepped(together, 2)
    for ours, theirs in zip(together, alone, strict=True):
        assert_close(ours, theirs)


# On a GPU the numbers of all jobs are drawn together, and cut by groups. The same on the CPU:


@pytest.mark.parametrize("hue", [0.05, 0.4])
@pytest.mark.parametrize("brightness", [0.0, 0.3])
def test_cutouts_on_a_gpu_are_those_of_each_alone(monkeypatch, brightness, hue):
    augmentation = Augmentation(
        count=3, jitter=1, brightness=brightness, saturation=0.2, hue=hue, noise=0.1, erasing=0.5
    )
    numbers = augmentation, 32, 24, 16
    pictures = torch.rand(6, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    draws = [Draws(2**40 + seed, seed * 7, seed % 2) for seed in range(6)]
    monkeypatch.setattr("engine.painting.host.is_readable", lambda numbers: False)
    alone = [draw_cutouts(*numbers, each) for each in draws]
    expected = [cut(pictures[i : i + 1], alone[i], 16) for i in range(6)]
    for each in draws:
        each._by_numpy = False
    together = draw_cutouts_of_each(*numbers, draws)
    assert [each.order for each in together] == [each.order for each in alone]
    for ours, theirs in zip(together, alone, strict=True):
        assert torch.equal(ours.box, theirs.box)
        assert torch.equal(ours.colours, theirs.colours)
        assert ours.grain is not None
        assert theirs.grain is not None
        assert torch.equal(ours.grain, theirs.grain)
    torch.testing.assert_close(cut_each(pictures, together, 16), torch.cat(expected))
