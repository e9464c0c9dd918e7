"""Running out of memory, and numbers that overflow."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.errors import CheckpointError, NumericalError, RequestError
from engine.models import Models, load_models
from engine.models.generators.taming import VQGenerator
from engine.models.packages import clip_model
from engine.models.perceptors.openai_clip import ClipPerceptor
from engine.painting.cutouts import draw_cutouts
from engine.painting.looking import SharedCutouts, look_in_parts
from engine.painting.pipeline import paint, prepare, provenance
from engine.painting.recovery import size_that_fits
from engine.painting.synthesis import Synthesis
from engine.random_numbers import Draws
from engine.request.method.regulariser import Regulariser
from engine.request.prompt import Prompt
from engine.request.recipe import Augmentation
from engine.request.request import ImageRequest
from tests.engine.tiny import Broken, assert_same, tiny_generator, tiny_perceptor, tiny_recipe

ROOT = Path(__file__).resolve().parents[3]
PROMPTS = [Prompt("a red star"), Prompt("fog", -0.5, 0.2)]


def synthesis_of(perceptor=None, start=None, keep=0.0, **changes: Any) -> Synthesis:
    recipe = tiny_recipe(**{"augmentation": Augmentation(count=5), **changes})
    return Synthesis(
        tiny_generator(), perceptor or tiny_perceptor(), PROMPTS, recipe, 1, start, keep=keep
    )


# A step is done, or nothing has happened.


class FailAt(TorchDispatchMode):
    """Raises ``error`` instead of operation number ``at`` (counted from 1)."""

    def __init__(self, at: int, error: Exception, synthesis: Synthesis | None = None) -> None:
        super().__init__()
        self.at, self.error, self.count = at, error, 0
        self.first_change = 0  # the first operation that writes to the state of ``synthesis``
        self._synthesis = synthesis

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        if self.count == self.at:
            raise self.error
        if self._synthesis is not None and self.first_change == 0 and func._schema.is_mutable:
            state = [self._synthesis.latent.z, *self._synthesis.optimiser.moments()]
            if any(args[0] is each for each in state):
                self.first_change = self.count
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("passes", "recipe"),
    [
        (1, {}),
        (1, {"latent": "codebook"}),
        (2, {"restart_every": 3, "regulariser": Regulariser(0.5, "linear", "zero")}),
    ],
    ids=["one pass", "codebook", "two passes, Adam restarts"],
)
def test_a_step_that_fails_at_any_operation_changes_nothing(passes, recipe):
    synthesis = synthesis_of(iterations=30, **recipe)
    for _ in range(3):
        synthesis.step()
    synthesis.recovery.plan(passes)
    before = synthesis.state_dict()
    with FailAt(0, ValueError(), synthesis) as counting:
        synthesis.step()
    after = synthesis.state_dict()
    synthesis.load_state_dict(before)
    assert counting.count > 200
    # Samples of what only reads the state, and all of the end, which changes it.
    first, last = counting.first_change, counting.count
    assert last - 40 < first < last - 5
    for at in [*range(1, first, 97), *range(first - 1, last + 1)]:
        with pytest.raises(ValueError, match="on purpose"), FailAt(at, ValueError("on purpose")):
            synthesis.step()
        assert_same(synthesis.state_dict(), before)
    synthesis.step()
    assert_same(synthesis.state_dict(), after)


def test_an_out_of_memory_at_any_operation_counts_no_step_twice():
    synthesis = synthesis_of(iterations=30)
    synthesis.step()
    before = synthesis.state_dict()
    with FailAt(0, ValueError(), synthesis) as counting:
        synthesis.step()
    whole = synthesis.state_dict()
    first, last = counting.first_change, counting.count
    assert last - 40 < first < last - 5
    for at in [*range(1, first, 149), *range(first, last + 1, 2)]:
        synthesis.load_state_dict(before)
        synthesis.recovery.passes = 1
        with FailAt(at, torch.OutOfMemoryError("CUDA out of memory.")):
            iterate = synthesis.step()
        state = synthesis.state_dict()
        assert synthesis.recovery.passes == 2
        assert iterate.iteration == 1
        assert state["iteration"] == state["optimiser"]["steps"] == 2
        torch.testing.assert_close(state["optimiser"]["mean"], whole["optimiser"]["mean"])


def test_an_error_in_looking_changes_nothing():
    synthesis = synthesis_of(latent="codebook")
    before = synthesis.state_dict()
    with pytest.raises(ValueError, match="on purpose"), FailAt(20, ValueError("on purpose")):
        synthesis.look()
    assert_same(synthesis.state_dict(), before)


# Memory.


def out_of_memory_at(synthesis: Synthesis, *iterations: int) -> None:
    """Let memory run out once in each of these iterations, counted from 0, in the update."""
    left = set(iterations)
    update = synthesis.latent.after_step

    def after_step() -> None:
        update()
        if synthesis.iteration in left:
            left.remove(synthesis.iteration)
            raise torch.OutOfMemoryError("CUDA out of memory.")

    synthesis.latent.after_step = after_step  # type: ignore[method-assign]


def passes_of(synthesis: Synthesis, iterations: int) -> list[int]:
    """The number of passes after each of the next ``iterations``."""
    passes = []
    for _ in range(iterations):
        synthesis.step()
        passes.append(synthesis.recovery.passes)
    return passes


@pytest.fixture
def impatient(monkeypatch):
    """Passes come down after 3 iterations without trouble, instead of 20."""
    monkeypatch.setattr("engine.painting.recovery._PATIENCE", 3)


@pytest.mark.usefixtures("impatient")
def test_passes_come_down_again_after_iterations_without_trouble():
    synthesis = synthesis_of(iterations=30)
    out_of_memory_at(synthesis, 2)
    assert passes_of(synthesis, 10) == [1] * 2 + [2] * 5 + [1] * 3


@pytest.mark.usefixtures("impatient")
def test_each_time_that_memory_runs_out_they_stay_up_for_twice_as_long():
    synthesis = synthesis_of(iterations=60)
    out_of_memory_at(synthesis, 2, 8, 10)
    assert passes_of(synthesis, 40) == [1] * 2 + [2] * 5 + [1] + [2] * 2 + [4] * 23 + [2] * 7


@pytest.mark.usefixtures("impatient")
def test_passes_that_were_planned_stay():
    synthesis = synthesis_of(iterations=30)
    synthesis.recovery.plan(2)
    out_of_memory_at(synthesis, 2)
    assert passes_of(synthesis, 10) == [2] * 2 + [4] * 5 + [2] * 3


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("stopped_at", [1, 4, 8, 11])
def test_a_painting_that_ran_out_of_memory_resumes_as_if_it_was_never_stopped(stopped_at, tmp_path):
    whole = synthesis_of(iterations=30)
    out_of_memory_at(whole, 2)
    passes_of(whole, stopped_at)
    torch.save(whole.state_dict(), tmp_path / "state.pt")
    resumed = synthesis_of(iterations=30)
    if stopped_at == 1:
        out_of_memory_at(resumed, 2)
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    rest = 14 - stopped_at
    assert passes_of(resumed, rest) == passes_of(whole, rest)
    assert_same(resumed.state_dict(), whole.state_dict())


@pytest.mark.parametrize("scheme", [None, "philox4x32-10 v0"])
def test_a_state_with_other_random_numbers_is_refused_and_changes_nothing(scheme):
    """Of earlier versions it has the state of torch's generator instead."""
    whole, resumed = synthesis_of(), synthesis_of()
    whole.step()
    state = {**whole.state_dict(), "random": scheme, "rng": torch.get_rng_state()}
    before = resumed.state_dict()
    with pytest.raises(RequestError, match="other random numbers, and can't be continued"):
        resumed.load_state_dict(state)
    assert_same(resumed.state_dict(), before)


