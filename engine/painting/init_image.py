"""The picture that an edit starts from and its mask, as people sent them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from engine.errors import RequestError
from engine.pictures.colours import over_white
from engine.pictures.decoding import Several
from engine.pictures.masks import have_same_shape, read_mask
from engine.pictures.reading import Reading, read
from engine.request.extent import Extent, parse_extent
from engine.request.request import ImageRequest
from engine.translatable import Translatable

_SEVERAL: dict[Several, Translatable] = {
    "frames": Translatable("The picture to start from is animated; its first frame was used."),
    "pages": Translatable("The picture to start from has several pages; its first was used."),
}


@dataclass(frozen=True)
class Source:
    """A starting picture: ``image`` in RGB, ``white`` the person's mask in grey, if any.

    ``remarks`` tell the person what about them was changed.
    """

    image: Image.Image
    white: Image.Image | None
    remarks: tuple[str, ...]


def read_start(request: ImageRequest, pictures: Mapping[str, bytes]) -> tuple[Reading, list[str]]:
    """The request's starting picture, and remarks about reading it.

    ``pictures`` has the bytes by SHA-256. Raises RequestError if it is missing or not a picture.
    """
    data = bytes_of(
        request.init_image,
        pictures,
        Translatable("The picture to start from no longer exists; attach it again."),
    )
    reading = read(data)
    remarks = list[str]()
    if reading.several is not None:
        remarks.append(_SEVERAL[reading.several])
    if reading.colours_ignored:
        remarks.append(
            Translatable(
                "The colour profile of the picture to start from can't be used; its colours may "
                "be a little different."
            )
        )
    return reading, remarks


def read_source(request: ImageRequest, pictures: Mapping[str, bytes]) -> Source:
    """The request's starting picture and mask, from ``pictures`` (bytes by SHA-256).

    Raises RequestError if one is missing or is not a picture.
    """
    reading, remarks = read_start(request, pictures)
    image = over_white(reading.image)
    if request.mask is None and reading.has_holes:
        remarks.append(
            Translatable(
                "The picture to start from has transparent parts, which became white. To change "
                "only them, use the same file as the mask."
            )
        )
    if request.extend is not None:
        return Source(*extended(image, parse_extent(request.extend)), tuple(remarks))
    white = None
    if request.mask is not None:
        mask = read_mask(
            bytes_of(
                request.mask, pictures, Translatable("The mask no longer exists; attach it again.")
            ),
            image,
        )
        white = mask.white
        if mask.remark is not None:
            remarks.append(mask.remark)
        if not have_same_shape(white, image):
            remarks.append(
                Translatable(
                    "The mask has {across}x{down} pixels and was stretched to "
                    "the picture's {width}x{height}.",
                    across=white.width,
                    down=white.height,
                    width=image.width,
                    height=image.height,
                )
            )
    return Source(image, white, tuple(remarks))


def extended(image: Image.Image, extent: Extent) -> tuple[Image.Image, Image.Image]:
    """The picture with more canvas around it, and a mask that is white there.

    The new canvas mirrors the picture, for what is painted there to begin with.
    """
    left, right, up, down = extent.of(image.size)
    border = ((up, down), (left, right))
    pixels = np.pad(np.asarray(image), (*border, (0, 0)), mode="symmetric")
    white = np.pad(np.zeros(image.size[::-1], np.uint8), border, constant_values=255)
    return Image.fromarray(pixels), Image.fromarray(white)


def bytes_of(sha256: str | None, pictures: Mapping[str, bytes], missing: Translatable) -> bytes:
    """The picture ``sha256``; raises RequestError with the sentence ``missing`` without it."""
    data = pictures.get(sha256 or "")
    if data is None:
        raise RequestError(missing)
    return data
