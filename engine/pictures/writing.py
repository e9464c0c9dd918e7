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


def picture_texts(request: ImageRequest, made: Mapping[str, object]) -> dict[str, str]:
    """The texts in a finished picture's file: its request, and its provenance ``made``."""
    return {
        "Description": request.prompt,
        "Software": f"imagine-bot {version()}",
        "imagine-bot request": request.model_dump_json(exclude_none=True),
        "imagine-bot provenance": json.dumps(made),
    }


def png_bytes(image: Image.Image, texts: dict[str, str] | None = None) -> bytes:
    """The bytes of ``image`` as a PNG file with ``texts`` (keyword -> text) inside."""
    info = PngInfo()
    for keyword, text in (texts or {}).items():
        info.add_itxt(keyword, text)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=info)
    return file.getvalue()
