"""A job's random numbers: the same on every device, alone or with other jobs, and random."""

from __future__ import annotations

import ast
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.painting.cutouts import draw_cutouts
from engine.random_numbers import Draws, Stream
from engine.random_numbers.elements import TILE, tables
from engine.request.recipe import PRESETS

ROOT = Path(__file__).resolve().parents[3]
SEED = 2**63 - 12345  # both words of the key are used
SIZES = [1, 5, TILE, TILE + 1, 4 * TILE, 4 * TILE + 7, 8 * TILE + 3, 9 * TILE]


def _each_kind(draws: Draws, count: int) -> list[Tensor]:
    return [
        draws.uniform(Stream.GRAIN, (count,)),
        draws.normal(Stream.GRAIN, (count,)),
        draws.integers(Stream.GRAIN, 16_384, (count,)),
    ]


def _plainly(draws: Draws) -> Draws:
    """The same numbers by tensor operations, as on a GPU."""
    draws._by_numpy = False
    return draws


@pytest.mark.parametrize("count", SIZES)
def test_the_fast_way_on_a_cpu_gives_the_same_bits_as_plain_tensor_operations(count: int) -> None:
    draws = Draws(SEED, 7, 2)
    for fast, plain in zip(
        _each_kind(draws, count), _each_kind(_plainly(draws), count), strict=True
    ):
        assert fast.dtype == plain.dtype
        assert torch.equal(fast, plain)


@pytest.mark.parametrize("count", [3, TILE + 1, 8 * TILE + 3])
def test_several_jobs_draw_what_each_draws_alone(count: int) -> None:
    seeds, iterations, attempts = [3, SEED, 3], [5, 0, 6], [0, 1, 0]
    together = Draws(torch.tensor(seeds), torch.tensor(iterations), torch.tensor(attempts))
    fast = _each_kind(together, count)
    plain = _each_kind(_plainly(together), count)
    for number, job in enumerate(zip(seeds, iterations, attempts, strict=True)):
        for one, many, also in zip(_each_kind(Draws(*job), count), fast, plain, strict=True):
            assert torch.equal(one, many[number])
            assert torch.equal(one, also[number])


def test_jobs_with_one_iteration_as_a_scalar_on_the_device() -> None:
    together = Draws(torch.tensor([3, 4]), torch.tensor(9))
    assert together.uniform(Stream.NOISE, (2, 3)).shape == (2, 2, 3)
    assert torch.equal(
        together.uniform(Stream.NOISE, (2, 3))[1], Draws(4, 9).uniform(Stream.NOISE, (2, 3))
    )


def test_an_element_depends_on_its_place_and_not_on_how_many_are_drawn() -> None:
    draws = Draws(1)
    longest = _each_kind(draws, SIZES[-1])
    for count in SIZES:
        for some, more in zip(_each_kind(draws, count), longest, strict=True):
            assert torch.equal(some, more[:count])


def test_several_small_draws_in_one_go_are_those_drawn_one_by_one() -> None:
    shapes: dict[Stream, tuple[int, ...]]
    shapes = {Stream.TURNED: (5,), Stream.CORNERS: (5, 4, 2), Stream.NOISE: ()}
    several = torch.tensor([1, 2])
    large = Draws(several, 3).uniforms({**shapes, Stream.FLIPPED: (TILE + 1,)})
    assert torch.equal(large[Stream.TURNED], Draws(several, 3).uniform(Stream.TURNED, (5,)))
    assert large[Stream.FLIPPED].shape == (2, TILE + 1)
    for draws in (Draws(SEED, 3), Draws(several, 3), _plainly(Draws(several, 3))):
        for stream, drawn in draws.uniforms(shapes).items():
            assert torch.equal(drawn, draws.uniform(stream, shapes[stream]))


def test_an_order_is_the_same_on_the_host_and_as_a_tensor() -> None:
    orders = set()
    for iteration in range(200):
        draws = Draws(SEED, iteration)
        order = draws.order(Stream.COLOUR_ORDER, 4)
        assert draws.orders(Stream.COLOUR_ORDER, 4).tolist() == list(order)
        orders.add(order)
    assert len(orders) == 24
    together = Draws(torch.tensor([1, 2]), 8).orders(Stream.COLOUR_ORDER, 4)
    assert together.tolist() == [list(Draws(i, 8).order(Stream.COLOUR_ORDER, 4)) for i in (1, 2)]
    with pytest.raises(TypeError):
        Draws(torch.tensor(1), 8).order(Stream.COLOUR_ORDER, 4)


