"""Going on from a picture: variations, growing in stages, and painting around it."""

from __future__ import annotations

import hashlib
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.errors import OutOfMemoryError, RequestError
from engine.models.generators.fourier import FourierGenerator
from engine.painting.pipeline import imagine, paint, prepare
from engine.painting.synthesis import Synthesis
from engine.painting.varied import mixed
from engine.request.extent import Extent, parse_extent
from engine.request.from_text import request_from_text
from engine.request.growth import Growth, stages
from engine.request.prompt import Prompt
from engine.request.variation import STRONG, SUBTLE
from tests.engine.pictures.encoding import encoded
from tests.engine.tiny import check_resumes, tiny_generator, tiny_perceptor, tiny_recipe
from tests.tiny_model import tiny_request

GENERATOR, PERCEPTOR = tiny_generator(), tiny_perceptor()
START = torch.linspace(0, 1, 3 * 24 * 32).view(1, 3, 24, 32)


def painting(seed=1, **recipe):
    start = START
    if "width" in recipe:
        start = torch.nn.functional.interpolate(START, (recipe["height"], recipe["width"]))
    return Synthesis(GENERATOR, PERCEPTOR, [Prompt("a")], tiny_recipe(**recipe), seed, start)


@pytest.mark.parametrize("latent", ["quantised", "codebook"])
def test_a_variation_is_the_same_for_the_same_seed_and_amount_only(latent):
    def start(seed, amount):
        return painting(seed, vary=amount, latent=latent).latent.z.detach()

    assert torch.equal(start(1, 0.5), start(1, 0.5))
    assert not torch.equal(start(1, 0.5), start(2, 0.5))
    assert not torch.equal(start(1, 0.5), start(1, 0.6))
    assert torch.equal(start(1, 0.0), start(2, 0.0))


def test_a_variation_is_further_away_the_more_it_is_disturbed():
    plain = painting(vary=0.0).latent.z.detach()

    def changed(amount):
        return (painting(vary=amount).latent.z.detach() != plain).any(1).float().mean()

    shares = [float(changed(amount)) for amount in (0.1, 0.3, 0.6, 1)]
    assert shares == pytest.approx([0.1, 0.3, 0.6, 1], abs=0.1)
    # At the other end nothing of the picture is left.
    other = Synthesis(GENERATOR, PERCEPTOR, [Prompt("a")], tiny_recipe(), 1)
    assert torch.allclose(painting(vary=1.0).latent.z, other.latent.z, atol=1e-6)


def test_what_begins_again_begins_as_a_new_picture_does():
    one = painting(vary=1.0, spread=0.1)
    other = Synthesis(GENERATOR, PERCEPTOR, [Prompt("a")], tiny_recipe(spread=0.1), 1)
    assert torch.allclose(one.latent.z, other.latent.z, atol=1e-6)
    assert torch.equal(one.latent.initial, painting().latent.initial)


def test_only_strong_variations_are_pulled_aside_and_only_in_their_first_half():
    def pulls(amount, seed=1):
        one = painting(seed, vary=amount, iterations=4)
        found = []
        for _ in range(4):
            found += [pull for pull in one.pulls() if pull.target.name == "variation"]
            one.step()
        assert "variation" not in one.losses
        return found

    assert pulls(0.0) == pulls(SUBTLE) == []
    weak, strong, all_of_it = (
        [float(pull.weights[0]) for pull in pulls(amount)] for amount in (0.45, STRONG, 1)
    )
    assert len(weak) == len(strong) == 2  # of the four iterations
    assert weak[0] == pytest.approx(strong[0] / 2)
    assert strong == all_of_it
    one, other = (pulls(STRONG, seed)[0].target.vectors[0] for seed in (1, 2))
    assert float(one.norm()) == pytest.approx(1)
    assert float((one * other).sum()) < 0.9
    assert torch.equal(one, pulls(STRONG)[0].target.vectors[0])


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_strong_variation_resumes_in_the_same_pixels(steps):
    one = painting(vary=STRONG, iterations=4)
    for _ in range(steps):
        one.step()
    check_resumes(one, painting(vary=STRONG, iterations=4))


def test_latents_that_are_the_whole_picture_s_are_mixed():
    generator = FourierGenerator()
    one, other = (
        Synthesis(generator, PERCEPTOR, [Prompt("a")], tiny_recipe(vary=amount), 1, START)
        for amount in (0.3, 0.0)
    )
    assert bool((one.latent.z != other.latent.z).all())
    assert (
        torch.corrcoef(torch.stack([one.latent.z.flatten(), other.latent.z.flatten()]))[0, 1] > 0.5
    )


@given(st.floats(0, 1))
def test_mixing_keeps_the_variance_of_latents(amount):
    noise = torch.Generator().manual_seed(3)
    z, other = torch.randn(2, 20_000, generator=noise) * 2 + 5
    assert float(mixed(z, other, torch.tensor(5.0), amount).std()) == pytest.approx(2, rel=0.03)


def test_growing_sizes_are_multiples_and_never_grow_by_more():
    assert stages((256, 256), (512, 512), 1.5, 16) == ((368, 368), (512, 512))
    assert stages((256, 256), (512, 384), 2.0, 16) == ((512, 384),)
    assert stages((250, 250), (256, 256), 1.5, 16) == ((256, 256),)
    assert stages((100, 50), (800, 400), 2.0, 8) == ((200, 96), (400, 200), (800, 400))


