"""From a file's bytes to pixels; the file may be damaged, too large, or no picture at all."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from PIL import ExifTags, Image, ImageOps, TiffImagePlugin, _imaging

from engine.errors import RequestError
from engine.pictures.formats import (
    FORMAT_NAMES,
    FORMATS,
    HEIC,
    PILLOW_FORMATS,
    RAW,
    name_format,
)

MAX_PIXELS = 50_000_000
_SIDEWAYS = (5, 6, 7, 8)  # values of EXIF's orientation
# Each scan of a progressive JPEG visits every pixel, so that a small file could take an hour.
# Cameras and editors make about ten scans.
_MAX_SCANNED_PIXELS = 64 * MAX_PIXELS
_SCAN = b"\xff\xda"
# What Pillow's plugins raise for broken files, found by changing bytes of intact files.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    RuntimeError,
    struct.error,
    zlib.error,
)
# A TIFF page's tag, with the bits "smaller version of another page" and "mask of another page".
_SUBFILE_TYPE, _SMALLER, _MASK = 254, 1, 4
# Filters of warnings belong to the process, and 50 megapixels take hundreds of megabytes.
_ONE_AT_A_TIME = threading.Lock()

Several = Literal["frames", "pages"]
"""What a file has more than one of: an animation's frames, or pages."""


@dataclass(frozen=True)
class Decoded:
    """A file's first picture, upright, in the file's own mode and colours, with its ``info``.

    ``format`` is Pillow's name. ``several`` tells what else is in the file, if anything.
    """

    image: Image.Image
    format: str | None
    several: Several | None


def decode(data: bytes) -> Decoded:
    """Decode the first picture in a file's bytes.

    Raises RequestError if the bytes are no picture, one of another format, or a damaged or cut
    one, or if it has more than 50 megapixels, which are then not decoded.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings(), refusing_damage(data):
        # About large pictures, for which we have our own limit, and about odd ones.
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
        _check_size(image, data)
        if _is_preview(image):
            raise _unread(RAW)
        image.load()
        return Decoded(_upright(image), image.format, _several(data))


def upright_size(data: bytes) -> tuple[int, int]:
    """Width and height of the first picture in a file's bytes, turned upright, from its header.

    Raises RequestError if the bytes are no picture that can be read.
    """
    with _ONE_AT_A_TIME, warnings.catch_warnings(), refusing_damage(data):
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data), formats=PILLOW_FORMATS) as image:
            sideways = image.getexif().get(ExifTags.Base.Orientation, 1) in _SIDEWAYS
            return image.size[::-1] if sideways else image.size


@contextlib.contextmanager
def refusing_damage(data: bytes) -> Iterator[None]:
    """Turn the errors that a damaged file, ``data``, causes into a RequestError."""
    try:
        yield
    except Image.DecompressionBombError:
        raise RequestError(
            "The picture has more than {most} megapixels; use a smaller one.",
            most=MAX_PIXELS // 1000000,
        ) from None
    except BROKEN:
        raise _refusal(data) from None


def _check_size(image: Image.Image, data: bytes) -> None:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise RequestError(
            "The picture has {width}x{height} pixels; the maximum is {most} megapixels.",
            width=image.width,
            height=image.height,
            most=MAX_PIXELS // 1000000,
        )
    if image.format in ("JPEG", "MPO") and pixels * data.count(_SCAN) > _MAX_SCANNED_PIXELS:
        raise RequestError("That JPEG has too many scans to decode it; save it again.")


def _is_preview(image: Image.Image) -> bool:
    """Whether it is the small picture with which the raw photos of many cameras begin."""
    return isinstance(image, TiffImagePlugin.TiffImageFile) and bool(
        image.tag_v2.get(_SUBFILE_TYPE, 0) & _SMALLER
    )


def _several(data: bytes) -> Several | None:
    """What else is in a file whose first picture is intact; the rest may be damaged."""
    with contextlib.suppress(*BROKEN):
        image = Image.open(io.BytesIO(data), formats=PILLOW_FORMATS)
        # An MPO is a photograph, stored with others of the same moment.
        if image.format == "MPO" or not getattr(image, "is_animated", False):
            return None
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            return "pages" if _has_second_page(image) else None
        return "pages" if image.format == HEIC.pillow else "frames"
    return None


def _has_second_page(image: TiffImagePlugin.TiffImageFile) -> bool:
    """Whether a TIFF has more than smaller versions and masks of its first page."""
    for page in range(1, 100):
        image.seek(page)
        if not image.tag_v2.get(_SUBFILE_TYPE, 0) & (_SMALLER | _MASK):
            return True
    return False


def _upright(image: Image.Image) -> Image.Image:
    """Rotated as its EXIF says; unchanged if the EXIF is broken, as the pixels are intact."""
    try:
        return ImageOps.exif_transpose(image)
    except BROKEN:
        return image


def _refusal(data: bytes) -> RequestError:
    """What is wrong with a file that cannot be decoded, and what to use instead."""
    if not data:
        return RequestError("That file is empty; choose another one.")
    name = name_format(data)
    if name is None:
        return RequestError("That file isn't a picture; use {formats}.", formats=FORMAT_NAMES)
    if any(name == each.name for each in FORMATS):
        return RequestError(
            "That {format} file is damaged or incomplete; use an intact one.", format=name
        )
    if name == HEIC.name:
        return RequestError(
            "HEIC pictures can't be read here, because the package pillow-heif isn't installed; "
            "use {formats}.",
            formats=FORMAT_NAMES,
        )
    return _unread(name)


def _unread(name: str) -> RequestError:
    return RequestError(
        "{format} files can't be read; use {formats}.", format=name, formats=FORMAT_NAMES
    )


def _silence_tiff() -> None:
    """Stop libtiff from writing what is wrong with a file to stderr, and Pillow from logging it.

    Pillow raises an error as well. Looked up in Pillow's own module, libtiff's functions are those
    of the libtiff that it loaded; if it hides them, nothing changes.
    """
    logging.getLogger(TiffImagePlugin.__name__).setLevel(logging.CRITICAL)
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(_imaging.__file__)
        for set_handler in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)


_silence_tiff()