def test_nothing_reads_a_value_back_from_the_device_or_copies_one_to_it() -> None:
    augmentation = dataclasses.replace(PRESETS["nerdyrodent"].augmentation, noise=0.1)
    one = _plainly(Draws(1, 2))
    several = _plainly(Draws(torch.tensor([1, 2]), torch.tensor(3)))

    def draw() -> None:
        draw_cutouts(augmentation, 64, 48, 16, one)
        several.normal(Stream.GRAIN, (3,))
        several.integers(Stream.START_CODES, 7, (3,))
        several.orders(Stream.COLOUR_ORDER, 4)

    draw()  # the first copies tables to the device
    with torch.autograd.profiler.profile() as profile:
        draw()
    names = {event.name.removeprefix("aten::") for event in profile.function_events or ()}
    assert "bitwise_xor" in names
    assert not names & {"_local_scalar_dense", "nonzero", "lift_fresh", "is_nonzero", "item"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_draws_the_same_bits_and_never_waits() -> None:
    for count in SIZES:
        for on_cpu, on_gpu in zip(
            _each_kind(Draws(SEED, 7), count),
            _each_kind(Draws(SEED, 7, device="cuda"), count),
            strict=True,
        ):
            assert torch.equal(on_cpu, on_gpu.cpu())
    iteration = torch.tensor(0, device="cuda")
    draws = Draws(torch.tensor([1, SEED], device="cuda"), iteration, device="cuda")
    graph = torch.cuda.CUDAGraph()
    torch.cuda.set_sync_debug_mode("error")
    try:
        with torch.cuda.graph(graph):
            drawn = draws.normal(Stream.GRAIN, (3, 224, 224))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for number in (4, 5):
        iteration.fill_(number)
        graph.replay()
        expected = Draws(torch.tensor([1, SEED]), number).normal(Stream.GRAIN, (3, 224, 224))
        assert torch.equal(drawn.cpu(), expected)


# Distributions.


def _distance(values: Tensor, below: Tensor) -> float:
    """The Kolmogorov-Smirnov statistic, times sqrt(n); ``below`` is the distribution at values.

    Above 2.2 once in 8,000 times.
    """
    ranks = torch.arange(len(values) + 1, dtype=torch.float64) / len(values)
    above = (below - ranks[:-1]).abs().maximum((below - ranks[1:]).abs())
    return float(above.max()) * math.sqrt(len(values))


COUNT = 9 * TILE


@pytest.mark.parametrize("seed", [0, 1, SEED])
def test_uniform_numbers_are_uniform(seed: int) -> None:
    values = Draws(seed).uniform(Stream.GRAIN, (COUNT,))
    assert values.min() >= 0
    assert values.max() < 1
    assert torch.equal(values * 2**24, (values * 2**24).round())
    ordered = values.double().sort().values
    assert _distance(ordered, ordered) < 2.2


@pytest.mark.parametrize("seed", [0, 1, SEED])
def test_normal_numbers_are_normal(seed: int) -> None:
    values = Draws(seed).normal(Stream.GRAIN, (COUNT,))
    ordered = values.double().sort().values
    assert _distance(ordered, torch.special.ndtr(ordered)) < 2.2
    fourth = float(values.double().pow(4).mean())
    assert fourth == pytest.approx(3, abs=4.5 * math.sqrt(96 / COUNT))
    # No rings: the two of a pair are independent, also in their squares.
    pairs = values[: 8 * TILE].view(4, 2, TILE)
    for one, other in ((pairs, pairs.flip(1)), (pairs.square(), pairs.square().flip(1))):
        assert abs(_correlation(one[:, 0], other[:, 0])) < 4.5 / math.sqrt(4 * TILE)


@pytest.mark.parametrize("high", [3, 7, 1024])
def test_integers_are_equally_likely(high: int) -> None:
    values = Draws(2).integers(Stream.START_CODES, high, (COUNT,))
    counts = values.bincount(minlength=high).double()
    assert len(counts) == high
    expected = COUNT / high
    chi_square = float((counts - expected).square().sum() / expected)
    assert chi_square < high - 1 + 4.5 * math.sqrt(2 * (high - 1))


def test_the_least_and_the_largest_bound_of_integers() -> None:
    assert not Draws(2).integers(Stream.START_CODES, 1, (100,)).any()
    values = Draws(2).integers(Stream.START_CODES, 2**31, (COUNT,))
    assert 0 <= values.min() < 2**20
    assert 2**31 - 2**20 < values.max() < 2**31


def _correlation(one: Tensor, other: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


def test_streams_iterations_attempts_and_seeds_are_independent_of_each_other() -> None:
    of = Draws(1, 1, 1)
    samples = [of.uniform(Stream.GRAIN, (COUNT,)), of.uniform(Stream.NOISE, (COUNT,))]
    others = [(1, 2, 1), (1, 1, 2), (2, 1, 1), (1 + 2**32, 1, 1), (1 + 2**62, 1, 1)]
    samples += [Draws(*each).uniform(Stream.GRAIN, (COUNT,)) for each in others]
    samples.append(samples[0].roll(1))
    correlations = torch.corrcoef(torch.stack(samples)) - torch.eye(len(samples))
    assert correlations.abs().max() < 5 / math.sqrt(COUNT)


def test_the_tables_are_the_same_with_any_mathematical_library() -> None:
    """Libraries differ in the last bits of float64, which must not change the float32."""
    middle = (np.arange(65_536) + 0.5) / 65_536
    for table, exact in (
        (tables().radius, np.sqrt(-2 * np.log(middle))),
        (tables().cosine, np.cos(2 * np.pi * middle)),
        (tables().sine, np.sin(2 * np.pi * middle)),
    ):
        np.testing.assert_allclose(table, exact, rtol=1e-7, atol=1e-12)
    angle = 2 * np.pi * middle[:8_192]
    for values in (np.sqrt(-2 * np.log(middle)), np.cos(angle), np.sin(angle)):
        for shift in (-4, 4):
            moved = values * (1 + shift * 2.0**-53)
            assert (moved.astype(np.float32) == values.astype(np.float32)).all()
    assert float(tables().cosine.astype(np.float64).sum()) == 0


def test_the_engine_draws_random_numbers_in_no_other_way() -> None:
    banned = {
        *("rand", "randn", "randint", "randperm", "multinomial", "bernoulli", "Generator"),
        *("rand_like", "randn_like", "randint_like", "manual_seed", "default_rng", "seed"),
        *("normal_", "uniform_", "random_", "exponential_", "bernoulli_"),
    }
    found = []
    for file in (ROOT / "engine").rglob("*.py"):
        if file.name == "noise_prompts.py":
            continue  # the published vectors of noise prompts, which depend on their own seed alone
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in banned:
                found.append(f"{file.name}:{node.lineno} {node.func.attr}")
    assert not found
