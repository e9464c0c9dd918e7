"""Iterations that are recorded once and replayed with other numbers."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.models import load_models
from engine.models.generators.pixels import PixelGenerator
from engine.painting import host, late
from engine.painting.batch import step_together
from engine.painting.cutouts import Region
from engine.painting.graphs import cache, registry
from engine.painting.graphs.cuda import Uses
from engine.painting.graphs.keys import number_of
from engine.painting.graphs.slots import Slots
from engine.painting.graphs.stand_in import StandIn
from engine.painting.measuring import measure
from engine.painting.pipeline import prepare
from engine.painting.steering import Changes, Freeze, Nudge
from engine.painting.synthesis import Synthesis
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import PRESETS, Early, Recipe
from engine.request.request import ImageRequest
from tests.engine.painting.test_picture_losses import ALL
from tests.engine.recorded_operations import OperationRecorder, graphs_on_cpu
from tests.engine.tiny import PLAIN, assert_same, tiny_generator, tiny_perceptor

NETWORKS = tiny_generator(), tiny_perceptor()
PIXELS = PixelGenerator(1), NETWORKS[1]
WORDS = ["a red star", "fog", "a boat", "two cats"]


@pytest.fixture(autouse=True)
def gpu_manner(monkeypatch):
    """The CPU does what a GPU does: it decides nothing by numbers, and has scalars in tensors."""
    monkeypatch.setattr(host, "is_readable", lambda numbers: False)


@pytest.fixture
def recording(monkeypatch) -> Callable[..., dict[torch.device, Any]]:
    """A function that lets the CPU record its iterations from now on; with its graphs."""

    def start(**options: Any) -> dict[torch.device, Any]:
        monkeypatch.setitem(
            registry.RECORDERS, "cpu", lambda device: graphs_on_cpu(device, **options)
        )
        monkeypatch.setattr(registry, "_GRAPHS", {})
        monkeypatch.setattr(cache, "AFTER", 1)
        OperationRecorder.replays = OperationRecorder.recorded = 0
        return registry._GRAPHS

    return start


def paper(**changes: Any) -> Recipe:
    recipe = PRESETS["paper"]
    return replace(
        recipe,
        **{
            "width": 32,
            "height": 32,
            "iterations": 12,
            "augmentation": replace(recipe.augmentation, count=4, size=16),
            **changes,
        },
    )


CHEAP = paper(augmentation=replace(PLAIN, count=2, size=16))


def painting(number: int = 0, recipe: Recipe = CHEAP, networks: Any = PIXELS) -> Synthesis:
    """The painting ``number``, with a prompt of its own; the fourth is an edit with a mask."""
    prompts = [Prompt(WORDS[number], 1 + number / 3), Prompt("noise", -0.5, 0.2)]
    start = mask = None
    if number == 3:
        start = torch.linspace(0, 1, 3 * 32 * 32).view(1, 3, 32, 32)
        mask = torch.zeros(1, 1, 32, 32)
        mask[..., :12] = 1
    generator, perceptor = networks
    keep = float(number == 3)
    return Synthesis(generator, perceptor, prompts, recipe, 2**40 + number, start, mask, keep)


def painted(paintings: list[Synthesis], iterations: int) -> list[list[Any]]:
    """Pictures and losses of all iterations together."""
    shown = []
    for _ in range(iterations):
        iterates = step_together(paintings, _fail)
        shown.append([(each.image, each.losses) for each in iterates])  # type: ignore[union-attr]  # none fails
    return shown


def _fail(error: Exception) -> None:
    raise error


def assert_equal(shown: Any, expected: Any) -> None:
    for one, other in zip(shown, expected, strict=True):
        for (image, losses), (picture, values) in zip(one, other, strict=True):
            assert torch.equal(image, picture)
            assert losses == values


RECIPES: dict[str, Recipe] = {
    "paper": paper(),
    "all losses, average": paper(**{**ALL, "ema": 0.9, "optimiser": "adamp"}),
    "restarts": paper(optimiser="diffgrad", restart_every=2, restarts=3),
    "codebook": paper(latent="codebook", learning_rate=0.05),
    "rate falls": paper(cooling=0.1, regulariser=Regulariser(0.5, "geometric", "start")),
}
DEAR = pytest.mark.slow
CASES = [
    pytest.param(name, number, marks=[] if (name, number) == ("paper", 0) else DEAR)
    for name in RECIPES
    for number in (0, 3)
]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_what_is_replayed_is_what_is_painted_otherwise(recording, name, number):
    expected = painting(number, RECIPES[name], NETWORKS)
    before = painted([expected], 4)
    recording()
    ours = painting(number, RECIPES[name], NETWORKS)
    assert_equal(painted([ours], 4), before)
    assert (OperationRecorder.recorded, OperationRecorder.replays) == (1, 2)
    assert_same(ours.state_dict(), expected.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["drawn", "natural"])
def test_the_included_models_are_replayed(recording, name):
    models = load_models(name, device="cpu")
    request = ImageRequest(prompt="a red star", model=name, seed=1, width=64, height=64)
    expected = prepare(request, models)
    before = painted([expected], 6)
    recording()
    ours = prepare(request, models)
    assert_equal(painted([ours], 6), before)
    assert OperationRecorder.replays == 4
    assert_same(ours.state_dict(), expected.state_dict())


def test_one_of_three_leaves(recording):
    def paint() -> tuple[list[Any], list[Any]]:
        three = [painting(i) for i in (0, 1, 3)]
        shown = painted(three, 4) + painted([three[0], three[2]], 4)
        return shown, [each.state_dict() for each in three]

    before, states = paint()
    recording()
    shown, ours = paint()
    assert_equal(shown, before)
    for state, expected in zip(ours, states, strict=True):
        assert_same(state, expected)
    assert (OperationRecorder.recorded, OperationRecorder.replays) == (2, 4)


def test_other_cutouts_are_another_recording(recording):
    recipe = replace(CHEAP, iterations=8, early=Early(0.5, 1, 16))
    expected = painting(0, recipe)
    before = painted([expected], 8)
    recording()
    ours = painting(0, recipe)
    assert_equal(painted([ours], 8), before)
    assert (OperationRecorder.recorded, OperationRecorder.replays) == (2, 4)
    assert_same(ours.state_dict(), expected.state_dict())


def of_regions(count: int) -> Synthesis:
    """A painting of which prompts pull in three parts, one of them with a mask."""
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 4:20, 8:30] = 1
    regions = {
        "hill": Region("hill", (8, 4, 30, 20), mask),
        "left": Region("left", (0, 0, 16, 32)),
    }
    prompts = [Prompt("fog"), Prompt("a boat", region="hill"), Prompt("grass", region="left")]
    recipe = replace(CHEAP, augmentation=replace(CHEAP.augmentation, count=count))
    return Synthesis(*PIXELS, prompts, recipe, 5, regions=regions)


@pytest.mark.parametrize(
    ("count", "iterations", "recorded"),
    [pytest.param(4, 4, 1, id="all"), pytest.param(2, 10, 3, id="in turn", marks=DEAR)],
)
def test_prompts_of_regions_are_replayed(recording, count, iterations, recorded):
    """With fewer cutouts than regions each turn is a recording."""
    expected = of_regions(count)
    before = painted([expected], iterations)
    recording()
    ours = of_regions(count)
    assert_equal(painted([ours], iterations), before)
    assert_same(ours.state_dict(), expected.state_dict())
    assert OperationRecorder.recorded == recorded
    assert not next(iter(registry._GRAPHS.values())).refused


@pytest.mark.slow
def test_tiles_are_replayed(recording):
    recipe = replace(CHEAP, tile=True)
    expected = [painting(number, recipe, NETWORKS) for number in (0, 1)]
    before = painted(expected, 5)
    recording()
    ours = [painting(number, recipe, NETWORKS) for number in (0, 1)]
    assert_equal(painted(ours, 5), before)
    assert OperationRecorder.replays == 3
    for one, other in zip(ours, expected, strict=True):
        assert_same(one.state_dict(), other.state_dict())


def test_the_next_painting_has_the_same_recording(recording):
    before = [painted([painting(i)], 4) for i in (0, 1)]
    recording()
    for i, expected in zip((0, 1), before, strict=True):
        assert_equal(painted([painting(i)], 4), expected)
    assert (OperationRecorder.recorded, OperationRecorder.replays) == (1, 2 + 4)


def steered() -> tuple[list[Any], Synthesis]:
    """A painting that is nudged, and of which the left half is frozen later."""
    ours = painting(0)
    shown = painted([ours], 4)
    nudge = Nudge(4, (Prompt("grass", 2.0), Prompt("snow", -1.0, 0.1)), {})
    left = Freeze(7, Region("left", (0, 0, 16, 32)))
    ours.steer(Changes((nudge,), (left,)))
    shown += painted([ours], 2)
    for pull in ours.pulls():  # in place
        pull.target.vectors[0].neg_()
    return shown + painted([ours], 5), ours


def test_a_painting_that_is_steered_is_replayed_with_what_changed(recording):
    before, expected = steered()
    recording()
    shown, ours = steered()
    assert_equal(shown, before)
    assert_same(ours.state_dict(), expected.state_dict())
    assert (OperationRecorder.recorded, OperationRecorder.replays) == (2, 7)


def overflowed() -> tuple[list[Any], Synthesis]:
    """A painting whose numbers stop being finite, with losses that are read late."""
    ours = painting(0)
    shown = painted([ours], 4)
    with torch.no_grad():
        ours.latent.z[..., 0] = torch.inf
    for _ in range(6):
        step_together([ours])
    ours.settle()
    return shown, ours


def test_a_replayed_painting_goes_back_as_any_other(recording, monkeypatch):
    monkeypatch.setitem(late.LAG, "cpu", 2)
    _, expected = overflowed()
    recording()
    _, ours = overflowed()
    assert ours.recovery.rollbacks == 1
    assert_same(ours.state_dict(), expected.state_dict())
    assert OperationRecorder.replays > 2


# What would go wrong if a number of one iteration, or painting, was recorded as it is.


def bake_draws(stand_in: StandIn, painting: Synthesis) -> None:
    stand_in._draws = painting.draws()  # type: ignore[assignment]  # on purpose


def bake_rate(stand_in: StandIn, painting: Synthesis) -> None:
    numbers = painting.optimiser.numbers()
    assert numbers is not None
    stand_in.of_optimiser = tuple(map(torch.tensor, numbers))


def bake_alpha(stand_in: StandIn, painting: Synthesis) -> None:
    stand_in.alpha = painting.alpha


def bake_weights(stand_in: StandIn, painting: Synthesis) -> None:
    pairs = zip(stand_in._pulls, painting.pulls(), strict=True)
    stand_in._pulls = [replace(one, weights=other.weights) for one, other in pairs]


def bake_vectors(stand_in: StandIn, painting: Synthesis) -> None:
    stand_in._pulls = painting.pulls()


BAKED = [bake_draws, bake_rate, bake_alpha, bake_weights, bake_vectors]


@pytest.fixture
def baked(monkeypatch):
    """A function that lets stand-ins have a number of the painting that they were made for."""

    def start(bake: Callable[[StandIn, Synthesis], None]) -> None:
        made = StandIn.__init__

        def init(self: StandIn, painting: Synthesis, slot: Any) -> None:
            made(self, painting, slot)
            bake(self, painting)

        monkeypatch.setattr(StandIn, "__init__", init)

    return start


def two_paintings() -> list[Any]:
    return [painted([painting(i)], 4) for i in (0, 1)]


@pytest.fixture(scope="module")
def expected() -> list[Any]:
    """Two paintings, one after the other, without recordings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(host, "is_readable", lambda numbers: False)
        return two_paintings()


