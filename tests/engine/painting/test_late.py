"""Losses that are read some iterations late, as on a GPU."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from engine.errors import NumericalError
from engine.models.perceptors.openai_clip import ClipPerceptor
from engine.painting import late
from engine.painting.batch import step_together
from engine.painting.synthesis import Synthesis
from engine.request.motion import Motion
from engine.request.prompt import Prompt
from tests.engine.tiny import Broken, assert_same, tiny_generator, tiny_perceptor, tiny_recipe
from tests.processes import printed_by

ITERATIONS = 12
WAYS: dict[str, dict[str, Any]] = {
    "adam": {},
    "average, restarts": {"ema": 0.8, "optimiser": "adamp", "restart_every": 3},
    "codebook": {"latent": "codebook"},
}


@pytest.fixture
def read_late(monkeypatch):
    """A function that lets losses on the CPU be read late from now on."""
    return lambda: monkeypatch.setitem(late.LAG, "cpu", 3)


def painting(broken: tuple[int, ...] = (), seed: int = 1, **changes: Any) -> Synthesis:
    """A tiny painting whose perceptor gives numbers that are not finite in the calls ``broken``."""
    perceptor = tiny_perceptor()
    perceptor.clip.visual = Broken(perceptor.clip.visual, broken)
    recipe = tiny_recipe(**{"iterations": ITERATIONS, **changes})
    prompts = [Prompt("a red star"), Prompt("fog", -0.5)]
    return Synthesis(tiny_generator(), perceptor, prompts, recipe, seed)


def finish(synthesis: Synthesis) -> list[Any]:
    """Paint to the end; the iterates."""
    iterates = []
    while synthesis.iteration < ITERATIONS:
        iterates.append(synthesis.step())
    return iterates


@pytest.mark.parametrize(("way", "at"), [("adam", 1), ("adam", 7), *((way, 12) for way in WAYS)])
def test_it_paints_the_same_also_if_numbers_overflow(read_late, way, at):
    at_once = painting((at,), **WAYS[way])
    expected = finish(at_once)
    read_late()
    synthesis = painting((at,), **WAYS[way])
    iterates = finish(synthesis)
    assert len(synthesis.remarks) == 1
    assert synthesis.remarks == at_once.remarks
    for one, other in zip(iterates[: at - 1], expected, strict=False):
        assert one.losses == other.losses
        assert torch.equal(one.image, other.image)
    assert all(iterate.image.isfinite().all() for iterate in iterates)
    assert_same(synthesis.state_dict(), at_once.state_dict())


def test_the_update_waits_for_the_numbers_on_the_device(read_late):
    read_late()
    synthesis = painting((5,))
    known = [synthesis.step() for _ in range(4)]
    z = synthesis.latent.z.detach().clone()
    assert synthesis.losses == known[0].losses  # the newest that were read
    failed, *_ = [synthesis.step() for _ in range(3)]
    assert torch.equal(synthesis.latent.z, z)
    assert synthesis.iteration == 7
    assert not all(map(math.isfinite, failed.losses.values()))
    assert synthesis.step().iteration == 0


def test_numbers_that_keep_overflowing_are_reported_with_the_painting_as_it_was(read_late):
    read_late()
    synthesis = painting(tuple(range(4, 99)))
    for _ in range(3):
        synthesis.step()
    before = synthesis.look()
    with pytest.raises(NumericalError, match="at iteration 3"):
        finish(synthesis)
    after = synthesis.look()
    assert (after.iteration, after.losses) == (before.iteration, before.losses)
    assert torch.equal(after.image, before.image)


@pytest.mark.parametrize("short_of", ["room", "passes"])
def test_where_memory_is_short_losses_are_read_at_once(read_late, monkeypatch, short_of):
    read_late()
    synthesis = painting()
    synthesis.step()
    assert not synthesis.losses
    if short_of == "room":
        monkeypatch.setattr(late, "LARGEST", synthesis.latent.z.numel() - 1)
    else:
        synthesis.recovery.plan(2)
    assert synthesis.step().losses == synthesis.losses


@pytest.mark.parametrize("asked", ["look", "state_dict", "settle"])
def test_who_looks_in_between_sees_what_is_painted(read_late, asked):
    read_late()
    synthesis = painting((2,))
    start = synthesis.latent.z.detach().clone()
    for _ in range(3):
        synthesis.step()
    assert not torch.equal(synthesis.latent.z, start)
    getattr(synthesis, asked)()
    assert synthesis.iteration == 0  # where it went back to
    assert torch.equal(synthesis.latent.z, start)


def test_the_camera_does_not_move_what_is_undone(read_late):
    motion = Motion(zoom=1.1, every=2)
    at_once = painting((6,), motion=motion)
    finish(at_once)
    read_late()
    synthesis = painting((6,), motion=motion)
    finish(synthesis)
    assert_same(synthesis.state_dict(), at_once.state_dict())


class BrokenHalf(Broken):
    """A vision tower that returns NaN for the second half of what it sees, in some calls."""

    def forward(self, pictures):
        self.calls += 1
        first, second = self.tower(pictures).chunk(2)
        return torch.cat([first, second * (math.nan if self.calls in self.at else 1.0)])


def finished_batch() -> list[Any]:
    """Two paintings, stepped together; the second's numbers overflow once."""
    first, second = painting(), painting(seed=2)
    second.generator, second.perceptor = first.generator, first.perceptor
    assert isinstance(first.perceptor, ClipPerceptor)
    first.perceptor.clip.visual = BrokenHalf(tiny_perceptor().clip.visual, (3,))
    while due := [each for each in (first, second) if each.iteration < 8]:
        step_together(due)
    assert (len(first.remarks), len(second.remarks)) == (0, 1)
    return [each.state_dict() for each in (first, second)]