@given(st.integers(16, 512), st.integers(16, 2048), st.sampled_from([1.2, 1.5, 3.0]))
def test_every_growth_ends_at_its_size_in_as_few_stages_as_it_can(start, end, factor):
    sizes = stages((start, start), (end, end), factor, 16)
    assert sizes[-1] == (end, end)
    ratio = max(1.0, end / start)
    assert len(sizes) <= max(1, math.ceil(math.log(ratio) / math.log(factor)))
    for before, after in itertools.pairwise(sizes):
        assert before[0] < after[0] <= before[0] * factor * 1.1 + 16


def test_stages_share_the_iterations_and_the_last_goes_on():
    growth = Growth(((8, 8), (16, 16), (32, 32)), 9)
    assert [growth.stage(i) for i in range(12)] == [0] * 3 + [1] * 3 + [2] * 6
    assert [i for i in range(12) if growth.grows_at(i)] == [3, 6]


def growing(**recipe):
    growth = Growth(((16, 12), (32, 24)), 6)
    return painting(**{"width": 16, "height": 12, "growth": growth, "ema": 0.5, **recipe})


def test_a_painting_grows_and_is_shown_in_one_size():
    one = growing()
    iterates = list(paint(one))
    assert [tuple(each.image.shape[-2:]) for each in iterates] == [(12, 16)] * 3 + [(24, 32)] * 4
    assert {each.to_pil().size for each in iterates} == {(32, 24)}
    assert iterates[-1].full_size().size == (32, 24)
    # What it grew from is still there.
    small = torch.nn.functional.interpolate(iterates[3].image[None], (12, 16), mode="area")
    assert float((small - iterates[2].image).abs().mean()) < 0.2


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_growing_painting_resumes_in_the_same_pixels(steps):
    one = growing()
    for _ in range(steps):
        one.step()
    check_resumes(one, growing())


def test_growing_that_fails_leaves_the_painting_as_it_was(monkeypatch):
    one, other = growing(), growing()
    for each in (one, other):
        each.step()
        each.step()
    with monkeypatch.context() as patched:
        patched.setattr(Synthesis, "_grow", fail)
        with pytest.raises((RuntimeError, OutOfMemoryError)):
            one.step()
    assert one.latent.z.shape == other.latent.z.shape
    one.step()
    other.step()
    assert one.recipe.width == 32
    assert torch.equal(one.look().image, other.look().image)


def fail(*_):
    raise RuntimeError("the disk is on fire")


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_a_request_grows_from_its_picture_to_its_size(tiny):
    data = encoded(Image.linear_gradient("L").resize((32, 32)).convert("RGB"))
    request = tiny_request(init_image=sha(data), width=64, height=64, grow=1.5, iterations=4)
    one = prepare(request, tiny, {sha(data): data})
    assert one.recipe.growth == Growth(((46, 46), (64, 64)), 4)
    *_, last = paint(one)
    assert last.full_size().size == (64, 64)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("--grow 1.5", "needs a size"),
        ("--grow 1.5 --size 64 --where fox", "doesn't work with a mask"),
        ("@left --grow 1.5 --size 64", "doesn't work with regions"),
        ("--grow 1.5 --size 64 --zoom 1.1", "doesn't work with zoom"),
        ("--grow 1 --size 64", "grow must be between"),
        ("--vary 0", "vary must be above 0"),
        ("--extend 1", "extend must be above 1"),
        ("--extend left", "extend must be above 0"),
        ("--extend north:1", "write it like"),
        ("--extend left:1,left:1", "write it like"),
        ("--extend 1.5 --where fox", "doesn't work with where"),
        ("--extend 1.5 --ar 2:1", "doesn't work with aspect"),
        ("--extend 1.5 --tile", "tile doesn't work"),
        ("--extend 1.5 --zoom 1.1", "move the whole picture"),
    ],
)
def test_what_does_not_go_together_is_refused(typed, words):
    with pytest.raises(RequestError, match=words):
        request_from_text(f"a fox {typed}", init_image="a" * 64)


def test_extents_are_read():
    assert parse_extent("1.5") == Extent(0.25, 0.25, 0.25, 0.25)
    assert parse_extent("left:0.5, up:0.25") == Extent(left=0.5, up=0.25)
    assert parse_extent("2").of((100, 50)) == (50, 50, 25, 25)


@pytest.mark.parametrize(
    ("extend", "size", "place"),
    [("1.5", (48, 48), (8, 8)), ("left:0.5", (48, 32), (16, 0)), ("down:1", (32, 64), (0, 0))],
)
def test_around_a_picture_everything_is_painted_and_itself_stays(tiny, extend, size, place):
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise))
    request = tiny_request(init_image=sha(data), extend=extend, iterations=2)
    *_, last = imagine(request, pictures={sha(data): data}, models=tiny)
    whole = last.full_size()
    assert whole.size == size
    box = (*place, place[0] + 32, place[1] + 32)
    assert np.array_equal(np.asarray(whole.crop(box)), noise)
    outside = np.asarray(whole).astype(int)
    mirrored = np.pad(
        noise,
        (
            (place[1], size[1] - place[1] - 32),
            (place[0], size[0] - place[0] - 32),
            (0, 0),
        ),
        mode="symmetric",
    )
    assert np.abs(outside - mirrored).max() > 20  # it is painted, not mirrored
