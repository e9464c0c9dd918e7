"""Filters, texts and training of the network of looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.models.perceptors.looks import LIGHTS as LIGHT_NAMES
from engine.models.perceptors.looks import NAMED, THING
from engine.models.perceptors.looks import STYLES as STYLE_NAMES
from tests.training.interrupted import whole_and_resumed
from training.looks.brushes import blur, light, nearest_of
from training.looks.lights import LIGHTS
from training.looks.pictures import OTHER, UNKNOWN, LooksPool
from training.looks.styles import STYLES
from training.looks.trainer import LooksTrainer, LooksTraining
from training.looks.wordings import HELD_OUT
from training.looks.words import answers_of, write
from training.pictures.pool import Sources, SourceWeights

SIDE = 64


def scene():
    """A red ball on a lawn before a blue sky, [64, 64, 3]."""
    picture = np.empty((SIDE, SIDE, 3), dtype=np.float32)
    picture[:] = (0.45, 0.65, 0.95)
    picture[SIDE // 2 :] = (0.3, 0.6, 0.2)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    picture[np.hypot(rows - 34, columns - 30) < 16] = (0.85, 0.15, 0.1)
    return picture + np.random.default_rng(2).normal(0, 0.02, picture.shape).astype(np.float32)


def saturation(picture):
    return float((picture.max(-1) - picture.min(-1)).mean())


@pytest.mark.parametrize("name", [*STYLES, *LIGHTS])
def test_each_filter_keeps_the_size_and_varies(name):
    apply = {**STYLES, **LIGHTS}[name]
    first, second = (apply(scene(), np.random.default_rng(seed)) for seed in (1, 2))
    again = apply(scene(), np.random.default_rng(1))
    assert first.shape == (SIDE, SIDE, 3)
    assert np.isfinite(first).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_styles_and_lights_have_what_defines_them():
    def of(name):
        made = {**STYLES, **LIGHTS}[name](scene(), np.random.default_rng(3))
        return made.clip(0, 1).astype(np.float32)

    plain = scene()
    for name in ("charcoal", "pencil", "woodcut", "black and white"):
        assert saturation(of(name)) < 0.2 * saturation(plain), name
    assert light(of("pencil")).mean() > 0.7
    woodcut = light(of("woodcut"))
    assert ((woodcut < 0.25) | (woodcut > 0.75)).mean() > 0.8
    blue = of("blueprint")
    assert (blue[..., 2] > blue[..., 0]).mean() > 0.9
    assert light(of("neon")).mean() < 0.4
    glass = of("stained glass")
    assert (light(glass) < 0.1).mean() > 0.1
    assert saturation(glass[light(glass) > 0.2]) > saturation(plain)
    assert len(np.unique(of("pixel art").round(3).reshape(-1, 3), axis=0)) < SIDE
    assert light(of("night")).mean() < 0.3 * light(plain).mean()
    dusk = of("dusk")
    assert dusk[..., 0].mean() > dusk[..., 1].mean()
    assert of("fog").std() < 0.7 * plain.std()
    assert light(of("snow"))[SIDE // 2 :].mean() > light(plain)[SIDE // 2 :].mean()
    water = of("underwater")
    assert water[..., 0].mean() < 0.5 * water[..., 2].mean()


def test_a_blur_is_a_gaussian_and_cells_belong_to_the_nearest_point():
    dot = np.zeros((33, 33), dtype=np.float32)
    dot[16, 16] = 1
    place = np.arange(33) - 16
    expected = np.exp(-(place[:, None] ** 2 + place**2) / (2 * 2.0**2))
    assert np.allclose(blur(dot, 2.0), expected / expected.sum(), atol=2e-3)
    points = np.array([[3.0, 3.0], [3.0, 11.0]], dtype=np.float32)
    cells, gap = nearest_of(points, 15)
    assert (cells[:, :7] == 0).all()
    assert (cells[:, 8:] == 1).all()
    assert gap[3, 7] == pytest.approx(0)
    assert gap[3, 3] == pytest.approx(8)


def sources():
    photographs = [(scene() * 255).clip(0, 255).astype(np.uint8)]
    return Sources(photographs, weights=SourceWeights(1, 0, 0, 0, 0, 0))


def test_pictures_of_the_pool_have_their_looks():
    pool, again = (LooksPool(sources(), 40, SIDE, seed=4) for _ in range(2))
    assert pool.pictures.equal(again.pictures)
    grey = {STYLE_NAMES.index(name) for name in ("charcoal", "pencil", "woodcut")}
    seen = set()
    for picture, (style, dim) in zip(pool.pictures, pool.looks.tolist(), strict=True):
        seen.add(style)
        spread = (picture.amax(0) - picture.amin(0)).float().mean()
        if style in grey:
            assert spread < 30
            assert dim == UNKNOWN
        elif style in {STYLE_NAMES.index("photograph"), OTHER}:
            assert 0 <= dim < len(LIGHT_NAMES)
    assert len(seen) > 6
    pictures, looks = pool.batch(6, 48, np.random.default_rng(1))
    assert (pictures.shape, looks.shape) == ((6, 3, 48, 48), (6, 2))


def trainer(device="cpu", **values):
    tiny: dict[str, Any] = {
        "pool": 24,
        "pool_side": 36,
        "batch": 12,
        "sides": (32,),
        "scales": (1.0,),
    }
    return LooksTrainer(
        LooksTraining(**(tiny | {"warmup": 1, "total": 200} | values)), sources(), device
    )


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    whole, second = whole_and_resumed(trainer, "looks", tmp_path, first=1, steps=3)
    for name, value in whole.network.state_dict().items():
        assert value.equal(second.network.state_dict()[name]), name
        assert whole.average.weights[name].equal(second.average.weights[name]), name


def test_the_network_learns_looks_of_pictures_that_were_moved_against_it():
    run = trainer(nearing=1, farthest=0.5)
    before = [run.step()["loss"] for _ in range(3)]
    for _ in range(40):
        run.step()
    after = [run.step()["loss"] for _ in range(3)]
    assert np.mean(after) < 0.8 * np.mean(before)


def test_texts_say_which_looks_they_name():
    rng = np.random.default_rng(5)
    for text in (write(rng) for _ in range(300)):
        names = {NAMED[number] for number in text.looks}
        assert not any(words in text.text for words in HELD_OUT if len(words) > 12)
        if "charcoal drawing" in text.text.lower():
            assert "charcoal" in names
        if text.text.lower() in {"a snow leopard", "an oil tanker", "a charcoal grill"}:
            assert names == {THING}
    assert answers_of([write(rng)]).shape == (1, len(NAMED))