@pytest.mark.parametrize(
    "bake", [*BAKED[:1], *(pytest.param(each, marks=DEAR) for each in BAKED[1:])]
)
def test_a_number_that_is_recorded_as_it_is_gives_another_picture(
    recording, baked, expected, monkeypatch, bake
):
    recording()
    baked(bake)
    monkeypatch.setattr(Slots, "is_like", lambda *given: True)
    (first, second), (one, other) = two_paintings(), expected
    with pytest.raises(AssertionError):
        assert_equal([*first, *second], [*one, *other])


@pytest.mark.parametrize("bake", BAKED)
def test_a_recording_that_is_wrong_is_found_out_before_it_changes_a_picture(
    recording, baked, expected, caplog, bake
):
    graphs = recording()
    baked(bake)
    for shown, before in zip(two_paintings(), expected, strict=True):
        assert_equal(shown, before)
    (of_device,) = graphs.values()
    assert len(of_device.refused) == 1
    (warning,) = (each for each in caplog.records if each.levelno == logging.WARNING)
    assert "gave other numbers" in warning.getMessage()
    assert OperationRecorder.recorded == 1  # it is not tried again


def test_what_cannot_be_recorded_is_painted_as_before(recording, baked, expected, caplog):
    graphs = recording()

    def read(stand_in: StandIn, painting: Synthesis) -> None:
        stand_in.latent.z.sum().item()

    baked(read)
    for shown, before in zip(two_paintings(), expected, strict=True):
        assert_equal(shown, before)
    assert OperationRecorder.recorded == 0
    assert len(next(iter(graphs.values())).refused) == 1
    assert ["reads a number" in each.getMessage() for each in caplog.records] == [True]


