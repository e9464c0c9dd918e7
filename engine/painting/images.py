"""Pictures from outside -> tensors, and out again with the request in the file's text."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageFilter, ImageOps, WebPImagePlugin
from PIL.PngImagePlugin import PngInfo

from engine.errors import RequestError
from engine.version import version

if TYPE_CHECKING:
    from torch import Tensor

    from engine.request.request import ImageRequest

MAX_PIXELS = 50_000_000
MAX_BYTES = 100_000_000
# Pillow knows a format by name only once its plugin is imported, WebP's not by itself. MPO comes
# as JPEG. No TIFF: libtiff writes about broken ones to stderr, past every handler.
_FORMATS = ("PNG", "JPEG", WebPImagePlugin.WebPImageFile.format, "GIF", "BMP")
# What Pillow's plugins let slip on broken files, found by changing bytes of whole ones.
_BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError,
           AttributeError, struct.error, zlib.error, Image.DecompressionBombError)


def read_file(path: Path) -> bytes:
    """A picture file's bytes; raises RequestError where it cannot be read or is over 100 MB."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise RequestError("The picture {path} cannot be opened: {reason}.", path=path,
                           reason=f"{reason[0].lower()}{reason[1:]}"
                           ) from None
    if len(data) > MAX_BYTES:
        raise RequestError("The picture {path} has more than {most} MB; make it smaller.",
                           path=path, most=MAX_BYTES // 1000000)
    return data


def read_picture(data: bytes) -> Image.Image:
    """An upright RGB picture from a file's bytes: first frame, alpha over white.

    Raises RequestError where the bytes are no picture, a broken one, or one of more than 50
    megapixels, whose pixels are then not decoded.
    """
    return _read(data, _to_rgb)


def read_mask(data: bytes) -> Image.Image:
    """A grey picture, white where the picture in ``data`` is transparent.

    Where nothing is transparent, it is white where that picture is. Raises as
    :func:`read_picture`.
    """
    return _read(data, _to_mask)


def moves(data: bytes) -> bool:
    """Whether ``data``, which can be read, is an animation, of which the first frame is used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            # An MPO is a photograph with others of the same moment behind it.
            return image.format != "MPO" and bool(getattr(image, "is_animated", False))
        except _BROKEN:
            return False


def _read(data: bytes, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    with warnings.catch_warnings():
        # Of large pictures, whose limit here is ours, and of odd ones, which are read or refused.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise RequestError("The picture has {width}x{height} pixels; at most {most} "
                                   "megapixels can be used; make it smaller.", width=image.width,
                                   height=image.height, most=MAX_PIXELS // 1000000)
            image.load()
            return convert(_upright(image))
        except _BROKEN:
            raise RequestError("That file is not a picture that can be read; use a PNG, JPEG, "
                               "WebP or GIF, saved anew if it should be one.") from None


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it is where the EXIF is broken, for the pixels are whole."""
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN:
        return image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        # Its transparent grey, if any, is counted in the old range.
        image.info.pop("transparency", None)
        image = _to_8_bits(image)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("RGB")


def _to_mask(image: Image.Image) -> Image.Image:
    if image.has_transparency_data and not image.mode.startswith(("I", "F")):
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.histogram()[255] < alpha.width * alpha.height:
            return ImageChops.invert(alpha)
    return _to_rgb(image).convert("L")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """16-bit and float greys to 8 bits; Pillow's own conversion would cut at 255."""
    grey = image.convert("F")
    _, high = grey.getextrema()
    assert isinstance(high, float)
    if image.mode.startswith("I;16") or high > 255:
        scale = 255 / 65535
    else:
        scale = 255.0 if high <= 1 else 1.0
    # Half a step more, because the conversion cuts fractions off.
    return grey.point(lambda value: value * scale + 0.5).convert("L")


def to_tensor(image: Image.Image, width: int, height: int) -> Tensor:
    """A picture, RGB or grey, as [1, C, height, width] in 0..1: its middle, aspect kept."""
    import torch

    fitted = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    pixels = torch.frombuffer(bytearray(fitted.tobytes()), dtype=torch.uint8)
    return pixels.view(1, height, width, -1).permute(0, 3, 1, 2).float() / 255.0


def to_pil(pixels: Tensor) -> Image.Image:
    """Pixels [C, H, W] in 0..1 as a picture of 8 bits a channel, RGB or, with C = 1, grey."""
    import torch

    numbers = (pixels.detach().clamp(0, 1) * 255).round().to("cpu", torch.uint8)
    return Image.fromarray(numbers.permute(1, 2, 0).squeeze(2).contiguous().numpy())


def overlay(picture: Image.Image, white: Image.Image) -> Image.Image:
    """``picture`` with what may change, where ``white`` is, in its colours; the rest is greyed.

    A line goes round what may change. Both have the same size; ``white`` is grey.
    """
    hard = white.point(lambda value: 255 if value > 127 else 0)
    grey = Image.blend(picture.convert("L").convert("RGB"),
                       Image.new("RGB", picture.size, (40, 44, 52)), 0.6)
    shown = Image.composite(picture, grey, hard)
    rim = ImageChops.subtract(hard.filter(ImageFilter.MaxFilter(3)), hard)
    shown.paste((255, 64, 129), mask=rim)
    return shown


def picture_texts(request: ImageRequest, made: Mapping[str, object]) -> dict[str, str]:
    """What a finished picture's file says of itself: its request, and ``made``, how it came."""
    return {"Description": request.prompt, "Software": f"imagine-bot {version()}",
            "imagine-bot request": request.model_dump_json(exclude_none=True),
            "imagine-bot provenance": json.dumps(made)}


def png_bytes(image: Image.Image, texts: dict[str, str] | None = None) -> bytes:
    """``image`` as a PNG file with ``texts`` (keyword -> text) inside."""
    info = PngInfo()
    for keyword, text in (texts or {}).items():
        info.add_itxt(keyword, text)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info)
    return file.getvalue()