def test_the_state_has_no_random_generator_but_the_name_of_the_scheme():
    synthesis = synthesis_of()
    assert synthesis.state_dict()["random"] == "philox4x32-10 v1"
    assert "rng" not in synthesis.state_dict()


def test_less_memory_than_when_it_was_stopped_needs_more_passes():
    whole, resumed = synthesis_of(), synthesis_of()
    whole.step()
    resumed.recovery.plan(4)
    resumed.load_state_dict(whole.state_dict())
    assert resumed.recovery.passes == resumed.recovery.fewest == 4


@pytest.mark.parametrize("passes", [2, 3, 5, 9])
def test_the_loss_and_the_gradient_are_the_same_in_passes(passes):
    edit = {
        "start": torch.rand(1, 3, 24, 32),
        "keep": 0.5,
        "regulariser": Regulariser(0.5, "linear", "zero"),
    }
    whole, parts = synthesis_of(**edit), synthesis_of(**edit)
    parts.recovery.passes = passes
    one, other = whole.step(), parts.step()
    assert torch.equal(one.image, other.image)
    assert whole.losses == pytest.approx(parts.losses, rel=1e-5)
    assert set(one.losses) == {"total", "a red star", "fog:-0.5:0.2", "structure", "regulariser"}
    assert whole.latent.z.grad is not None
    torch.testing.assert_close(parts.latent.z.grad, whole.latent.z.grad, rtol=1e-3, atol=1e-7)


