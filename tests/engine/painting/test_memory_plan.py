"""What fits into memory: refused with the size that fits, in more passes, or painted at once."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine import ImageRequest, imagine
from engine.errors import OutOfMemoryError, RequestError
from engine.models import Models, load_models
from engine.models.generators.decoder.layers import Convolution
from engine.models.generators.taming import VQGenerator, VQModel
from engine.models.kernels.winograd import WORK_BYTES
from engine.painting.footprint import footprint_of, kept_by_generator
from engine.painting.memory_plan import MemoryPlan, plan_memory, smaller_sizes
from engine.painting.pipeline import prepare
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation, Early, Recipe
from tests.checkpoints import DDCONFIG
from tests.engine.tiny import tiny_generator, tiny_perceptor, tiny_recipe

ROOT = Path(__file__).resolve().parents[3]
MB, GB = 10**6, 10**9


@pytest.fixture(scope="module")
def tiny() -> Models:
    return Models("tiny", tiny_generator(), tiny_perceptor(), {}, torch.device("cpu"))


@pytest.fixture(scope="module")
def natural() -> Models:
    return load_models("natural", device="cpu", precision="float32")


def plan(models: Models, recipe: Recipe, free: int | None) -> MemoryPlan:
    return plan_memory(models.generator, models.perceptor, recipe, free)


def square(side: int, count: int, **changes: object) -> Recipe:
    return tiny_recipe(width=side, height=side, augmentation=Augmentation(count=count), **changes)


@pytest.mark.parametrize("kind", ["quantised", "recomputed", "bf16", "fourier", "curves"])
def test_small_pictures_determine_what_a_large_one_keeps(kind):
    own = kind in ("fourier", "curves")
    name, precision = (f"natural-{kind}" if own else "natural"), "float32"
    if kind == "bf16":
        precision = "bf16"
    generator = load_models(name, device="cpu", precision=precision).generator
    counted = kept_by_generator(generator, recompute=kind == "recomputed")
    decode = generator.decode_in_less_memory if kind == "recomputed" else generator.decode
    for width, height in ((128, 96), (64, 160)):
        sizes: dict[int, int] = {}
        weights = {weight.data_ptr() for weight in generator.state_dict().values()}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()  # noqa: B023
            return tensor

        z = generator.random_latent(height, width, Draws(0)).requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            picture = decode(z)
        sizes[picture.data_ptr()] = picture.nbytes
        kept = sum(size for place, size in sizes.items() if place not in weights)
        assert counted.at(width, height) == pytest.approx(kept, rel=0.002)


def test_kernels_that_are_made_for_larger_pictures_are_planned_until_they_are_there():
    # Its two levels have 128 and 256 channels.
    generator = VQGenerator(VQModel({**DDCONFIG, "ch": 128, "ch_mult": (1, 2)}, 40, 32))
    generator.eval().requires_grad_(False)
    layers = [layer for layer in generator.modules() if isinstance(layer, Convolution)]
    counted, there = kept_by_generator(generator), 0
    assert counted.made_at(48) == 0
    for height in (64, 128):  # the upper level alone, then both
        planned = counted.made_at(height)
        z = generator.random_latent(height, 16, Draws(0)).requires_grad_()
        generator.decode(z).sum().backward()
        made = [
            each.of(layer.weight).nbytes
            for layer in layers
            for each in (layer.rows.forward, layer.rows.backward)
            if each.is_made(layer.weight)
        ]
        assert planned - WORK_BYTES == sum(made) > there
        there = sum(made)
    assert kept_by_generator(generator).made_at(128) == 0


def test_with_enough_memory_it_takes_one_pass(natural):
    assert plan(natural, square(256, 32), 4 * GB) == MemoryPlan(roomy=True)


def test_with_less_memory_it_takes_more_passes_then_recomputes_before_it_refuses(natural):
    rooms = range(4000, 100, -20)
    plans = []
    for room in rooms:
        with contextlib.suppress(OutOfMemoryError):
            plans.append(plan(natural, square(256, 32), room * MB))
    taken = [(plan.recompute, plan.passes) for plan in plans]
    assert taken == sorted(taken)
    assert taken[0] == (False, 1)
    assert (False, 4) in taken
    assert taken[-1] == (True, 32)
    assert len(taken) < len(rooms)


def test_an_unknown_amount_of_memory_refuses_nothing(natural):
    assert plan(natural, square(2048, 64), None) == MemoryPlan()


def test_a_model_of_one_size_is_not_counted_and_not_refused(tiny, monkeypatch):
    generator = tiny_generator()

    def random_latent(*_: object) -> torch.Tensor:
        raise RequestError("This model only paints 512x512.")

    monkeypatch.setattr(generator, "random_latent", random_latent)
    assert plan(replace(tiny, generator=generator), square(512, 8), 1 * MB) == MemoryPlan()


def test_the_refusal_names_the_largest_size_that_fits(natural):
    with pytest.raises(OutOfMemoryError) as refused:
        plan(natural, square(1024, 8), 1 * GB)
    assert str(refused.value).startswith("A picture of 1024x1024 needs about ")
    assert "and 1.0 GB are free; " in str(refused.value)
    size = str(refused.value).partition("; ")[2].removesuffix(" would fit.")
    side = int(size.partition("x")[0])
    assert size == f"{side}x{side}"
    assert plan(natural, square(side, 8), 1 * GB) == MemoryPlan(8, recompute=True)
    with pytest.raises(OutOfMemoryError):
        plan(natural, square(side + 8, 8), 1 * GB)


def test_if_no_size_fits_it_says_so(natural):
    with pytest.raises(OutOfMemoryError, match=r"; choose a smaller model\.$"):
        plan(natural, square(256, 8), 10 * MB)


def test_smaller_sizes_keep_the_shape_and_the_grid():
    sizes = smaller_sizes(512, 256, 16)
    assert sizes[:3] == [(496, 256), (480, 240), (464, 224)]
    assert all(width % 16 == height % 16 == 0 for width, height in sizes)
    assert sizes[-1] == (16, 16)
    assert smaller_sizes(256, 512, 16)[1] == (240, 480)


def test_fewer_cutouts_at_first_do_not_hide_the_later_ones(natural):
    early = Early(share=0.5, count=1, size=64)
    room = 800 * MB
    assert plan(natural, square(256, 32, early=early), room) == plan(natural, square(256, 32), room)


def test_logits_of_all_codes_count(tiny):
    def peak(latent: str) -> int:
        recipe = square(128, 1, latent=latent)
        footprint = footprint_of(tiny.generator, tiny.perceptor, recipe, recipe.augmentation)
        return footprint.peak(128, 128, 1)

    logits = 40 * 64 * 64 * 4  # bytes: codes, tokens, float32
    assert peak("codebook") - peak("quantised") > 4 * logits  # z, its gradient, Adam's moments


def test_a_painting_is_prepared_with_its_passes(natural, monkeypatch):
    monkeypatch.setattr("engine.painting.pipeline.free_bytes", lambda device: 800 * MB)
    request = ImageRequest(prompt="a fox", cutouts=32, width=256, height=256)
    synthesis = prepare(request, natural)
    assert synthesis.recovery.passes == synthesis.recovery.fewest > 1
    assert prepare(request, natural, check_memory=False).recovery.passes == 1


def test_imagine_refuses_before_it_paints_and_can_be_told_not_to(tiny, monkeypatch):
    monkeypatch.setattr("engine.painting.pipeline.free_bytes", lambda device: 1 * MB)
    request = ImageRequest(prompt="a fox", width=32, height=32, iterations=1)
    with pytest.raises(OutOfMemoryError, match="choose a smaller model"):
        imagine(request, models=tiny)
    assert len([*imagine(request, models=tiny, check_memory=False)]) == 2


LIMITED = """
    import ctypes, gc, re, sys
    from pathlib import Path
    import torch
    torch.set_num_threads(1)
    from engine.errors import OutOfMemoryError, RequestError
    from engine.models import load_models
    from engine.painting import pipeline
    from engine.request.request import ImageRequest

    def resident(name):
        status = Path("/proc/self/status").read_text()
        return int(re.search(name + r":\\s+(\\d+)", status)[1]) * 1024

    def request(side):
        return ImageRequest(prompt="a fox", width=side, height=side, iterations=2, seed=1)

    limit, name, precision = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    models = load_models(name, device="cpu", precision=precision)
    list(pipeline.imagine(request(32), models=models))  # loads what is loaded on first use
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    pipeline.free_bytes = lambda device: limit
    try:
        pipeline.prepare(request(2048), models)
    except OutOfMemoryError as error:
        side = int(re.search(r"; (\\d+)x", str(error))[1])
    list(pipeline.imagine(request(side), models=models))
    print(side, resident("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it reads Linux's files")
@pytest.mark.parametrize(
    ("name", "precision"), [("natural", "float32"), ("natural", "bf16"), ("drawn", "float32")]
)
def test_the_size_that_a_refusal_names_fits_into_that_memory_and_uses_most_of_it(name, precision):
    limit = 600 * MB
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIMITED), str(limit), name, precision],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    side, used = map(int, done.stdout.split())
    assert 0.7 * limit < used < 1.03 * limit, f"{side} px took {used / MB:.0f} MB"
