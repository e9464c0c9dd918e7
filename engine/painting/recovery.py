"""What a painting does when it runs out of memory or its numbers stop being finite.

Out of memory: fewer cutouts are looked at in each pass. The gradients add up to the same, since
the losses are means over cutouts. Not finite: it goes back to an earlier state and continues in
float32, because half precision overflows easily.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from engine.errors import NumericalError, OutOfMemoryError
from engine.models import Generator, Perceptor
from engine.models.memory import free_memory, is_memory_error
from engine.painting.cutouts import Cutouts, cut, plain_cutouts
from engine.painting.latent import Latent
from engine.painting.losses import clamp_with_gradient
from engine.request.recipe import Recipe
from engine.translatable import Translatable

Network = TypeVar("Network", bound=nn.Module)
Term = Callable[[Tensor], Tensor]
"""From the cutouts' vectors [N, D] to a scalar that is a mean over them."""

SNAPSHOT_EVERY = 10  # iterations
_MAX_ROLLBACKS = 5  # of one painting
_SHARES = (0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.25, 0.18, 0.12)


class Recoverable(Protocol):
    """What recovery reads and changes of a painting; Synthesis is one."""

    generator: Generator
    perceptor: Perceptor
    recipe: Recipe
    latent: Latent
    rng: torch.Generator
    iteration: int
    remarks: tuple[str, ...]

    def state_dict(self) -> dict[str, Any]:
        """The painting's state, copied."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`state_dict`."""


class Recovery:
    """The failures of one painting so far.

    ``passes`` is the number of passes in which each iteration looks at its cutouts; ``snapshot``
    is the last state from which a step gave finite numbers, None before the first.
    """

    def __init__(self) -> None:
        self.passes = 1
        self.snapshot: dict[str, Any] | None = None
        self._failure: tuple[NumericalError, dict[str, Any]] | None = None
        self._rollbacks = 0

    def use_less_memory(self, painting: Recoverable) -> None:
        """Halve the cutouts in each pass; raises OutOfMemoryError where a pass has only one."""
        painting.latent.z.grad = None
        free_memory()
        recipe = painting.recipe
        if self.passes < recipe.augmentation.count:
            self.passes *= 2
            return
        fitting = size_that_fits(painting.generator, painting.perceptor, recipe)
        advice = (
            Translatable("choose a smaller model")
            if fitting is None
            else Translatable("{width}x{height} would fit", width=fitting[0], height=fitting[1])
        )
        raise OutOfMemoryError(
            "There isn't enough memory for a picture of {width}x{height} with "
            "this model; {advice}.",
            width=recipe.width,
            height=recipe.height,
            advice=advice,
        )

    def roll_back(self, painting: Recoverable, error: NumericalError) -> None:
        """Return to the last finite state, and from there use other cutouts and float32.

        Raises ``error`` if there is no such state, or if it was tried too often. If the second
        attempt does not get past the iteration that failed before, the first error is raised
        again and the painting is left as it was then.
        """
        state = painting.state_dict()
        snapshot = self.snapshot
        if snapshot is None and painting.latent.z.isfinite().all():
            snapshot = state
        if self._failure is not None and painting.iteration <= self._failure[1]["iteration"]:
            error, state = self._failure
            painting.load_state_dict(state)
            raise error
        if snapshot is None or self._rollbacks == _MAX_ROLLBACKS:
            raise error
        self._failure = error, state
        self._rollbacks += 1
        drawn = painting.rng.get_state()  # the snapshot's draws would fail the same way again
        painting.generator = in_full_precision(painting.generator)
        painting.perceptor = in_full_precision(painting.perceptor)
        painting.load_state_dict(snapshot)
        painting.rng.set_state(drawn)
        painting.remarks += (
            Translatable(
                "The numbers overflowed at iteration {lost}, so painting continued from iteration "
                "{iteration}.",
                lost=state["iteration"],
                iteration=painting.iteration,
            ),
        )


def look_in_passes(
    picture: Tensor,
    cutouts: Cutouts,
    side: int,
    perceptor: Perceptor,
    terms: Sequence[Term],
    passes: int,
) -> tuple[list[Tensor], Tensor]:
    """The terms over all cutouts, ``side`` px wide, of ``picture`` [1, 3, H, W], in ``passes``.

    Returns their values and the gradient of their sum [1, 3, H, W]. Both equal those of a single
    pass except for rounding, as sums are added in another order. Each pass frees its memory.
    """
    seen = picture.detach().requires_grad_()
    count = len(cutouts.box)
    values = [torch.zeros((), device=picture.device) for _ in terms]
    for chosen in torch.arange(count).tensor_split(min(passes, count)):
        images = perceptor.encode_image(cut(seen, cutouts.only(chosen), side))
        shares = [term(images) * (len(chosen) / count) for term in terms]
        torch.stack(shares).sum().backward()
        values = [value + share.detach() for value, share in zip(values, shares, strict=True)]
    assert seen.grad is not None
    return values, seen.grad


def in_full_precision(network: Network) -> Network:
    """``network`` in float32: itself if it already is, else a copy, as other jobs use it too."""
    if all(
        value.dtype in (torch.float32, torch.float64)
        for value in network.state_dict().values()
        if value.is_floating_point()
    ):
        return network
    return copy.deepcopy(network).float()


def size_that_fits(
    generator: Generator, perceptor: Perceptor, recipe: Recipe
) -> tuple[int, int] | None:
    """The largest width and height in pixels, below the recipe's, that fit into memory.

    Each is tried with one pass of one cutout, since no estimate holds for every device. None
    where no size fits.
    """
    factor = generator.factor
    for share in _SHARES:
        width, height = (
            max(factor, int(side * share / factor) * factor)
            for side in (recipe.width, recipe.height)
        )
        try:
            _try_size(generator, perceptor, width, height)
        except (MemoryError, RuntimeError) as error:
            if not is_memory_error(error):
                raise
        else:
            return width, height
        free_memory()
    return None


def _try_size(generator: Generator, perceptor: Perceptor, width: int, height: int) -> None:
    zq = generator.random_latent(height, width, torch.Generator()).detach().requires_grad_()
    picture = clamp_with_gradient(generator.decode(zq))
    whole = plain_cutouts(torch.tensor([[0.0, 0.0, 1.0, 1.0]]))
    perceptor.encode_image(cut(picture, whole, perceptor.resolution)).sum().backward()
