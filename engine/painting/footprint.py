"""How much memory an iteration needs, counted from what autograd keeps of small pictures.

Most of it are the tensors that the generator and the perceptor keep for the backward pass. Their
sizes are sums of terms that grow with the picture's pixels (convolutions), with their square
(attention) and with its rows, so a few small pictures determine them exactly for every size. The
rest (the backward pass's own tensors, the allocator's gaps) was fitted to the peaks that
``bench.memory`` measures; docs/memory.md compares both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from engine.models import Generator, Perceptor
from engine.painting.cutouts import cut, draw_cutouts
from engine.request.recipe import Augmentation, Recipe

# Of the small pictures: height and width in units of the generator's factor, at least 8 pixels.
_SIDES = ((2, 2), (4, 2), (2, 4), (4, 4))
_FIXED = 50e6  # bytes: compiled kernels, threads
# The backward pass of a convolution holds a few tensors of its output's size, attention's a part of
# its matrices in float32, and each cutout's some of what the forward pass kept.
_CONVOLUTIONS, _ATTENTION, _CUTOUTS = 4.0, 0.25, 1.4
# float32 numbers for each of the latent's: the gradient, Adam's moments, a copy for a step that
# fails and one to go back to; logits also have their probabilities and sums.
_LATENT, _LOGITS = 12 * 4, 16 * 4


@dataclass(frozen=True)
class Kept:
    """What decoding keeps for the backward pass, in bytes.

    ``fixed``, the bytes for each ``pixel``, for each pixel ``squared`` and for each ``row`` are
    added up; ``largest`` is the size of the largest tensor for each pixel, ``width`` the bytes of
    each of its numbers, and ``latent`` how many numbers z has for each pixel.
    """

    fixed: float
    pixel: float
    squared: float
    row: float
    largest: float
    width: int
    latent: float

    def at(self, width: int, height: int) -> float:
        """The bytes for a picture of ``width`` x ``height`` pixels."""
        pixels = width * height
        linear = self.fixed + self.pixel * pixels + self.row * height
        return linear + self.squared * pixels**2


@dataclass(frozen=True)
class Footprint:
    """The memory of one iteration: ``generator``'s, and ``cutout`` bytes for each cutout.

    For each pixel, ``latent`` is the bytes of z and its optimiser, and ``quantising`` those that
    are needed for a moment before the picture is decoded.
    """

    generator: Kept
    cutout: float
    latent: float
    quantising: float

    def peak(self, width: int, height: int, cutouts: int) -> int:
        """The bytes that an iteration needs at most, with ``cutouts`` in one pass."""
        kept, pixels = self.generator, width * height
        matrices = kept.squared * pixels**2 * 4 / kept.width
        backward = _CONVOLUTIONS * kept.largest * pixels + _ATTENTION * matrices
        looking = _CUTOUTS * self.cutout * cutouts
        most = max(kept.at(width, height) + backward + looking, self.quantising * pixels)
        return math.ceil(_FIXED + self.latent * pixels + most)


def footprint_of(
    generator: Generator, perceptor: Perceptor, recipe: Recipe, augmentation: Augmentation
) -> Footprint:
    """The footprint of a painting whose cutouts are taken by ``augmentation``."""
    kept = kept_by_generator(generator)
    latent, quantising = kept.latent * _LATENT, 0.0
    if generator.codebook is not None:
        codes = len(generator.codebook) / generator.factor**2  # for each pixel
        quantising = codes * 2 * 4  # each token's distances from all codes, with a product
        if recipe.latent == "codebook":
            latent = codes * _LOGITS
    cutout = kept_by_cutout(perceptor, recipe, augmentation)
    return Footprint(kept, cutout, latent, quantising)


def kept_by_generator(generator: Generator) -> Kept:
    """Count what ``generator`` keeps of a few small pictures."""
    unit = generator.factor * -(-8 // generator.factor)
    rows, counts = [], []
    largest, latent, number = 0.0, 0.0, 4
    for down, across in _SIDES:
        height, width = down * unit, across * unit
        z = generator.random_latent(height, width, torch.Generator()).detach().requires_grad_()
        kept = _kept(generator, partial(generator.decode, z))
        pixels = float(height * width)
        rows.append([1.0, pixels, pixels**2, float(height)])
        counts.append(float(sum(size for size, _ in kept)))
        most, number = max(kept)
        largest, latent = max(largest, most / pixels), max(latent, z.numel() / pixels)
    solved = torch.linalg.solve(
        torch.tensor(rows, dtype=torch.float64), torch.tensor(counts, dtype=torch.float64)
    )
    fixed, pixel, squared, row = (0.0 if abs(x) < 1e-6 else x for x in solved.tolist())
    return Kept(fixed, pixel, squared, row, largest, number, latent)


def kept_by_cutout(perceptor: Perceptor, recipe: Recipe, augmentation: Augmentation) -> float:
    """Count the bytes that a cutout keeps, in ``cut`` and in ``perceptor``, if all is augmented."""
    one = replace(
        augmentation,
        count=1,
        flip=float(augmentation.flip > 0),
        affine=float(augmentation.affine > 0),
        perspective=float(augmentation.perspective > 0),
        jitter=float(augmentation.jitter > 0),
        erasing=float(augmentation.erasing > 0),
    )
    side = cutout_side(augmentation, perceptor)
    picture = torch.full((1, 3, recipe.height, recipe.width), 0.5, device=perceptor.device)
    picture.requires_grad_()
    numbers = draw_cutouts(one, recipe.width, recipe.height, side, torch.Generator())
    kept = _kept(perceptor, lambda: perceptor.encode_image(cut(picture, numbers, side)))
    return float(sum(size for size, _ in kept))


def cutout_side(augmentation: Augmentation, perceptor: Perceptor) -> int:
    """The side of the cutouts in pixels."""
    own = augmentation.size and perceptor.any_side
    return augmentation.size if own else perceptor.resolution


def _kept(network: nn.Module, compute: Callable[[], Tensor]) -> list[tuple[int, int]]:
    """What ``compute`` keeps and returns, without weights: the bytes of each and of a number."""
    weights = {weight.untyped_storage().data_ptr() for weight in network.state_dict().values()}
    kept: dict[int, tuple[int, int]] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes(), tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = compute()
    # The graph is alive until here, or an address could have been used twice.
    keep(result)
    return list(kept.values())
