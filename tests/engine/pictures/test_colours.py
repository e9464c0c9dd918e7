"""Colours of pictures with a profile, against values from the published matrices and curves."""

from __future__ import annotations

import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from engine.pictures.colours import over_white
from engine.pictures.formats import PILLOW_FORMATS
from engine.pictures.reading import read
from tests.engine.pictures.encoding import encoded, noise
from tests.engine.pictures.icc import (
    ADOBE_RGB,
    ADOBE_TO_XYZ,
    DISPLAY_P3,
    P3_TO_SRGB,
    SRGB_D50,
    STEPS,
    XYZ_TO_SRGB,
    cmyk_icc,
    grey_icc,
    ink_light,
    matrix_icc,
    srgb_bytes,
    srgb_light,
)

COLOURS = np.array(
    [*itertools.product((0, 60, 128, 200, 255), repeat=3), (234, 51, 35), (117, 251, 76)], np.uint8
)
P3 = matrix_icc(DISPLAY_P3)
EXPECTED_P3 = srgb_bytes(srgb_light(COLOURS / 255) @ P3_TO_SRGB.T)
ADOBE_GAMMA = 563 / 256
ADOBE = matrix_icc(ADOBE_RGB, lambda values: values**ADOBE_GAMMA)


def row(values):
    """A picture one pixel high."""
    return Image.fromarray(np.asarray(values)[None])


def colours_of(data):
    reading = read(data)
    assert not reading.colours_ignored
    assert reading.image.mode in ("RGB", "RGBA")
    return np.asarray(reading.image.convert("RGB"))[0].astype(float)


def chunk(name, data):
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