def test_smoothness_is_the_same_in_passes():
    whole, parts = synthesis_of(smoothness=3.0), synthesis_of(smoothness=3.0)
    parts.recovery.passes = 3
    whole.step()
    parts.step()
    assert whole.losses == pytest.approx(parts.losses, rel=1e-5)
    assert whole.losses["smoothness"] > 0
    assert whole.latent.z.grad is not None
    torch.testing.assert_close(parts.latent.z.grad, whole.latent.z.grad, rtol=1e-3, atol=1e-7)


def test_a_pass_never_holds_more_than_its_cutouts():
    seen = []
    perceptor = tiny_perceptor()
    picture = torch.rand(1, 3, 24, 32)
    numbers = draw_cutouts(Augmentation(count=7), 32, 24, 16, Draws(1))
    perceptor.clip.visual.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    view = SharedCutouts(16, [numbers], [(0, perceptor)])
    look_in_parts(picture, [view], [[[lambda images, _: images.sum(1).mean()]]], 4)
    assert seen == [2, 2, 2, 1]


HUNGRY = """
    import resource, sys, torch
    torch.set_num_threads(1)
    from engine.errors import OutOfMemoryError
    from engine.request.prompt import Prompt
    from engine.request.recipe import Augmentation
    from engine.painting.synthesis import Synthesis
    from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe

    side, count, room = map(int, sys.argv[1:])
    made = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("x")], tiny_recipe(
        width=side, height=side, augmentation=Augmentation(count=count)), 1)
    small = Synthesis(tiny_generator(), tiny_perceptor(), [Prompt("x")], tiny_recipe(), 1)
    small.step()  # loads everything that is loaded on first use
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + room * 2**20,) * 2)
    try:
        made.step()
        print("painted in", made.recovery.passes)
    except OutOfMemoryError as error:
        print(error)
"""


def hungry(side, count, room):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HUNGRY), str(side), str(count), str(room)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        # The limit is on address space, so freed memory must be returned to the system.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_with_little_memory_it_paints_in_more_passes():
    said = hungry(32, 9000, 250)
    assert said.startswith("painted in ")
    assert int(said.split()[-1]) > 1


@pytest.mark.slow
def test_if_one_cutout_is_too_much_the_message_has_a_size_that_fits():
    said = hungry(512, 1, 150)
    assert said.startswith("There isn't enough memory for a picture of 512x512")
    side = int(said.removesuffix(" would fit.").split("x")[-1])
    assert 0 < side < 512


def test_the_size_that_fits_is_smaller_and_on_the_grid():
    synthesis = synthesis_of()
    assert size_that_fits(synthesis.generator, synthesis.perceptor, synthesis.recipe) == (26, 20)


# Numbers.


def broken_at(*calls):
    perceptor = tiny_perceptor()
    perceptor.clip.visual = Broken(perceptor.clip.visual, calls)
    return synthesis_of(perceptor, iterations=30)


def test_numbers_that_overflow_once_return_to_the_last_finite_state():
    synthesis = broken_at(14)  # iteration 13
    for _ in range(13):
        synthesis.step()
    assert synthesis.step().iteration == 10
    while synthesis.iteration < 30:
        synthesis.step()
    assert synthesis.latent.z.isfinite().all()
    [remark] = synthesis.remarks
    assert remark == (
        "The numbers overflowed at iteration 13, so painting continued from iteration 10."
    )
    assert remark in synthesis.notices()


def test_numbers_that_keep_overflowing_are_reported():
    synthesis = broken_at(*range(14, 100))
    for _ in range(13):
        synthesis.step()
    before = synthesis.latent.z.detach().clone()
    with pytest.raises(NumericalError, match=r"at iteration 13.*smaller learning rate"):
        synthesis.step()
    assert torch.equal(synthesis.latent.z, before)
    assert synthesis.iteration == 13