def test_where_the_host_decides_nothing_is_recorded(recording):
    recording()
    painted([painting(0, replace(CHEAP, optimiser="sgd"))], 4)
    assert OperationRecorder.recorded == 0


# How many are kept.


def test_recordings_that_need_too_much_memory_are_forgotten(recording):
    graphs = recording(limit=1)
    painted([painting(0)], 4)
    (of_device,) = graphs.values()
    assert len(of_device.refused) == OperationRecorder.recorded == 1
    assert not of_device._recorders


def test_the_longest_unused_networks_go_first(recording):
    others = PixelGenerator(1), PIXELS[1]
    graphs = recording()
    painted([painting(0)], 2)
    (of_device,) = graphs.values()
    of_device._limit = int(1.5 * of_device._size())
    painted([painting(0, networks=others)], 2)
    assert [key.networks for key in of_device._graphs] == [
        tuple(number_of(network) for network in others)
    ]
    assert not of_device.refused
    del others
    gc.collect()
    assert not of_device._graphs
    assert of_device._size() == 0


def test_when_memory_runs_out_recordings_are_forgotten_first(recording, monkeypatch):
    graphs = recording()
    ours = painting(0)
    decode = PixelGenerator.decode
    short: list[str] = []

    def decode_at_times(self: PixelGenerator, z: torch.Tensor) -> torch.Tensor:
        if short:
            raise torch.OutOfMemoryError(short.pop())
        return decode(self, z)

    monkeypatch.setattr(PixelGenerator, "decode", decode_at_times)
    for before, recorded, refused in ((2, 1, 0), (1, 2, 1), (1, 2, 1)):
        painted([ours], before)
        short.append("CUDA out of memory.")
        ours.step()
        (of_device,) = graphs.values()
        assert (OperationRecorder.recorded, len(of_device.refused)) == (recorded, refused)
    assert ours.recovery.passes == 2  # when there was nothing to forget


def test_it_can_be_turned_off(recording, monkeypatch):
    recording()
    monkeypatch.setattr(registry, "RECORDERS", dict(registry.RECORDERS))
    registry.turn_off()
    painted([painting(0)], 4)
    assert OperationRecorder.recorded == 0


def test_a_recording_keeps_the_memory_that_it_uses_and_no_other() -> None:
    ours = painting(0, networks=NETWORKS)
    with Uses() as uses:
        picture = measure([ours]).pictures
        made = picture + 1
        memory = weakref.ref(made.untyped_storage())
        assert memory() is not None
        del made
        assert memory() is None
    kept = {storage.data_ptr() for storage in uses.outside()}
    weights = ours.generator.parameters()
    assert ours.latent.z.data_ptr() in kept
    assert any(weight.data_ptr() in kept for weight in weights)
    assert picture.data_ptr() not in kept
