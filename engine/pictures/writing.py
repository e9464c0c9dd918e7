"""Writes PNG files with the request inside."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from PIL.PngImagePlugin import PngInfo

from engine.version import version

if TYPE_CHECKING:
    from PIL import Image

    from engine.request.request import ImageRequest

REQUEST, PROVENANCE = "imagine-bot request", "imagine-bot provenance"
"""The names of the texts that engine.pictures.provenance reads."""

_LARGE = 1_000_000  # pixels


def picture_texts(request: ImageRequest, made: Mapping[str, object]) -> dict[str, str]:
    """The texts in a finished picture's file: its request, and its provenance ``made``."""
    return {
        "Description": request.prompt,
        "Software": f"imagine-bot {version()}",
        REQUEST: request.model_dump_json(exclude_none=True),
        PROVENANCE: json.dumps(made),
    }


def png_bytes(image: Image.Image, texts: dict[str, str] | None = None) -> bytes:
    """The bytes of ``image`` as a PNG file with ``texts`` (keyword -> text) inside."""
    info = PngInfo()
    for keyword, text in (texts or {}).items():
        info.add_itxt(keyword, text)
    # For a photograph of 12 megapixels zlib's default, 6, takes 11 s, and 3 takes 4 s for no more
    # bytes.
    level = 3 if image.width * image.height > _LARGE else 6
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info, compress_level=level)
    return file.getvalue()
