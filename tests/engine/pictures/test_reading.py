import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.errors import RequestError
from engine.pictures.formats import PILLOW_FORMATS
from engine.pictures.reading import MAX_BYTES, read_file, read_picture
from tests.engine.pictures.encoding import encoded

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def red_over_blue(width=20, height=10):
    """A picture whose upper half is red and whose lower half is blue."""
    image = Image.new("RGB", (width, height), BLUE)
    image.paste(RED, (0, 0, width, height // 2))
    return image


def near(pixel, colour, by=12):
    return all(abs(a - b) <= by for a, b in zip(pixel, colour, strict=True))


# The side of red in the upright picture, for each orientation of the stored one.
@pytest.mark.parametrize(
    ("orientation", "size", "red_at", "blue_at"),
    [
        (1, (20, 10), (10, 1), (10, 8)),
        (2, (20, 10), (10, 1), (10, 8)),
        (3, (20, 10), (10, 8), (10, 1)),
        (4, (20, 10), (10, 8), (10, 1)),
        (5, (10, 20), (1, 10), (8, 10)),
        (6, (10, 20), (8, 10), (1, 10)),
        (7, (10, 20), (8, 10), (1, 10)),
        (8, (10, 20), (1, 10), (8, 10)),
    ],
)
@pytest.mark.parametrize("kind", [kind for kind in PILLOW_FORMATS if kind not in ("GIF", "BMP")])
def test_a_turned_camera_gives_an_upright_picture(kind, orientation, size, red_at, blue_at):
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = read_picture(encoded(red_over_blue(), kind, exif=exif.tobytes()))
    assert (read.size, read.mode) == (size, "RGB")
    assert near(read.getpixel(red_at), RED, 40)
    assert near(read.getpixel(blue_at), BLUE, 40)


def test_transparent_parts_are_white():
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    image.putpixel((1, 1), (0, 0, 255, 255))
    image.putpixel((2, 2), (0, 0, 255, 128))
    for kind, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        read = read_picture(encoded(image, kind, **options))
        assert read.getpixel((0, 0)) == WHITE
        assert read.getpixel((1, 1)) == BLUE
        assert near(read.getpixel((2, 2)), (127, 127, 255), 1)


def test_grey_with_transparency_is_over_white():
    image = Image.new("LA", (2, 1), (0, 0))
    image.putpixel((1, 0), (60, 255))
    read = read_picture(encoded(image))
    assert [read.getpixel((x, 0)) for x in (0, 1)] == [WHITE, (60, 60, 60)]


def test_a_palette_picture_keeps_its_colours_and_its_transparency():
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *BLUE, 0, 255, 0])
    for x in range(3):
        image.putpixel((x, 0), x)
    read = read_picture(encoded(image, transparency=2))
    assert [read.getpixel((x, 0)) for x in range(3)] == [RED, BLUE, WHITE]
    read = read_picture(encoded(image, "GIF"))
    assert [read.getpixel((x, 0)) for x in range(2)] == [RED, BLUE]


def test_cmyk_is_read_as_rgb():
    read = read_picture(encoded(red_over_blue().convert("CMYK"), "JPEG", quality=95))
    assert read.mode == "RGB"
    assert near(read.getpixel((10, 1)), RED, 30)
    assert near(read.getpixel((10, 8)), BLUE, 30)


@pytest.mark.parametrize("dark", [0, 40, 40_000])
def test_16_bit_greys_are_scaled_not_clipped(dark):
    values = np.array([[dark, 65535, 32768]], np.uint16)
    read = read_picture(encoded(Image.fromarray(values)))
    expected = [round(value / 257) for value in (dark, 65535, 32768)]
    assert np.asarray(read)[0, :, 0].tolist() == pytest.approx(expected, abs=1)


def test_a_dark_16_bit_picture_stays_dark():
    read = read_picture(encoded(Image.fromarray(np.full((2, 2), 200, np.uint16))))
    assert read.getpixel((0, 0)) == (1, 1, 1)


def test_16_bit_grey_with_a_transparent_value_is_read():
    data = encoded(Image.fromarray(np.full((2, 2), 40_000, np.uint16)))
    at = data.index(b"IDAT") - 4
    chunk = b"tRNS" + struct.pack(">H", 40_000)
    read = read_picture(
        data[:at] + struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[at:]
    )
    assert read.size == (2, 2)


def test_an_animation_s_first_frame_is_used():
    first, second = Image.new("RGB", (6, 4), RED), Image.new("RGB", (6, 4), BLUE)
    for kind in ("GIF", "WEBP", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(first, kind, save_all=True, append_images=[second], duration=50, **options)
        read = read_picture(data)
        assert read.size == (6, 4)
        assert near(read.getpixel((2, 2)), RED), kind


def test_bilevel_and_bmp_are_read():
    assert read_picture(encoded(Image.new("1", (3, 3), 1))).getpixel((1, 1)) == WHITE
    assert read_picture(encoded(red_over_blue(), "BMP")).getpixel((1, 1)) == RED


def png_that_claims(width, height):
    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("width", "height"), [(7072, 7072), (50_001, 1000), (60_000, 60_000)])
def test_a_bomb_is_refused_by_its_header(width, height):
    with pytest.raises(RequestError, match="50 megapixels"):
        read_picture(png_that_claims(width, height))


def test_a_picture_with_broken_exif_is_read():
    data = encoded(red_over_blue(), exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f")
    assert read_picture(data).getpixel((10, 1)) == RED


def _examples():
    image = red_over_blue()
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        encoded(image, exif=exif),
        encoded(image.convert("P"), transparency=1),
        encoded(image.convert("L").convert("I;16")),
        encoded(image, "JPEG", exif=exif),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image, "WEBP", exif=exif),
        encoded(image, "GIF", save_all=True, append_images=[image.rotate(180)]),
        encoded(image, "BMP"),
        encoded(image, "AVIF", exif=exif),
        encoded(image, "TIFF", exif=exif),
        encoded(image, "TIFF", compression="tiff_lzw", save_all=True, append_images=[image]),
        encoded(image.convert("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        encoded(image.convert("LAB"), "TIFF"),
        encoded(image.convert("1"), "TIFF", compression="group4"),
        encoded(image.convert("F"), "TIFF"),
    ]


@settings(max_examples=400)
@given(
    st.sampled_from(_examples()),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=12),
    st.integers(0, 400),
)
def test_a_changed_file_is_read_or_refused(data, changes, cut):
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    try:
        read = read_picture(bytes(changed[: len(changed) - cut % len(changed)]))
    except RequestError as refusal:
        said = str(refusal)
        assert said.endswith(".")
    else:
        assert read.mode == "RGB"


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(RequestError, match="no such file"):
        read_file(tmp_path / "gone.png")
    with pytest.raises(RequestError, match="directory"):
        read_file(tmp_path)
    with (tmp_path / "big.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(RequestError, match="100 MB"):
        read_file(tmp_path / "big.png")
    (tmp_path / "small.png").write_bytes(b"abc")
    assert read_file(tmp_path / "small.png") == b"abc"
