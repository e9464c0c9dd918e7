"""What a painting does when memory or the finite numbers run out, before it gives up.

Less memory is had by looking at fewer cutouts a pass: the gradients add up to the same, the
cutouts' losses being means. Numbers that were lost in half precision are had in float32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from engine.errors import NumericalError, OutOfMemoryError
from engine.models import Perceptor
from engine.painting.cutouts import Cutouts, cut, plain_cutouts
from engine.painting.losses import clamp_with_gradient
from engine.translatable import Translatable

if TYPE_CHECKING:
    from engine.painting.synthesis import Synthesis

Network = TypeVar("Network", bound=nn.Module)
Term = Callable[[Tensor], Tensor]
"""From the cutouts' vectors [N, D] to a scalar that is a mean over them."""

KEEP_EVERY = 10  # iterations between two states to go back to
_RESCUES = 5  # of one painting
_SHARES = (0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.25, 0.18, 0.12)
# The last two are oneDNN's, which computes the convolutions on the CPU.
_WORDS = ("can't allocate memory", "out of memory", "not enough memory",
          "could not create a primitive", "could not create a memory object")


def is_memory_error(error: BaseException) -> bool:
    """Whether ``error`` says that memory has run out, the device's or the machine's.

    PyTorch's own allocator on the CPU has no exception of its own for it.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _WORDS)


class Hardship:
    """What one painting has been through.

    ``passes`` are those in which the cutouts of an iteration are looked at; ``finite`` is the
    last state from which a step gave finite numbers.
    """

    def __init__(self) -> None:
        self.passes = 1
        self.finite: dict[str, Any] | None = None
        self._lost: tuple[NumericalError, dict[str, Any]] | None = None
        self._rescues = 0

    def spare_memory(self, synthesis: Synthesis) -> None:
        """Half as many cutouts a pass from now on; raises OutOfMemoryError where it was one."""
        synthesis.latent.z.grad = None
        free_memory()
        recipe = synthesis.recipe
        if self.passes < recipe.augmentation.count:
            self.passes *= 2
            return
        fitting = size_that_fits(synthesis)
        advice = (Translatable("choose a smaller model") if fitting is None else
                  Translatable("{width}x{height} would fit", width=fitting[0], height=fitting[1]))
        raise OutOfMemoryError("The memory here does not hold a picture of {width}x{height} with "
                               "this model; {advice}.", width=recipe.width, height=recipe.height,
                               advice=advice)

    def go_back(self, synthesis: Synthesis, error: NumericalError) -> None:
        """To the last finite state, from there with other cutouts and in float32.

        Where that does not lead beyond the iteration at which they were lost, the latent is as
        it was there, and the error is raised that was raised there.
        """
        state = synthesis.state_dict()
        finite = self.finite
        if finite is None and synthesis.latent.z.isfinite().all():
            finite = state
        if self._lost is not None and synthesis.iteration <= self._lost[1]["iteration"]:
            error, state = self._lost
            synthesis.load_state_dict(state)
            raise error
        if finite is None or self._rescues == _RESCUES:
            raise error
        self._lost = error, state
        self._rescues += 1
        drawn = synthesis.rng.get_state()  # the same draws would lead to the same place
        synthesis.generator = in_full_precision(synthesis.generator)
        synthesis.perceptor = in_full_precision(synthesis.perceptor)
        synthesis.load_state_dict(finite)
        synthesis.rng.set_state(drawn)
        synthesis.remarks += (Translatable("The numbers ran away at iteration {lost}, so it went "
                                           "on from iteration {iteration}.",
                                           lost=state["iteration"], iteration=synthesis.iteration),)


def look_in_passes(picture: Tensor, cutouts: Cutouts, side: int, perceptor: Perceptor,
                   terms: Sequence[Term], passes: int) -> tuple[list[Tensor], Tensor]:
    """The terms over all cutouts, ``side`` px wide, of ``picture`` [1, 3, H, W] in so many passes.

    Returns their values and the gradient of their sum [1, 3, H, W]: what one pass would give,
    but for the order in which the sums are rounded. Each pass frees what it needed.
    """
    seen = picture.detach().requires_grad_()
    count = len(cutouts.box)
    values = [torch.zeros((), device=picture.device) for _ in terms]
    for chosen in torch.arange(count).tensor_split(min(passes, count)):
        rows: dict[str, Any] = {field.name: _rows(getattr(cutouts, field.name), chosen)
                                for field in fields(cutouts)}
        part = Cutouts(**rows)
        images = perceptor.encode_image(cut(seen, part, side))
        shares = [term(images) * (len(chosen) / count) for term in terms]
        torch.stack(shares).sum().backward()
        values = [value + share.detach() for value, share in zip(values, shares, strict=True)]
    assert seen.grad is not None
    return values, seen.grad


def _rows(value: object, chosen: Tensor) -> object:
    return value[chosen] if isinstance(value, Tensor) else value


def in_full_precision(network: Network) -> Network:
    """``network`` in float32: itself where it is that already, else a copy (others use it)."""
    if all(value.dtype in (torch.float32, torch.float64) for value in network.state_dict().values()
           if value.is_floating_point()):
        return network
    return copy.deepcopy(network).float()


def free_memory() -> None:
    """Hand back what PyTorch keeps of the device's memory for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def size_that_fits(synthesis: Synthesis) -> tuple[int, int] | None:
    """The largest of some smaller sizes at which one pass with one cutout succeeds; None: none.

    It is tried out, which is the only answer that holds for every device.
    """
    factor = synthesis.generator.factor
    for share in _SHARES:
        width, height = (max(factor, int(side * share / factor) * factor)
                         for side in (synthesis.recipe.width, synthesis.recipe.height))
        try:
            _try_out(synthesis, width, height)
        except (MemoryError, RuntimeError) as error:
            if not is_memory_error(error):
                raise
        else:
            return width, height
        free_memory()
    return None


def _try_out(synthesis: Synthesis, width: int, height: int) -> None:
    generator, perceptor = synthesis.generator, synthesis.perceptor
    zq = generator.random_latent(height, width, torch.Generator()).detach().requires_grad_()
    picture = clamp_with_gradient(generator.decode(zq))
    whole = plain_cutouts(torch.tensor([[0.0, 0.0, 1.0, 1.0]]))
    perceptor.encode_image(cut(picture, whole, perceptor.resolution)).sum().backward()
