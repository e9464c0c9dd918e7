"""The regions that prompts name, as parts of a painting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from engine.errors import RequestError
from engine.painting.composing import Frame
from engine.painting.cutouts import Region
from engine.painting.images import to_tensor
from engine.painting.init_image import bytes_of
from engine.pictures.masks import read_mask
from engine.request.prompt import Prompt
from engine.request.recipe import Recipe
from engine.request.regions import Rectangle, rectangle_of
from engine.request.request import ImageRequest
from engine.translatable import Translatable

FEWEST = 4
"""The cutouts that each region gets at least, if the request does not set their number."""


def regions_of(
    request: ImageRequest,
    pictures: Mapping[str, bytes],
    size: tuple[int, int],
    frame: Frame | None = None,
) -> dict[str, Region]:
    """The regions that the request names, in a painting of ``size``, by name.

    They are regions of the whole picture; a painting in a ``frame`` may be a part of it.
    ``pictures`` has the masks' bytes by SHA-256. Raises RequestError if a mask is missing or
    unreadable, or if a region has no pixel in the painting.
    """
    masks = {each.name: each.mask for each in request.regions or ()}
    found = {}
    for name in request.region_names():
        rectangle = rectangle_of(name)
        if rectangle is not None:
            found[name] = Region(name, _bounds(rectangle, size, frame))
        else:
            missing = Translatable("The mask of a region no longer exists; attach it again.")
            found[name] = _masked(name, bytes_of(masks[name], pictures, missing), size, frame)
        left, top, right, bottom = found[name].bounds
        if left >= right or top >= bottom:
            raise RequestError(
                'The region "@{name}" has no pixel in the part that is painted; choose another.',
                name=name,
            )
    return found


def _bounds(
    rectangle: Rectangle, size: tuple[int, int], frame: Frame | None
) -> tuple[int, int, int, int]:
    """A rectangle in shares of the picture as pixels of the painting."""
    across, down = 0, 0
    right, bottom = width, height = size
    shown = rectangle
    if frame is not None:
        across, down = frame.pad
        width, height = frame.visible
        right, bottom = across + width, down + height
        (wide, high), (x, y) = frame.picture.size, frame.box[:2]
        shown = (
            (rectangle[0] * wide - x) / frame.extent[0],
            (rectangle[1] * high - y) / frame.extent[1],
            (rectangle[2] * wide - x) / frame.extent[0],
            (rectangle[3] * high - y) / frame.extent[1],
        )
    xs = [min(max(across + round(each * width), across), right) for each in shown[::2]]
    ys = [min(max(down + round(each * height), down), bottom) for each in shown[1::2]]
    return xs[0], ys[0], xs[1], ys[1]


def _masked(name: str, data: bytes, size: tuple[int, int], frame: Frame | None) -> Region:
    """The region of a mask's bytes."""
    white = read_mask(data).white
    if frame is None:
        mask: Tensor | None = (to_tensor(white.resize(size), *size) >= 0.5).float()
    else:
        mask = replace(frame, white=white.resize(frame.picture.size)).mask()
    assert mask is not None
    rows, columns = (mask[0, 0].amax(side).nonzero().flatten().tolist() for side in (1, 0))
    if not rows:
        return Region(name, (0, 0, 0, 0))
    return Region(name, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), mask)


def with_enough_cutouts(recipe: Recipe, request: ImageRequest) -> Recipe:
    """``recipe`` with at least FEWEST cutouts for each region; unchanged without regions.

    Also if the request sets the number of cutouts.
    """
    least = fewest_cutouts(request, request.prompts())
    if not least:
        return recipe
    augmentation, early = recipe.augmentation, recipe.early
    return replace(
        recipe,
        augmentation=replace(augmentation, count=max(augmentation.count, least)),
        early=replace(early, count=max(early.count, least)),
    )


def fewest_cutouts(request: ImageRequest, prompts: Sequence[Prompt]) -> int:
    """How many cutouts these ``prompts`` of the request need; 0 without regions.

    Also if the request sets the number of cutouts.
    """
    if request.cutouts is not None or all(prompt.region is None for prompt in prompts):
        return 0
    whole = request.like or request.noise or request.keep or request.where
    everywhere = {None} if whole else set()
    most = 0
    for part in {prompt.part for prompt in prompts}:
        pulling = {prompt.region for prompt in prompts if prompt.part in (None, part)}
        most = max(most, len(pulling | everywhere))
    return FEWEST * most
