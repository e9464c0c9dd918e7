"""The picture that an edit starts from and its mask, converted for the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from engine.errors import RequestError
from engine.painting.images import to_tensor
from engine.painting.masking import self_mask
from engine.pictures.decoding import Several
from engine.pictures.reading import read, read_mask
from engine.request.recipe import Recipe
from engine.request.request import ImageRequest
from engine.translatable import Translatable

if TYPE_CHECKING:
    from PIL import Image

    from engine.models import Perceptor

_MAX_ASPECT = 8.0
_SAME_ASPECT = 1.05  # the largest ratio of two aspects that count as the same
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

    @property
    def aspect(self) -> float:
        """Width over height, limited to 1/8..8; longer pictures are cropped to their middle."""
        return min(_MAX_ASPECT, max(1 / _MAX_ASPECT, self.image.width / self.image.height))

    def tensors(
        self, request: ImageRequest, recipe: Recipe, perceptor: Perceptor
    ) -> tuple[Tensor, Tensor | None]:
        """The start [1, 3, H, W] in the recipe's size, and the mask [1, 1, H, W], both in 0..1.

        If there are a mask and ``where``, only their intersection can change; without either the
        mask is None. Raises RequestError if nothing matches ``where``.
        """
        start = to_tensor(self.image, recipe.width, recipe.height)
        mask = None
        if self.white is not None:
            white = self.white.resize(self.image.size)
            mask = to_tensor(white, recipe.width, recipe.height)
        phrase = request.source_phrase()
        if phrase is not None:
            found = self_mask(start.to(perceptor.mean), phrase, perceptor, recipe.masking).to(start)
            mask = found if mask is None else mask * found
            if not (mask >= 0.5).any():
                raise RequestError(
                    'The mask and "{words}" don\'t overlap; use only one of them.',
                    words=phrase[:60],
                )
        return start, mask


def read_source(request: ImageRequest, pictures: Mapping[str, bytes]) -> Source:
    """The request's starting picture and mask, from ``pictures`` (bytes by SHA-256).

    Raises RequestError if one is missing or is not a picture.
    """
    data = _bytes(
        request.init_image,
        pictures,
        Translatable("The picture to start from no longer exists; attach it again."),
    )
    reading = read(data)
    image = reading.image
    remarks = []
    if reading.several is not None:
        remarks.append(_SEVERAL[reading.several])
    aspect = image.width / image.height
    if not 1 / _MAX_ASPECT <= aspect <= _MAX_ASPECT and request.aspect is None:
        remarks.append(
            Translatable(
                "The picture to start from has {width}x{height} pixels; only "
                "its middle was used, eight times as long as wide.",
                width=image.width,
                height=image.height,
            )
        )
    white = None
    if request.mask is not None:
        white = read_mask(
            _bytes(
                request.mask, pictures, Translatable("The mask no longer exists; attach it again.")
            )
        )
        ratio = white.width / white.height / aspect
        if not 1 / _SAME_ASPECT < ratio < _SAME_ASPECT:
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


def _bytes(sha256: str | None, pictures: Mapping[str, bytes], missing: Translatable) -> bytes:
    data = pictures.get(sha256 or "")
    if data is None:
        raise RequestError(missing)
    return data
