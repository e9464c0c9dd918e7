"""The picture that an edit starts from, brought to what the model takes, and its mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from engine.errors import RequestError
from engine.painting.images import moves, read_mask, read_picture, to_tensor
from engine.painting.masking import self_mask
from engine.request.recipe import Recipe
from engine.request.request import ImageRequest
from engine.translatable import Translatable

if TYPE_CHECKING:
    from PIL import Image

    from engine.models import Perceptor

_LONGEST = 8.0
_SHAPE_APART = 1.05


@dataclass(frozen=True)
class Source:
    """A starting picture as it came: ``image`` RGB, ``white`` the person's mask, grey, if any.

    ``remarks`` are sentences for the person about what was not taken as it came.
    """

    image: Image.Image
    white: Image.Image | None
    remarks: tuple[str, ...]

    @property
    def aspect(self) -> float:
        """Width over height, 1/8 to 8; of a longer picture the middle is taken."""
        return min(_LONGEST, max(1 / _LONGEST, self.image.width / self.image.height))

    def stretched(self, request: ImageRequest, recipe: Recipe, perceptor: Perceptor
                  ) -> tuple[Tensor, Tensor | None]:
        """The start [1, 3, H, W] with the recipe's size, and what may change [1, 1, H, W].

        With a mask and ``where`` both, what both let change may; with neither it is None.
        Raises RequestError where ``where`` is found nowhere.
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
                raise RequestError("The mask and \"{words}\" have no part of the picture in "
                                   "common; use one of them.", words=phrase[:60])
        return start, mask


def read_source(request: ImageRequest, pictures: Mapping[str, bytes]) -> Source:
    """The request's starting picture and mask out of ``pictures``, bytes by SHA-256.

    Raises RequestError where one is missing or is no picture.
    """
    data = _bytes(request.init_image, pictures, Translatable("The picture to start from is not "
                                                             "there any more; attach it again."))
    image = read_picture(data)
    remarks = []
    if moves(data):
        remarks.append(Translatable("The picture to start from moves; its first frame was taken."))
    aspect = image.width / image.height
    if not 1 / _LONGEST <= aspect <= _LONGEST and request.aspect is None:
        remarks.append(Translatable("The picture to start from has {width}x{height} pixels; only "
                                    "its middle was taken, eight times as long as wide.",
                                    width=image.width, height=image.height))
    white = None
    if request.mask is not None:
        white = read_mask(_bytes(request.mask, pictures, Translatable("The mask is not there any "
                                                                      "more; attach it again.")))
        apart = white.width / white.height / aspect
        if not 1 / _SHAPE_APART < apart < _SHAPE_APART:
            remarks.append(Translatable("The mask has {across}x{down} pixels and was stretched to "
                                        "the picture's {width}x{height}.", across=white.width,
                                        down=white.height, width=image.width, height=image.height))
    return Source(image, white, tuple(remarks))


def _bytes(sha256: str | None, pictures: Mapping[str, bytes], gone: Translatable) -> bytes:
    data = pictures.get(sha256 or "")
    if data is None:
        raise RequestError(gone)
    return data
