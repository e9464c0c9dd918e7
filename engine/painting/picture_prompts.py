"""Pictures as prompts: what a painting should look like, instead of or next to words.

As in the published code (the authors' notebooks and command line, nerdyrodent's ``generate.py``):
the picture is resized to the painting's area, cut out and augmented like a painting, once, before
the first iteration. Its target is each cutout's vector, not their mean: the loss is the mean
distance of every cutout of the painting from every one of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from PIL import Image
from torch import Tensor

from engine.models import Member, Perceptor
from engine.painting.cutouts import cut, draw_cutouts
from engine.painting.footprint import cutout_side
from engine.painting.images import to_tensor
from engine.painting.init_image import bytes_of
from engine.painting.targets import PromptTarget, Target, vectors_of
from engine.pictures.colours import over_white
from engine.pictures.decoding import Several
from engine.pictures.reading import read
from engine.random_numbers import Draws
from engine.request.pulls import PicturePrompt
from engine.request.recipe import Recipe
from engine.request.request import ImageRequest
from engine.translatable import Translatable

_SEVERAL: dict[Several, Translatable] = {
    "frames": Translatable("A picture to paint like is animated; its first frame was used."),
    "pages": Translatable("A picture to paint like has several pages; its first was used."),
}


@dataclass(frozen=True)
class Likeness:
    """A picture to paint like: its ``prompt``, and the picture itself in RGB."""

    prompt: PicturePrompt
    image: Image.Image


def read_likenesses(
    request: ImageRequest, pictures: Mapping[str, bytes]
) -> tuple[tuple[Likeness, ...], tuple[str, ...]]:
    """The request's pictures to paint like, from ``pictures`` (bytes by SHA-256), and remarks.

    Raises RequestError if one is missing or is not a picture.
    """
    found, remarks = [], list[str]()
    for prompt in request.like or ():
        missing = Translatable("A picture to paint like no longer exists; attach it again.")
        reading = read(bytes_of(prompt.picture, pictures, missing))
        if reading.several is not None:
            remarks.append(_SEVERAL[reading.several])
        found.append(Likeness(prompt, over_white(reading.image)))
    return tuple(found), tuple(dict.fromkeys(remarks))


@torch.no_grad()
def picture_targets(
    members: Sequence[Member], likenesses: Sequence[Likeness], recipe: Recipe
) -> list[Target]:
    """A target for each of ``likenesses``, with as many cutouts as the recipe takes.

    Their random numbers depend on the picture alone, not on the painting's seed or its state. The
    picture is read as one that is judged (Perceptor.read_image): the included models flatten the
    probabilities of a painting, and a flattened target is a dull picture of nothing.
    """
    targets: list[Target] = []
    for each in likenesses:
        prompt = each.prompt
        vectors = vectors_of(members, partial(_seen, each, recipe))
        stop = -math.inf if prompt.stop is None else prompt.stop
        name = f"like {prompt.picture[:8]}"
        targets.append(PromptTarget(name, vectors, prompt.weight, stop, recipe.distance))
    return targets


def _seen(likeness: Likeness, recipe: Recipe, perceptor: Perceptor) -> Tensor:
    """The vectors [M, D] of the picture's cutouts."""
    size = size_as_target(likeness.image.size, (recipe.width, recipe.height))
    image = likeness.image.resize(size, Image.Resampling.LANCZOS)
    side = cutout_side(recipe.augmentation, perceptor)
    draws = Draws(int(likeness.prompt.picture[:16], 16), device=perceptor.device)
    drawn = draw_cutouts(recipe.augmentation, *size, side, draws)
    pixels = to_tensor(image, *size).to(perceptor.mean)
    return perceptor.read_image(cut(pixels, drawn, side))


def size_as_target(size: tuple[int, int], painting: tuple[int, int]) -> tuple[int, int]:
    """The size of a picture with at most the ``painting``'s area, in its own shape.

    ``resize_image`` of the published code.
    """
    ratio = size[0] / size[1]
    area = min(size[0] * size[1], painting[0] * painting[1])
    return max(1, round((area * ratio) ** 0.5)), max(1, round((area / ratio) ** 0.5))
