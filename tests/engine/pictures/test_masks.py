"""Masks as editors and phones export them: what a person means can change, and is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from engine.errors import RequestError
from engine.pictures.masks import read_mask
from tests.engine.pictures.encoding import encoded

SIDE = 120
DISC = (30, 30, 90, 90)


def disc(ground=0, drawn=255, at=DISC):
    """A grey picture of a disc; its edge has no mixed values."""
    image = Image.new("L", (SIDE, SIDE), ground)
    ImageDraw.Draw(image).ellipse(at, fill=drawn)
    return image


def photo(seed=1):
    """A coloured picture with smooth parts, bright and dark ones."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6, 3), np.uint8)
    small[0, 0], small[3, 3] = 255, 255
    return Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def line_art():
    """Black lines on white paper, with a filled black box."""
    image = Image.new("RGB", (SIDE, SIDE), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((5, 5, 25, 25), fill="black")
    for y in range(10, SIDE, 12):
        draw.line((0, y, SIDE, SIDE - y), fill="black", width=2)
    return image


def layer(colour, alpha):
    """One colour, opaque where ``alpha`` is white: a layer in an editor, or one with a hole."""
    image = Image.new("RGBA", alpha.size, colour)
    image.putalpha(alpha)
    return image


def with_hole(picture, hole=None):
    image = picture.convert("RGBA")
    image.putalpha(ImageChops.invert(disc() if hole is None else hole))
    return image


def over(*layers):
    whole = Image.new("RGBA", layers[0].size)
    for each in layers:
        whole.alpha_composite(each)
    return whole


def can_change(reading):
    return np.asarray(reading.white) >= 128


def masked(image, picture=None, kind="PNG", **options):
    return read_mask(encoded(image, kind, **options), picture)


INSIDE = np.asarray(disc()) > 0


# White and black, without transparency.


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "LA", "RGBA", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_in_black_and_white_the_white_can_change(mode, kind):
    image = disc().convert("L").convert("RGB" if mode == "P" else "L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(disc()).astype(np.uint16) * 257)
    elif not (kind == "TIFF" and mode == "P"):
        image = image.convert(mode)
    reading = masked(image, photo(), kind)
    assert (can_change(reading) == INSIDE).all()
    assert reading.remark is None


def test_soft_edges_stay_soft():
    soft = disc().filter(ImageFilter.GaussianBlur(6))
    assert masked(soft, photo()).white.tobytes() == soft.tobytes()
    whole = soft.convert("LA")
    assert masked(whole, photo()).white.tobytes() == soft.tobytes()


def test_a_jpeg_s_noise_does_not_matter():
    reading = masked(disc(), photo(), "JPEG", quality=60)
    assert (can_change(reading) == INSIDE).mean() > 0.99
    assert reading.remark is None


# A drawing on a transparent layer.


@pytest.mark.parametrize("under", [(0, 0, 0), (255, 255, 255), (9, 200, 77)])
@pytest.mark.parametrize("soft", [0, 3])
def test_a_white_disc_on_a_transparent_layer_can_change(under, soft):
    """GIMP and Photoshop write other colours where nothing shows."""
    alpha = disc().filter(ImageFilter.GaussianBlur(soft))
    image = Image.composite(
        Image.new("RGB", alpha.size, "white"), Image.new("RGB", alpha.size, under), disc()
    ).convert("RGBA")
    if soft:
        image = layer("white", alpha)
    image.putalpha(alpha)
    reading = masked(image, photo())
    assert (can_change(reading) == (np.asarray(alpha) >= 128)).all()
    assert "the drawing can change" in str(reading.remark)


@pytest.mark.parametrize("opacity", [255, 180, 80, 20])
def test_the_opacity_of_the_layer_does_not_matter(opacity):
    alpha = disc(drawn=opacity)
    assert (can_change(masked(layer("white", alpha), photo())) == INSIDE).all()
    both = over(layer("black", Image.new("L", (SIDE, SIDE), 255)), layer("white", disc()))
    both.putalpha(opacity)
    assert (can_change(masked(both, photo())) == INSIDE).all()


@pytest.mark.parametrize("colour", ["red", "yellow", "#0060ff"])
def test_a_coloured_stroke_on_a_transparent_layer_can_change(colour):
    reading = masked(layer(colour, disc()), photo())
    assert (can_change(reading) == INSIDE).all()
    assert "the drawing can change" in str(reading.remark)


def test_around_a_black_disc_on_a_transparent_layer_can_change():
    reading = masked(layer("black", disc()), photo())
    assert (can_change(reading) == ~INSIDE).all()
    assert reading.remark is None


def test_with_black_white_and_nothing_both_readings_hold():
    black = layer("black", disc(at=(5, 5, 50, 110)))
    white = layer("white", disc(at=(60, 40, 110, 90)))
    reading = masked(over(black, white), photo())
    stays = np.asarray(disc(at=(5, 5, 50, 110))) > 0
    assert (can_change(reading) == ~stays).all()
    assert "white and transparent parts; both can change" in str(reading.remark)


def test_an_empty_layer_lets_everything_change():
    reading = masked(Image.new("RGBA", (SIDE, SIDE)), photo())
    assert can_change(reading).all()
    assert "whole picture" in str(reading.remark)


# Something erased.


def test_a_hole_in_black_can_change():
    reading = masked(with_hole(Image.new("RGB", (SIDE, SIDE))), photo())
    assert (can_change(reading) == INSIDE).all()
    assert reading.remark is None


def test_a_hole_in_white_can_change():
    reading = masked(with_hole(Image.new("RGB", (SIDE, SIDE), "white")), photo())
    assert (can_change(reading) == INSIDE).all()
    assert "the hole can change" in str(reading.remark)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_hole_in_the_picture_can_change_and_its_white_areas_cannot(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    reading = masked(with_hole(photo()), photo(), kind, **options)
    assert (can_change(reading) == INSIDE).all()
    assert "only those parts can change" in str(reading.remark)


def test_a_hole_in_another_version_of_the_picture_can_change():
    for other in (photo().resize((60, 60)), photo(2), None):
        assert (can_change(masked(with_hole(photo()), other)) == INSIDE).all()


def test_a_hole_in_black_lines_on_white_paper_can_change_if_that_is_the_picture():
    reading = masked(with_hole(line_art()), line_art())
    assert (can_change(reading) == INSIDE).all()
    # Where it is not the picture, it is a mask in black and white, and white can change, too.
    white = np.asarray(line_art().convert("L")) > 128
    reading = masked(with_hole(line_art()), photo())
    assert (can_change(reading) == (white | INSIDE)).all()
    assert "both can change" in str(reading.remark)


def test_the_background_of_a_cut_out_can_change():
    """What "remove the background" gives."""
    cut = with_hole(photo(), ImageChops.invert(disc()))
    assert (can_change(masked(cut, photo())) == ~INSIDE).all()


def test_a_palette_s_transparent_colour_can_change():
    image = Image.new("P", (SIDE, SIDE), 0)
    image.putpalette([0, 0, 0, 90, 90, 90])
    image.paste(1, mask=disc())
    reading = masked(image, photo(), transparency=1)
    assert (can_change(reading) == INSIDE).all()
    assert (can_change(masked(image, photo(), "GIF", transparency=1)) == INSIDE).all()


def test_grey_with_alpha_and_soft_edges_is_read_by_both():
    soft = disc(at=(60, 40, 110, 90)).filter(ImageFilter.GaussianBlur(3))
    image = soft.convert("LA")
    hole = disc(at=(5, 5, 50, 50))
    image.putalpha(ImageChops.invert(hole))
    reading = masked(image, photo())
    assert (can_change(reading) == ((np.asarray(soft) >= 128) | (np.asarray(hole) > 0))).all()


# A copy of the picture that was drawn on.


@pytest.mark.parametrize("colour", ["white", "red", "#202020", "#00ff66"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_marks_on_a_copy_of_the_picture_can_change(colour, kind):
    marked = photo()
    marked.paste(Image.new("RGB", marked.size, colour), mask=disc())
    reading = masked(marked, photo(), kind, **({"quality": 90} if kind == "JPEG" else {}))
    near = np.asarray(disc().filter(ImageFilter.MaxFilter(9))) > 0  # JPEG blurs colours
    assert not can_change(reading)[~near].any()
    # Where the picture had the same colour, there is no difference.
    assert can_change(reading)[INSIDE].mean() > 0.75
    assert "the parts that differ can change" in str(reading.remark)


def test_an_unmarked_copy_and_another_picture_are_read_by_their_brightness():
    for other in (photo(), photo(2), None):
        reading = masked(photo(), other)
        assert reading.white.tobytes() == photo().convert("L").tobytes()
        assert "isn't black and white" in str(reading.remark)


def test_a_plain_mask_that_looks_like_the_picture_stays_a_mask():
    picture = disc(ground=255, drawn=0).convert("RGB")
    mask = disc(ground=255, drawn=0, at=(28, 28, 92, 92))
    reading = masked(mask, picture)
    assert reading.white.tobytes() == mask.tobytes()
    assert reading.remark is None


# Sizes, and a single pixel.


def test_a_large_mask_s_small_drawing_counts():
    alpha = Image.new("L", (3000, 2000))
    ImageDraw.Draw(alpha).ellipse((1000, 900, 1100, 1000), fill=255)
    reading = masked(layer("white", alpha), photo())
    assert reading.white.tobytes() == alpha.tobytes()


@given(
    x=st.integers(0, SIDE - 1),
    y=st.integers(0, SIDE - 1),
    alpha=st.integers(0, 254),
    mask=st.sampled_from(["white on black", "black on white", "hole", "layer", "photo"]),
)
def test_one_pixel_changes_no_other_pixel(x, y, alpha, mask):
    image = {
        "white on black": disc().convert("RGBA"),
        "black on white": ImageChops.invert(disc()).convert("RGBA"),
        "hole": with_hole(photo()),
        "layer": layer("white", disc()),
        "photo": photo().convert("RGBA"),
    }[mask]
    before = np.asarray(masked(image, photo()).white).astype(int)
    colour = image.getpixel((x, y))
    assert isinstance(colour, tuple)
    image.putpixel((x, y), (*colour[:3], alpha))
    after = np.asarray(masked(image, photo()).white).astype(int)
    after[y, x] = before[y, x]
    assert (after == before).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 3), (1, 50), (4000, 3)])
@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_masks_of_any_size_are_read(size, mode):
    assert can_change(masked(Image.new(mode, size, "white"), photo())).all()
    assert not can_change(masked(Image.new(mode, size, "black"), photo())).any()


def test_a_damaged_mask_is_refused():
    with pytest.raises(RequestError, match="damaged"):
        read_mask(encoded(disc())[:-40], photo())