def test_one_of_a_batch_goes_back_alone(read_late):
    first, second = finished_batch()
    read_late()
    late_first, late_second = finished_batch()
    assert_same(late_first, first)
    # It took other iterations alone, which rounds in another way.
    torch.testing.assert_close(late_second["latent"], second["latent"], rtol=1e-3, atol=1e-3)
    assert late_second["iteration"] == second["iteration"]


SIMULATED = """
    from types import SimpleNamespace
    import torch
    from engine.models import load_models
    from engine.painting import late
    from engine.painting.batch import step_together
    from engine.painting.cutouts import Region
    from engine.painting.graphs import cache
    from engine.painting.graphs.registry import RECORDERS, status
    from engine.painting.synthesis import Synthesis
    from engine.request.prompt import Prompt
    from engine.request.recipe import Augmentation
    from tests.engine.simulated_device import Device, simulate
    from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe

    torch.set_num_threads(1)
    there = simulate()

    def copied(numbers):
        host = torch.empty(numbers.shape, dtype=numbers.dtype)
        host.copy_(numbers, non_blocking=True)
        return host, lambda: None

    late.LAG[there.type], late.copy_to_host = 1, copied

    class Again:
        size = 0  # and nothing is recorded: a replay is the same iteration over the buffers

        def record(self, iterate):
            iterate()
            return SimpleNamespace(replay=iterate)

    def painting(generator, perceptor, side, seed, **changes):
        recipe = tiny_recipe(width=side, height=side, iterations=20,
                             augmentation=Augmentation(count=2, size=32, erasing=0.5), **changes)
        prompts = [Prompt("a fox"), Prompt("fog", -0.5, 0.2, region="hill" if seed == 3 else None)]
        mask = torch.ones(1, 1, side, side)
        regions = {"hill": Region("hill", (0, 0, side, 16), mask)}
        return Synthesis(generator, perceptor, prompts, recipe, seed, regions=regions)

    def check(name, paintings):
        step_together(paintings)  # makes what is made once
        device.waits.clear()
        step_together(paintings)  # reads the losses of the first
        print(name, device.waits)
        assert all(each.losses for each in paintings)

    with Device() as device:
        networks = tiny_generator().to(there), tiny_perceptor().to(there)
        check("published", [painting(*networks, 32, 1, optimiser="adam")])
        check("batch", [painting(*networks, 32, seed) for seed in (1, 2)])
        check("a region of a tile", [painting(*networks, 32, 3, tile=True)])
        cache.AFTER = 0
        RECORDERS[there.type] = lambda device: cache.Graphs(Again, 0)
        ours = [painting(*networks, 32, seed) for seed in (1, 2)]
        step_together(ours)  # is recorded, and then compared
        check("replayed", ours)
        (graphs,) = status().values()
        print(graphs["recorded"], graphs["refused"])
        RECORDERS.clear()
        natural = load_models("natural", device="cpu")
        networks = natural.generator.to(there), natural.perceptor.to(there)
        check("natural", [painting(*networks, 32, 1)])
        device.waits.clear()
        networks[0].codebook.sum().item()
        networks[0].codebook.cpu()
        print("counted", device.waits)
"""


def test_a_step_waits_for_nothing_on_a_device_like_a_gpu():
    assert printed_by(SIMULATED) == [
        "published []",
        "batch []",
        "a region of a tile []",
        "replayed []",
        "1 []",
        "natural []",
        "counted ['aten::_local_scalar_dense', 'aten::_to_copy from the device']",
    ]
