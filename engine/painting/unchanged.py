"""An edit with strength 0, which returns the picture itself. Needs no model, and no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from PIL import Image, ImageOps

from engine.painting.init_image import read_start
from engine.pictures.sizes import middle, with_sides
from engine.request.request import ImageRequest
from engine.translatable import Translatable


@dataclass(frozen=True)
class Unchanged:
    """The picture in RGB or RGBA, and remarks for the person."""

    image: Image.Image
    remarks: tuple[str, ...]


def unchanged_picture(request: ImageRequest, pictures: Mapping[str, bytes]) -> Unchanged:
    """The picture that ``request`` starts from, in the size and aspect that it sets, if any.

    ``pictures`` has the bytes by SHA-256. Raises RequestError if one is missing or unreadable.
    """
    reading, remarks = read_start(request, pictures)
    image, width, height = reading.image, request.width, request.height
    if width or height:
        aspect = request.aspect or image.width / image.height
        size = with_sides(aspect, width, height)
        image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    elif request.aspect is not None:
        image = image.crop(middle(image.size, request.aspect))
    remark = Translatable("With strength 0 nothing changes; this is the picture itself.")
    return Unchanged(image, (*remarks, remark))
