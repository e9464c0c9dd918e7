"""Converts decoded pictures to sRGB, the colours of the models, of PNG files and of Discord."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator
from functools import partial

from PIL import Image, ImageChops, ImageCms

from engine.pictures.decoding import BROKEN, Decoded
from engine.pictures.profiles import (
    UnusableColoursError,
    code_points,
    profile_of_numbers,
    profile_of_png,
)

# The colour spaces that the profile of a picture in each mode can have.
_SPACES = {
    "RGB": ("RGB ",),
    # Programs that make a picture grey often leave its RGB profile in the file.
    "L": ("GRAY", "RGB "),
    "I;16": ("GRAY", "RGB "),
    "CMYK": ("CMYK",),
}
# As in most editors: the same colours relative to the white, and black stays black.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
# For greys littlecms would make a table of 33 steps, too few for the dark tones.
_GREY_FLAGS = _FLAGS | ImageCms.Flags.NOOPTIMIZE
# A profile that changes no colour by more than this, of 255, is one of the many of sRGB; then the
# pixels stay exactly as they are.
_SAME = 2
_STEPS = (*range(0, 255, 16), 255)


def to_srgb(decoded: Decoded, data: bytes) -> tuple[Image.Image, bool]:
    """The picture in sRGB, as RGB or RGBA, and whether what its file says of colours was used.

    ``data`` is the file. A profile that is broken or does not suit the picture is ignored.
    """
    image, alpha = _split(decoded.image)
    understood = True
    for profile in _profiles(decoded, data):
        try:
            image, understood = _converted(image, profile()), True
            break
        except (UnusableColoursError, ImageCms.PyCMSError, *BROKEN):
            understood = False
    image = _in_8_bits(image)
    if alpha is not None:
        image.putalpha(alpha)
    return image, understood


def over_white(image: Image.Image) -> Image.Image:
    """An RGB or RGBA picture as it looks on white paper, in RGB."""
    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def _profiles(decoded: Decoded, data: bytes) -> Iterator[Callable[[], bytes | None]]:
    """What the file says of its colours, as functions that return a profile; the first holds.

    In a PNG, code points come before an embedded profile, and a gamma last (PNG, third edition,
    section 4.3). In AVIF and HEIC the profile comes first: there the code points also tell how the
    file is encoded.
    """
    points = code_points(data)
    embedded = decoded.image.info.get("icc_profile")
    if decoded.format == "PNG" and points is not None:
        yield partial(profile_of_numbers, *points)
    if embedded:
        yield lambda: embedded
    elif decoded.format == "PNG" and "gamma" in decoded.image.info:
        yield partial(profile_of_png, decoded.image.info)
    elif decoded.format != "PNG" and points is not None:
        yield partial(profile_of_numbers, *points)


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """The colours in one of the modes of ``_SPACES``, I or F, and the alpha, if any."""
    mode = image.mode
    if mode.startswith("I;16"):
        import numpy as np

        # Pillow converts other orders of bytes with a loss; a transparent grey is very rare.
        return Image.fromarray(np.asarray(image).astype(np.uint16)), None
    if mode in ("I", "F"):
        return image, None
    if mode in _SPACES and not image.has_transparency_data:
        return image, None
    grey = mode in ("1", "L", "LA", "La")
    if not image.has_transparency_data:
        return image.convert("L" if grey else "RGB"), None
    if mode == "La":
        image = image.convert("LA")
    whole = image.convert("RGBA")
    return (whole.convert("L" if grey else "RGB"), whole.getchannel("A"))


def _converted(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture with ``profile``, None for sRGB, in sRGB, as RGB."""
    if profile is None:
        return image
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space
    if space not in _SPACES.get(image.mode, ()):
        raise UnusableColoursError
    if space == "GRAY":
        return _grey_converted(image, source)
    if space == "RGB ":
        image = _in_8_bits(image)
    transform = _transform(source, image.mode, _FLAGS)
    if image.mode == "RGB":
        sample = Image.new("RGB", (len(_STEPS) ** 3, 1))
        sample.putdata(list(itertools.product(_STEPS, repeat=3)))
        changed = ImageChops.difference(transform.apply(sample), sample)
        if max(changed.tobytes()) <= _SAME:
            return image
    return transform.apply(image)


def _grey_converted(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    import numpy as np  # a tenth of a second, and few files need it

    kind = np.uint16 if image.mode == "I;16" else np.uint8
    greys = np.arange(np.iinfo(kind).max + 1, dtype=kind)
    shown = _transform(source, image.mode, _GREY_FLAGS).apply(Image.fromarray(greys[None]))
    table = np.asarray(shown)[0, :, 1]
    if image.mode == "L" and np.abs(table.astype(int) - greys).max() <= _SAME:
        return image
    return Image.fromarray(table[np.asarray(image)])


def _transform(
    source: ImageCms.ImageCmsProfile, mode: str, flags: ImageCms.Flags
) -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(
        source, ImageCms.createProfile("sRGB"), mode, "RGB", _INTENT, flags
    )


def _in_8_bits(image: Image.Image) -> Image.Image:
    """The picture as RGB; greys of 16 bits and floats scaled, which Pillow would clip at 255."""
    if not image.mode.startswith(("I", "F")):
        return image.convert("RGB")
    grey = image.convert("F")
    _, high = grey.getextrema()
    assert isinstance(high, float)
    if image.mode.startswith("I;16") or high > 255:
        scale = 255 / 65535
    else:
        scale = 255.0 if high <= 1 else 1.0
    # Plus one half, because the conversion rounds down.
    return grey.point(lambda value: value * scale + 0.5).convert("L").convert("RGB")
