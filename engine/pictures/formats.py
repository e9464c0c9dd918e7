"""The picture formats that can be read, and the names of others, for refusals.

Help texts, commands, refusals and docs take the formats from here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# Pillow imports the plugins of the commonest formats by itself, these two not.
from PIL import AvifImagePlugin, WebPImagePlugin

try:
    import pillow_heif
except ImportError:  # the extra "heic" is not installed
    _HEIC_IS_READ = False
else:
    pillow_heif.register_heif_opener(thumbnails=False)
    _HEIC_IS_READ = True


@dataclass(frozen=True)
class Format:
    """A picture format: its ``name`` for people, Pillow's name, and the endings of its files."""

    name: str
    pillow: str
    endings: tuple[str, ...]


HEIC = Format("HEIC", "HEIF", (".heic", ".heif"))
_AVIF = Format("AVIF", AvifImagePlugin.AvifImageFile.format, (".avif",))
_MISSING = [
    *([] if _HEIC_IS_READ else [HEIC]),
    *([] if AvifImagePlugin.SUPPORTED else [_AVIF]),
]
FORMATS = tuple(
    each
    for each in (
        Format("PNG", "PNG", (".png",)),
        Format("JPEG", "JPEG", (".jpg", ".jpeg")),
        Format("WebP", WebPImagePlugin.WebPImageFile.format, (".webp",)),
        _AVIF,
        HEIC,
        Format("TIFF", "TIFF", (".tif", ".tiff")),
        Format("GIF", "GIF", (".gif",)),
        Format("BMP", "BMP", (".bmp",)),
    )
    if each not in _MISSING
)
FORMAT_NAMES = ", ".join(each.name for each in FORMATS)
"""The formats that can be read, as texts list them: "PNG, JPEG, ..."."""
ENDINGS = tuple(ending for each in FORMATS for ending in each.endings)
PILLOW_FORMATS = tuple(each.pillow for each in FORMATS)

RAW = "RAW"
_HEIC_BRANDS = rb"hei[cmxs]|hev[cmxs]|mif1|msf1"
# How files of each format begin, the first match first; they are compared with 1,024 bytes.
_BEGINNINGS = tuple(
    (name, re.compile(pattern, re.DOTALL))
    for name, pattern in (
        ("PNG", rb"\x89PNG\r\n\x1a\n"),
        ("JPEG", rb"\xff\xd8\xff"),
        ("WebP", rb"RIFF....WEBP"),
        # The major brand, then the minor version, then the compatible brands.
        ("AVIF", rb"....ftyp(?:avi[fs]|mi[fa][f1]....(?:....){0,6}avi[fs])"),
        (HEIC.name, rb"....ftyp(?:" + _HEIC_BRANDS + rb")"),
        (RAW, rb"....ftypcrx |II\*\0....CR|FUJIFILMCCD-RAW|IIR[OS]"),
        ("TIFF", rb"II[*+]\0|MM\0[*+]"),
        ("GIF", rb"GIF8[79]a"),
        ("BMP", rb"BM"),
        ("JPEG XL", rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"),
        ("JPEG 2000", rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n"),
        ("Photoshop (PSD)", rb"8BPS"),
        ("GIMP (XCF)", rb"gimp xcf"),
        ("OpenRaster", rb"PK\x03\x04.{26}mimetypeimage/openraster"),
        ("Krita", rb"PK\x03\x04.{26}mimetypeapplication/x-krita"),
        ("ZIP", rb"PK\x03\x04"),
        ("HTML", rb"(?i:(?:\xef\xbb\xbf)?\s*<(?:!doctype )?html)"),
        ("SVG", rb"(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml.*<svg|!.*<svg)[\s/>]"),
        ("PDF", rb"%PDF-"),
        ("EPS", rb"%!PS|\xc5\xd0\xd3\xc6"),
        ("ICO", rb"\0\0[\1\2]\0"),
        ("OpenEXR", rb"\x76\x2f\x31\x01"),
        ("Radiance HDR", rb"#\?(?:RADIANCE|RGBE)"),
        ("DDS", rb"DDS "),
        ("PNM", rb"P[1-7]\s"),
        ("Video", rb"....ftyp|....moov|\x1a\x45\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]"),
    )
)


def name_format(data: bytes) -> str | None:
    """The name of the format that ``data`` begins like, read or not; None for an unknown one."""
    beginning = data[:1024]
    return next((name for name, pattern in _BEGINNINGS if pattern.match(beginning)), None)
