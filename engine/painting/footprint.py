"""How much memory an iteration needs, counted from what autograd keeps of small pictures.

Most of it are the tensors that the generator and the perceptor keep for the backward pass. Their
sizes are sums of terms that grow with the picture's pixels and with its rows, so a few small
pictures determine them exactly for every size. The rest (the backward pass's own tensors, the
allocator's gaps) was fitted to the peaks that ``bench.memory`` measures; docs/memory.md compares
both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from engine.models import Generator, Perceptor
from engine.models.generators.decoder.layers import Convolution
from engine.models.kernels.winograd import LEAST_ROWS, WORK_BYTES
from engine.painting.cutouts import cut, draw_cutouts
from engine.random_numbers import Draws
from engine.request.recipe import Augmentation, Recipe

# Of the small pictures: height and width in units of the generator's factor, at least 8 pixels.
_SIDES = ((2, 2), (4, 2), (2, 4))
FIXED = 50e6  # bytes: compiled kernels, threads, work space of bounded size
# The decoder's backward pass holds a few tensors of its largest one's size, more if it computes
# some again, and that of each cutout holds some of what the forward pass kept.
_DECODING, _RECOMPUTING, _CUTOUTS = 3.5, 4.5, 1.4
# Between the tensors that it keeps, glibc's allocator leaves gaps of their size, but gives larger
# ones than this back to the system.
_GAPS, _LARGEST_GAP = 8, 32 * 2**20
# float32 numbers for each of the latent's: the gradient, Adam's moments, a copy for a step that
# fails and one to go back to; logits also have their probabilities and sums.
_LATENT, _LOGITS = 12 * 4, 16 * 4


@dataclass(frozen=True)
class Kept:
    """What decoding keeps for the backward pass, in bytes.

    ``fixed``, the bytes for each ``pixel`` and for each ``row`` are added up; ``largest`` is the
    size of the largest tensor for each pixel, and ``latent`` how many numbers z has for each pixel.
    ``kernels`` are those that larger pictures have made first: the height in pixels from which on,
    and the bytes.
    """

    fixed: float
    pixel: float
    row: float
    largest: float
    latent: float
    kernels: tuple[tuple[int, int], ...] = ()

    def at(self, width: int, height: int) -> float:
        """The bytes for a picture of ``width`` x ``height`` pixels."""
        return self.fixed + self.pixel * width * height + self.row * height

    def made_at(self, height: int) -> float:
        """The bytes of the kernels that a picture of ``height`` pixels needs, and of their work."""
        made = [size for least, size in self.kernels if height >= least]
        return sum(made) + WORK_BYTES if made else 0.0


@dataclass(frozen=True)
class Footprint:
    """The memory of one iteration: ``generator``'s, and ``cutout`` bytes for each cutout.

    ``latent`` is the bytes of z and its optimiser for each pixel; ``backward`` how many tensors of
    the generator's largest size its backward pass holds.
    """

    generator: Kept
    cutout: float
    latent: float
    backward: float

    def peak(self, width: int, height: int, cutouts: int) -> int:
        """The bytes that an iteration needs at most, with ``cutouts`` in one pass."""
        kept, pixels = self.generator, width * height
        tensor = kept.largest * pixels
        decoding = kept.at(width, height) + self.backward * tensor
        decoding += _GAPS * min(tensor, _LARGEST_GAP) + kept.made_at(height)
        looking = _CUTOUTS * self.cutout * cutouts
        return math.ceil(FIXED + self.latent * pixels + decoding + looking)


def footprint_of(
    generator: Generator,
    perceptor: Perceptor,
    recipe: Recipe,
    augmentation: Augmentation,
    recompute: bool = False,
) -> Footprint:
    """The footprint of a painting whose cutouts are taken by ``augmentation``.

    ``recompute`` says that pictures are decoded in less memory.
    """
    kept = kept_by_generator(generator, recompute)
    # The members of an ensemble look one after the other, so the largest decides.
    cutout = max(kept_by_cutout(each, recipe, augmentation) for each, _ in perceptor.members)
    return footprint_from(kept, cutout, generator, recipe, recompute)


def footprint_from(
    kept: Kept, cutout: float, generator: Generator, recipe: Recipe, recompute: bool
) -> Footprint:
    """The footprint from what was counted; see :func:`footprint_of`."""
    latent = kept.latent * _LATENT
    if recipe.latent == "codebook" and generator.codebook is not None:
        latent = len(generator.codebook) / generator.factor**2 * _LOGITS
    return Footprint(kept, cutout, latent, _RECOMPUTING if recompute else _DECODING)


def kept_by_generator(generator: Generator, recompute: bool = False) -> Kept:
    """Count what ``generator`` keeps of a few small pictures; see :func:`footprint_of`."""
    decode = generator.decode_in_less_memory if recompute else generator.decode
    unit = generator.factor * -(-8 // generator.factor)
    rows, counts = [], []
    largest, latent = 0.0, 0.0
    kernels: tuple[tuple[int, int], ...] = ()
    for down, across in _SIDES:
        height, width = down * unit, across * unit
        z = generator.random_latent(height, width, Draws(0)).detach().requires_grad_()
        with _kernels_made(generator, height) as found:
            kept = _kept(generator, partial(decode, z))
        kernels = tuple(found)
        pixels = float(height * width)
        rows.append([1.0, pixels, float(height)])
        counts.append(float(sum(kept)))
        largest, latent = max(largest, max(kept) / pixels), max(latent, z.numel() / pixels)
    solved = torch.linalg.solve(
        torch.tensor(rows, dtype=torch.float64), torch.tensor(counts, dtype=torch.float64)
    )
    fixed, pixel, row = (0.0 if abs(x) < 1e-6 else x for x in solved.tolist())
    return Kept(fixed, pixel, row, largest, latent, kernels)


@contextmanager
def _kernels_made(generator: Generator, height: int) -> Iterator[list[tuple[int, int]]]:
    """Collect :attr:`Kept.kernels` while ``generator`` decodes a picture of ``height`` pixels."""
    found: list[tuple[int, int]] = []

    def note(layer: Convolution, inputs: tuple[Tensor, ...]) -> None:
        missing = layer.rows.missing_bytes(layer.weight)
        if missing:
            found.append((math.ceil(LEAST_ROWS * height / inputs[0].shape[2]), missing))

    layers = [layer for layer in generator.modules() if isinstance(layer, Convolution)]
    handles = [layer.register_forward_pre_hook(note) for layer in layers]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


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
        sharpness=float(augmentation.sharpness > 0),
        elastic=float(augmentation.elastic > 0),
        resized=float(augmentation.resized > 0),
    )
    side = cutout_side(augmentation, perceptor)
    picture = torch.full((1, 3, recipe.height, recipe.width), 0.5, device=perceptor.device)
    picture.requires_grad_()
    numbers = draw_cutouts(one, recipe.width, recipe.height, side, Draws(0))
    kept = _kept(perceptor, lambda: perceptor.encode_image(cut(picture, numbers, side)))
    return float(sum(kept))


def cutout_side(augmentation: Augmentation, perceptor: Perceptor) -> int:
    """The side of the cutouts in pixels."""
    own = augmentation.size and perceptor.any_side
    return augmentation.size if own else perceptor.resolution


def _kept(network: nn.Module, compute: Callable[[], Tensor]) -> list[int]:
    """The bytes of each tensor that ``compute`` keeps or returns, without weights."""
    weights = {weight.untyped_storage().data_ptr() for weight in network.state_dict().values()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = compute()
    # The graph is alive until here, or an address could have been used twice.
    keep(result)
    return list(kept.values())