def test_overflow_in_half_precision_continues_in_float32():
    perceptor = tiny_perceptor()
    clip_model().convert_weights(perceptor.clip)  # OpenAI's own function, as used on GPUs
    with torch.no_grad():
        perceptor.clip.visual.conv1.weight *= 2e5  # its products are beyond float16's 65504
    assert perceptor.encode_image(torch.rand(1, 3, 16, 16)).isnan().any()
    synthesis = synthesis_of(perceptor)
    synthesis.step()
    assert synthesis.perceptor is not perceptor
    assert isinstance(synthesis.perceptor, ClipPerceptor)
    assert synthesis.perceptor.clip.visual.conv1.weight.dtype is torch.float32
    assert perceptor.clip.visual.conv1.weight.dtype is torch.float16  # others use it
    assert synthesis.latent.z.isfinite().all()


@pytest.fixture(scope="module", params=["drawn", "natural"])
def in_bf16(request) -> Models:
    return load_models(request.param, device="cpu", precision="bf16")


class FaultyInBf16:
    """A hook that makes a layer's output in bf16 not finite from one call on."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, module, inputs, output):
        if output.dtype is not torch.bfloat16:
            return output
        self.calls += 1
        return output * float("inf") if self.calls >= self.at else output


def painting_of(models: Models, at: int) -> tuple[Synthesis, Any]:
    """A small painting whose bf16 decoder overflows from call ``at`` on, and its layer's hook."""
    request = ImageRequest(prompt="a star", width=32, height=32, iterations=16, cutouts=2, seed=3)
    synthesis = prepare(request, models, {})
    assert isinstance(synthesis.generator, VQGenerator)
    layer = synthesis.generator.model.decoder.conv_out
    return synthesis, layer.register_forward_hook(FaultyInBf16(at))


def test_a_generator_that_overflows_in_bf16_continues_in_float32(in_bf16):
    synthesis, hook = painting_of(in_bf16, 14)
    with contextlib.closing(_Removed(hook)):
        measured = [iterate.iteration for iterate in paint(synthesis)]
    assert measured == [*range(13), *range(10, 17)]
    assert synthesis.latent.z.isfinite().all()
    [remark] = synthesis.remarks
    assert remark == (
        "The numbers overflowed at iteration 13, so painting continued from iteration 10 in "
        "float32."
    )
    assert provenance(synthesis, in_bf16)["precision"] == "bf16, float32 from iteration 10"
    # Not the rounded weights in another type: those of the checkpoint.
    full = load_models(in_bf16.name, device="cpu", precision="float32").generator
    assert_same(dict(synthesis.generator.state_dict()), dict(full.state_dict()))
    # The jobs that share the model still have it in bf16.
    assert in_bf16.generator.model.decoder.conv_out.weight.dtype is torch.bfloat16


@pytest.mark.parametrize("stopped_at", [12, 14])
def test_a_painting_that_overflowed_resumes_as_if_it_was_never_stopped(
    in_bf16, stopped_at, tmp_path
):
    whole, hook = painting_of(in_bf16, 14)
    with contextlib.closing(_Removed(hook)):
        for _ in range(stopped_at + 3 * (stopped_at > 13)):
            whole.step()
        torch.save(whole.state_dict(), tmp_path / "state.pt")
        while whole.iteration < 16:
            whole.step()
    resumed, hook = painting_of(in_bf16, 14 - stopped_at)
    with contextlib.closing(_Removed(hook)):
        resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
        while resumed.iteration < 16:
            resumed.step()
    assert_same(resumed.state_dict(), whole.state_dict())


def test_if_the_models_file_is_gone_the_rounded_weights_continue_in_float32(in_bf16, monkeypatch):
    def gone() -> Any:
        raise CheckpointError("It is gone.")

    synthesis, hook = painting_of(in_bf16, 3)
    monkeypatch.setattr(in_bf16.generator, "original", gone)
    with contextlib.closing(_Removed(hook)):
        for _ in range(4):
            synthesis.step()
    assert isinstance(synthesis.generator, VQGenerator)
    assert synthesis.generator.model.decoder.conv_out.weight.dtype is torch.float32
    assert synthesis.latent.z.isfinite().all()


def test_float32_that_does_not_fit_into_memory_is_not_tried(in_bf16, monkeypatch):
    synthesis, hook = painting_of(in_bf16, 3)
    monkeypatch.setattr("engine.painting.recovery.free_bytes", lambda device: 1_000_000)
    with contextlib.closing(_Removed(hook)):
        synthesis.step()
        synthesis.step()
        before = synthesis.state_dict()
        with pytest.raises(NumericalError, match="at iteration 2"):
            synthesis.step()
    assert synthesis.generator is in_bf16.generator
    assert_same(synthesis.state_dict(), before)


class _Removed:
    """Removes a hook on close, as the models are shared by tests."""

    def __init__(self, hook: Any) -> None:
        self.close = hook.remove
