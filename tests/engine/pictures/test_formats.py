"""Which formats are read, which are refused, and what a refusal says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, features

from engine.errors import RequestError
from engine.pictures.formats import FORMAT_NAMES, FORMATS, name_format
from engine.pictures.reading import read, read_picture
from tests.engine.pictures.encoding import encoded, noise

ROOT = Path(__file__).resolve().parents[3]
HAS_HEIC = importlib.util.find_spec("pillow_heif") is not None
PILLOW = [each.pillow for each in FORMATS]


def test_the_formats_of_the_installed_packages_are_read():
    assert features.check("avif")
    assert {each.name for each in FORMATS} == {
        *("PNG", "JPEG", "WebP", "AVIF", "TIFF", "GIF", "BMP"),
        *(["HEIC"] if HAS_HEIC else []),
    }


def test_the_docs_name_the_same_formats():
    page = " ".join((ROOT / "docs" / "editing.md").read_text("utf-8").split())
    assert f"It reads {FORMAT_NAMES.replace('HEIC, ', '')}" in page


@pytest.mark.parametrize("kind", PILLOW)
def test_each_format_is_read_with_its_colours(kind):
    image = Image.new("RGB", (32, 20), (200, 30, 60))
    read = read_picture(encoded(image, kind))
    assert (read.mode, read.size) == ("RGB", image.size)
    assert read.getpixel((7, 7)) == pytest.approx((200, 30, 60), abs=4)


@pytest.mark.parametrize("kind", PILLOW)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_cut_file_is_refused_by_the_name_of_its_format(kind, share):
    data = encoded(noise(), kind)
    [name] = [each.name for each in FORMATS if each.pillow == kind]
    with pytest.raises(RequestError, match=f"That {name} file is damaged or incomplete"):
        read_picture(data[: int(len(data) * share)])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (encoded(Image.new("RGB", (9, 9)), "JPEG2000"), "JPEG 2000"),
        (b"8BPS\x00\x01" + bytes(99), "Photoshop (PSD)"),
        (b"gimp xcf v011\x00", "GIMP (XCF)"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/x-krita", "Krita"),
        (b"PK\x03\x04" + bytes(26) + b"word/document.xml", "ZIP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg>", "SVG"),
        (b"<!DOCTYPE html><title>404</title><svg>", "HTML"),
        (b"%PDF-1.7", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
        (encoded(Image.new("RGB", (9, 9)), "ICO"), "ICO"),
        (encoded(Image.new("RGB", (9, 9)), "PPM"), "PNM"),
        (encoded(Image.new("RGB", (9, 9)), "DDS"), "DDS"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", "Video"),
        (b"\x1a\x45\xdf\xa3" + bytes(30), "Video"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01", "RAW"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(30), "RAW"),
        # Most other raw photos are TIFFs whose first picture is a small preview.
        (encoded(noise(), "TIFF", tiffinfo={254: 1}), "RAW"),
    ],
)
def test_another_format_is_named_in_its_refusal(data, name):
    with pytest.raises(RequestError) as refusal:
        read_picture(data)
    assert str(refusal.value) == f"{name} files can't be read; use {FORMAT_NAMES}."


@pytest.mark.parametrize(
    "data", [b"\x00", b"hello", b"MZ" + bytes(99), b"a,b\n1,2\n", b"<p>hm</p>"]
)
def test_a_file_that_is_no_picture_is_refused(data):
    with pytest.raises(RequestError, match=f"isn't a picture; use {FORMAT_NAMES}"):
        read_picture(data)


def test_an_empty_file_is_refused():
    with pytest.raises(RequestError, match="empty"):
        read_picture(b"")


HEIC = b"\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1MiHEMiPrmiafheic" + bytes(60)


@pytest.mark.skipif(HAS_HEIC, reason="pillow-heif is installed")
def test_without_its_package_heic_is_refused_with_the_package_s_name():
    with pytest.raises(RequestError, match=r"HEIC pictures .* package pillow-heif"):
        read_picture(HEIC)


@pytest.mark.parametrize(
    ("brands", "name"),
    [
        (b"heic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"mif1\x00\x00\x00\x00mif1heix", "HEIC"),
        (b"avif\x00\x00\x00\x00avifmif1", "AVIF"),
        (b"avis\x00\x00\x00\x00avifavis", "AVIF"),
        (b"mif1\x00\x00\x00\x00mif1avifmiaf", "AVIF"),
    ],
)
def test_heic_and_avif_are_told_apart_by_their_brands(brands, name):
    assert name_format(b"\x00\x00\x00" + bytes([8 + len(brands)]) + b"ftyp" + brands) == name


@pytest.mark.parametrize("kind", PILLOW)
def test_what_pillow_writes_is_named_right(kind):
    [name] = [each.name for each in FORMATS if each.pillow == kind]
    assert name_format(encoded(noise(), kind)) == name


def test_what_else_is_in_a_file_is_told():
    first, second = Image.new("RGB", (20, 20), "red"), Image.new("RGB", (20, 20), "blue")
    for kind, several in (
        ("GIF", "frames"),
        ("WEBP", "frames"),
        ("PNG", "frames"),
        ("AVIF", "frames"),
        ("TIFF", "pages"),
        ("MPO", None),
    ):
        reading = read(encoded(first, kind, save_all=True, append_images=[second]))
        assert reading.several == several, kind
        assert reading.image.getpixel((9, 9)) == pytest.approx((255, 0, 0), abs=8), kind
        if kind != "MPO":
            assert read(encoded(first, kind)).several is None, kind


def test_a_tiff_s_smaller_versions_are_no_pages():
    smaller = noise(32, 32)
    smaller.encoderinfo = {"tiffinfo": {254: 1}}
    reading = read(encoded(noise(), "TIFF", save_all=True, append_images=[smaller]))
    assert reading.several is None


def test_a_damaged_second_page_costs_nothing():
    pages = encoded(noise(), "TIFF", save_all=True, append_images=[noise()])
    first = len(encoded(noise(), "TIFF"))
    reading = read(pages[: first + 40])
    assert reading.image.tobytes() == noise().tobytes()


def test_a_jpeg_with_thousands_of_scans_is_refused_before_it_is_decoded():
    data = encoded(noise(), "JPEG", progressive=True)
    assert read_picture(data).size == (64, 64)
    scan = data.rindex(b"\xff\xda")
    with pytest.raises(RequestError, match="too many scans"):
        read_picture(data[:-2] + data[scan:-2] * 800_000 + data[-2:])


def test_damaged_tiffs_write_nothing_to_stderr():
    code = """
import io, random
from PIL import Image
from engine.errors import RequestError
from engine.pictures.reading import read
refused = 0
for compression in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "zstd", "group4"):
    image = Image.effect_noise((64, 64), 99).convert("1" if compression == "group4" else "RGB")
    file = io.BytesIO()
    image.save(file, "TIFF", compression=compression)
    for seed in range(40):
        rng, data = random.Random(seed), bytearray(file.getvalue())
        samples = data.find(b"\\x15\\x01\\x03\\x00\\x01\\x00\\x00\\x00") + 8
        if seed == 0 and samples > 8:  # more samples per pixel than possible, which Pillow logs
            data[samples : samples + 2] = b"\\xff\\x0f"
        for _ in range(0 if seed == 0 else rng.randint(1, 30)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            read(bytes(data[: rng.randint(len(data) // 2, len(data)) if seed else len(data)]))
        except RequestError:
            refused += 1
print(refused)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 100
