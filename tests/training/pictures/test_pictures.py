from __future__ import annotations

import bz2
import json

import numpy as np
import pytest
from PIL import Image

from tests.training.generator.tiny import sources
from training.pictures.colours import random_colour, recolour, tint
from training.pictures.dead_leaves import dead_leaves
from training.pictures.drawings import Icon, load_drawings, paste_drawings
from training.pictures.noise import fractal, sky, texture
from training.pictures.photographs import crop, load_held_out, load_photographs
from training.pictures.pool import PicturePool, Sources


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def leaves(seed: int) -> np.ndarray:
    return dead_leaves(24, lambda chance: texture(30, chance), rng(seed))


def test_dead_leaves_have_many_colours_and_repeat_with_their_seed():
    picture = leaves(5)
    assert picture.shape == (24, 24, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, leaves(5))
    assert not np.array_equal(picture, leaves(6))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 30


@pytest.mark.parametrize("draw", [texture, sky])
def test_noise_fills_the_square_and_repeats_with_its_seed(draw):
    picture = draw(24, rng(3))
    assert picture.shape == (24, 24, 3)
    assert np.array_equal(picture, draw(24, rng(3)))
    assert picture.std() > 1


def test_fractal_noise_has_the_requested_spectrum():
    noise = fractal(128, 1, rng(), power=1.5)[..., 0]
    amplitude = np.abs(np.fft.rfft2(noise))[:64, :64]
    frequency = np.hypot(*np.mgrid[:64, :64])
    low, high = ((frequency > a) & (frequency < b) for a, b in ((4, 8), (32, 64)))
    slope = np.log(amplitude[low].mean() / amplitude[high].mean()) / np.log(
        frequency[high].mean() / frequency[low].mean()
    )
    assert slope == pytest.approx(1.5, abs=0.15)


def test_varied_colours_stay_in_range():
    chance = rng()
    picture = chance.random((8, 8, 3), dtype=np.float32)
    for _ in range(30):
        for varied in (
            recolour(picture, chance),
            tint(picture[..., :1], chance),
            random_colour(chance),
        ):
            assert varied.min() >= 0
            assert varied.max() <= 1
    assert varied.dtype == np.float32


def test_a_crop_is_reduced_but_never_enlarged_from_a_larger_photograph():
    stripes = np.zeros((60, 90, 1), dtype=np.uint8)
    stripes[:, ::2] = 255
    for seed in range(10):
        # Enlarged stripes would be wider than one pixel: neighbours alike.
        square = crop(stripes, 60, rng(seed))[..., 0].astype(int)
        assert max(np.abs(np.diff(square, axis=axis)).mean() for axis in (0, 1)) == 255
    assert crop(stripes, 100, rng()).shape == (100, 100, 1)


def test_held_out_photographs_are_never_trained_on(tmp_path):
    for name in ("coffee.png", "chelsea.png", "china.jpg", "harbour.jpg", "text.png"):
        Image.new("RGB", (40, 30), "red").save(tmp_path / name)
    Image.new("L", (40, 30)).save(tmp_path / "moon.png")
    (tmp_path / "README.txt").write_text("no picture")
    shapes = [each.shape for each in load_photographs([tmp_path])]
    assert shapes == [(30, 40, 3), (30, 40, 1)]
    held_out = load_held_out([tmp_path], side=16)
    assert sorted(held_out) == ["chelsea", "china", "coffee"]
    assert held_out["coffee"].shape == (16, 16, 3)


def test_scipys_raccoon_is_read_as_a_photograph(tmp_path):
    pixels = np.arange(768 * 1024 * 3, dtype=np.uint32).astype(np.uint8).tobytes()
    (tmp_path / "face.dat").write_bytes(bz2.compress(pixels))
    assert [each.shape for each in load_photographs([tmp_path])] == [(750, 1000, 3)]


def test_a_pool_is_the_same_for_the_same_seed():
    first, again, other = (PicturePool(sources(), 8, 24, seed) for seed in (1, 1, 2))
    assert first.pictures.shape == (8, 3, 24, 24)
    assert first.pictures.equal(again.pictures)
    assert not first.pictures.equal(other.pictures)
    batches = [each.batch(3, 16, rng(4)) for each in (first, again)]
    assert batches[0].equal(batches[1])
    assert batches[0].shape == (3, 3, 16, 16)
    assert 0 <= batches[0].min() <= batches[0].max() <= 1


def test_kinds_without_sources_are_left_out():
    assert Sources([]).shares.tolist()[:2] == [0, 0]
    assert Sources([]).shares.sum() == pytest.approx(1)
    assert sources().shares[0] > sources().shares[2] > 0


def test_a_folder_of_pictures_can_be_drawings(tmp_path):
    Image.new("RGBA", (16, 16), (255, 0, 0, 255)).save(tmp_path / "square.png")
    drawings = load_drawings([tmp_path])
    picture = paste_drawings(drawings, 24, lambda _: np.zeros((24, 24, 3), dtype=np.uint8), rng(2))
    assert picture.shape == (24, 24, 3)
    assert picture[..., 0].max() == 255
    assert picture[..., 1].max() == 0


def test_an_iconify_set_can_be_drawings(tmp_path):
    pytest.importorskip("resvg_py")
    icons = {
        "b": {"body": '<path fill="#00f" d="M0 0h8v8H0z"/>'},
        "a": {"body": '<path fill="#f00" d="M0 0h16v16H0z"/>', "width": 16, "height": 16},
        "old": {"body": "", "hidden": True},
    }
    (tmp_path / "icons.json").write_text(json.dumps({"icons": icons, "width": 8, "height": 8}))
    red, blue = load_drawings([tmp_path])
    assert isinstance(red, Icon)
    assert red.draw(10).size == (10, 10)
    assert red.draw(10).getpixel((5, 5)) == (255, 0, 0, 255)
    assert blue.draw(10).getpixel((9, 9)) == (0, 0, 255, 255)