def with_chunks(png, *chunks):
    """A PNG with more chunks after its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def gamma_chunk(gamma):
    return chunk(b"gAMA", struct.pack(">I", round(100000 / gamma)))


P3_POINTS = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
P3_CHUNK = chunk(b"cHRM", struct.pack(">8I", *(round(each * 100000) for each in P3_POINTS)))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_display_p3_becomes_srgb(kind):
    found = colours_of(encoded(row(COLOURS), kind, icc_profile=P3))
    assert found == pytest.approx(EXPECTED_P3, abs=1.6)


def test_adobe_rgb_becomes_srgb():
    light = (COLOURS / 255) ** ADOBE_GAMMA @ ADOBE_TO_XYZ.T @ XYZ_TO_SRGB.T
    found = colours_of(encoded(row(COLOURS), icc_profile=ADOBE))
    assert found == pytest.approx(srgb_bytes(light), abs=1.6)
    # It matters: an unconverted green is far off.
    assert np.abs(found - COLOURS).max() > 60


@pytest.mark.parametrize("kind", sorted({"JPEG", "WEBP", "AVIF", "HEIF"} & set(PILLOW_FORMATS)))
def test_profiles_of_lossy_formats_are_used(kind):
    image = Image.new("RGB", (32, 32), (234, 51, 35))
    [expected] = srgb_bytes(srgb_light(np.array([[234, 51, 35]]) / 255) @ P3_TO_SRGB.T)
    data = encoded(image, kind, icc_profile=P3, quality=95)
    assert np.asarray(read(data).image)[9, 9] == pytest.approx(expected, abs=6)


def test_a_cmyk_profile_s_inks_are_used():
    steps = np.array(list(itertools.product(np.linspace(0, 1, STEPS), repeat=4)))
    inks = Image.frombytes(
        "CMYK", (len(steps), 1), (steps * 255).round().astype(np.uint8).tobytes()
    )
    found = colours_of(encoded(inks, "TIFF", icc_profile=cmyk_icc()))
    expected = srgb_bytes(np.array([ink_light(step) for step in steps]))
    assert np.abs(found - expected).mean() < 1
    # littlecms interpolates its own table of 23 steps.
    assert found == pytest.approx(expected, abs=9)
    plain = colours_of(encoded(inks, "TIFF"))
    assert np.abs(plain - expected).mean() > 10


def test_a_cmyk_jpeg_with_a_profile_is_read():
    image = Image.new("CMYK", (32, 32), (51, 153, 204, 51))
    data = encoded(image, "JPEG", icc_profile=cmyk_icc(), quality=95)
    expected = srgb_bytes(ink_light(np.array([51, 153, 204, 51]) / 255))
    assert np.asarray(read(data).image)[9, 9] == pytest.approx(expected, abs=6)


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.6])
def test_a_grey_profile_s_curve_is_used(gamma):
    values = np.arange(256, dtype=np.uint8)
    expected = np.repeat(srgb_bytes((values / 255) ** gamma)[:, None], 3, 1)
    assert colours_of(encoded(row(values), icc_profile=grey_icc(gamma))) == pytest.approx(
        expected, abs=1.6
    )


def test_16_bit_greys_with_a_profile_keep_their_dark_tones():
    values = (np.linspace(0, 0.01, 50) * 65535).astype(np.uint16)
    expected = np.repeat(srgb_bytes(values / 65535)[:, None], 3, 1)
    found = colours_of(encoded(row(values), icc_profile=grey_icc(1.0)))
    assert found == pytest.approx(expected, abs=1.6)
    assert len(np.unique(found)) > 20  # in 8 bits before the conversion there would be 3


def test_a_grey_picture_with_an_rgb_profile_uses_its_curve():
    values = np.arange(256, dtype=np.uint8)
    found = colours_of(encoded(row(values), icc_profile=ADOBE))
    expected = np.repeat(srgb_bytes((values / 255) ** ADOBE_GAMMA)[:, None], 3, 1)
    assert found == pytest.approx(expected, abs=1.6)


def test_transparency_survives_the_conversion():
    pixels = np.concatenate([COLOURS, np.full((len(COLOURS), 1), 255, np.uint8)], 1)
    pixels[7, 3], pixels[8, 3] = 0, 100
    reading = read(encoded(row(pixels), icc_profile=P3))
    assert np.asarray(reading.image.getchannel("A"))[0].tolist() == pixels[:, 3].tolist()
    flat = np.asarray(over_white(reading.image))[0]
    assert flat[7].tolist() == [255, 255, 255]
    assert flat[20] == pytest.approx(EXPECTED_P3[20], abs=1.6)


def test_palette_colours_are_converted():
    image = Image.new("P", (2, 1), 1)
    image.putpalette([0, 0, 0, 234, 51, 35])
    [expected] = srgb_bytes(srgb_light(np.array([[234, 51, 35]]) / 255) @ P3_TO_SRGB.T)
    assert colours_of(encoded(image, icc_profile=P3))[0] == pytest.approx(expected, abs=1.6)


@pytest.mark.parametrize(
    "profile",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        matrix_icc(SRGB_D50),
    ],
)
def test_srgb_s_own_pixels_stay_exactly_as_they_are(profile):
    assert read(encoded(noise(), icc_profile=profile)).image.tobytes() == noise().tobytes()


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", b"no profile at all"),
        ("RGB", P3[:200]),
        ("RGB", P3[:40] + bytes(len(P3) - 40)),
        ("RGB", grey_icc(2.2)),
        ("RGB", cmyk_icc()),
        ("L", cmyk_icc()),
        ("CMYK", P3),
        ("RGB", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()),
    ],
    ids=["text", "cut", "zeros", "grey", "inks", "inks on grey", "RGB on inks", "Lab"],
)
def test_a_bad_profile_is_ignored_and_told(mode, profile):
    image = noise().convert(mode)
    reading = read(encoded(image, "TIFF", icc_profile=profile))
    assert reading.colours_ignored
    assert reading.image.tobytes() == image.convert("RGB").tobytes()


# What a PNG says without a profile.


def test_a_png_s_gamma_and_primaries_are_used():
    light = (COLOURS / 255) ** 1.0
    data = with_chunks(encoded(row(COLOURS)), gamma_chunk(1.0))
    assert colours_of(data) == pytest.approx(srgb_bytes(light), abs=1.6)
    data = with_chunks(encoded(row(COLOURS)), gamma_chunk(1.0), P3_CHUNK)
    assert colours_of(data) == pytest.approx(srgb_bytes(light @ P3_TO_SRGB.T), abs=1.6)
    data = with_chunks(encoded(row(COLOURS)), gamma_chunk(2.2), P3_CHUNK)
    assert colours_of(data) == pytest.approx(EXPECTED_P3, abs=1.6)


@pytest.mark.parametrize(
    "chunks",
    [
        (gamma_chunk(2.2),),
        (gamma_chunk(2.2), chunk(b"sRGB", b"\0")),
        (P3_CHUNK,),
        (chunk(b"sRGB", b"\0"), gamma_chunk(1.0), P3_CHUNK),
        (chunk(b"cICP", bytes([1, 13, 0, 1])), gamma_chunk(1.0)),
        (chunk(b"cICP", bytes([1, 1, 0, 1])),),
        (chunk(b"cICP", bytes([2, 2, 0, 1])),),
    ],
)
def test_a_png_that_says_srgb_keeps_its_pixels(chunks):
    reading = read(with_chunks(encoded(noise()), *chunks))
    assert reading.image.tobytes() == noise().tobytes()
    assert not reading.colours_ignored


def test_code_points_come_before_the_profile_and_the_gamma():
    p3 = chunk(b"cICP", bytes([12, 13, 0, 1]))
    for data in (
        with_chunks(encoded(row(COLOURS)), p3),
        with_chunks(encoded(row(COLOURS)), p3, gamma_chunk(1.0)),
        with_chunks(encoded(row(COLOURS), icc_profile=ADOBE), p3),
    ):
        assert colours_of(data) == pytest.approx(EXPECTED_P3, abs=1.6)
    linear = with_chunks(encoded(row(COLOURS)), chunk(b"cICP", bytes([12, 8, 0, 1])))
    assert colours_of(linear) == pytest.approx(srgb_bytes(COLOURS / 255 @ P3_TO_SRGB.T), abs=1.6)


@pytest.mark.parametrize(
    "points",
    [(9, 16, 0, 1), (9, 18, 0, 1), (12, 13, 0, 0), (77, 13, 0, 1), (12, 99, 0, 1)],
    ids=["PQ", "HLG", "narrow", "unknown primaries", "unknown curve"],
)
def test_code_points_without_a_meaning_here_are_told_or_give_way_to_a_profile(points):
    points = chunk(b"cICP", bytes(points))
    reading = read(with_chunks(encoded(noise()), points))
    assert reading.colours_ignored
    assert reading.image.tobytes() == noise().tobytes()
    found = colours_of(with_chunks(encoded(row(COLOURS), icc_profile=P3), points))
    assert found == pytest.approx(EXPECTED_P3, abs=1.6)


@pytest.mark.parametrize(
    "chunks",
    [
        (gamma_chunk(50),),
        (chunk(b"gAMA", bytes(4)),),
        (gamma_chunk(1.0), chunk(b"cHRM", bytes(32))),
        (gamma_chunk(1.0), chunk(b"cHRM", struct.pack(">8I", *[30000] * 8))),
    ],
)
def test_an_impossible_gamma_or_primaries_are_told(chunks):
    reading = read(with_chunks(encoded(noise()), *chunks))
    assert reading.colours_ignored
    assert reading.image.tobytes() == noise().tobytes()


def test_an_avif_s_code_points_are_used():
    data = encoded(Image.new("RGB", (32, 32), (234, 51, 35)), "AVIF", quality=95)
    at = data.index(b"colrnclx") + 8
    assert struct.unpack_from(">HH", data, at) == (1, 13)
    p3 = data[:at] + struct.pack(">HH", 12, 13) + data[at + 4 :]
    [expected] = srgb_bytes(srgb_light(np.array([[234, 51, 35]]) / 255) @ P3_TO_SRGB.T)
    assert np.asarray(read(p3).image)[9, 9] == pytest.approx(expected, abs=6)
    # A profile is the more exact one.
    data = encoded(Image.new("RGB", (32, 32), (234, 51, 35)), "AVIF", quality=95, icc_profile=P3)
    assert np.asarray(read(data).image)[9, 9] == pytest.approx(expected, abs=6)
