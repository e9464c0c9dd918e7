"""What a painting does when it runs out of memory or its numbers stop being finite.

Out of memory: fewer cutouts are looked at in each pass, for a while. The gradients add up to the
same, since the losses are means over cutouts. Not finite: it goes back to an earlier state and
continues in float32, because half precision overflows easily.
"""

from __future__ import annotations

import contextlib
import copy
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from engine.errors import EngineError, NumericalError, OutOfMemoryError
from engine.models import Generator, Perceptor
from engine.models.free_memory import free_bytes, give_back
from engine.models.memory import is_memory_error
from engine.painting.average import MovingAverage
from engine.painting.graphs.registry import make_room
from engine.painting.late import Late
from engine.painting.latent import Latent
from engine.painting.losses import clamp_with_gradient
from engine.painting.memory_plan import advice, prepare_memory
from engine.painting.optimisers import Optimiser
from engine.painting.steering import Frozen
from engine.painting.targets import seen_whole
from engine.random_numbers import Draws
from engine.request.recipe import Recipe
from engine.translatable import Translatable

Network = TypeVar("Network", bound=nn.Module)

SNAPSHOT_EVERY = 10  # iterations
_MAX_ROLLBACKS = 5  # of one painting
# Iterations without trouble after which the passes are halved. The number doubles each time that
# memory runs out, or a painting that just does not fit would lose every 20th iteration.
_PATIENCE, _MAX_PATIENCE = 20, 640
_SHARES = (0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.25, 0.18, 0.12)


class Recoverable(Protocol):
    """What recovery reads and changes of a painting; Synthesis is one."""

    generator: Generator
    perceptor: Perceptor
    recipe: Recipe
    latent: Latent
    anchor: Tensor | None
    optimiser: Optimiser
    average: MovingAverage | None
    frozen: Frozen | None
    late: Late
    iteration: int
    seconds: float
    losses: dict[str, float]
    remarks: tuple[str, ...]

    def snapshot(self) -> dict[str, Any]:
        """The painting's state without its recovery, copied."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a :meth:`snapshot`."""


class BeforeStep:
    """A painting as it is now, to be restored if the next step fails at any point."""

    def __init__(self, painting: Recoverable) -> None:
        self._painting = painting
        self._optimiser = painting.optimiser
        self._undo = [painting.optimiser.undo()]
        if painting.average is not None:
            self._undo.append(painting.average.undo())
        self._numbers = painting.iteration, painting.seconds, painting.losses
        self._latent, self._recipe, self._average = (
            painting.latent,
            painting.recipe,
            painting.average,
        )
        self._z, self._anchor = painting.latent.z.detach().clone(), painting.anchor
        self._frozen = painting.frozen

    @torch.no_grad()
    def restore(self) -> None:
        """Undo what happened since. Allocates nothing, as memory may have run out."""
        painting = self._painting
        painting.latent, painting.recipe = self._latent, self._recipe
        painting.average = self._average
        painting.latent.z.copy_(self._z)
        painting.latent.z.grad = None
        painting.anchor, painting.optimiser = self._anchor, self._optimiser
        painting.frozen = self._frozen
        for undo in self._undo:
            undo()
        painting.iteration, painting.seconds, painting.losses = self._numbers
        painting.late.forget_from(painting.iteration)


class Recovery:
    """The failures of one painting so far.

    Each iteration looks at its cutouts in ``passes``, never fewer than ``fewest``, and decodes in
    less memory with ``recompute``. ``last_finite`` is the last state from which a step gave finite
    numbers, None before the first. ``float32_since`` is the iteration from which the painting
    continued in float32, None if it did not have to. ``rollbacks`` counts the returns to an earlier
    state: the numbers drawn depend on it, since the same ones would fail in the same way. With
    ``checks_memory`` it does not go on in float32 if that does not fit.
    """

    def __init__(self) -> None:
        self.passes = self.fewest = 1
        self.most_passes = 1
        self.recompute = False
        self.last_finite: dict[str, Any] | None = None
        self.float32_since: int | None = None
        self.rollbacks = 0
        self.checks_memory = False
        self._calm = 0  # iterations since the passes changed
        self._patience = _PATIENCE
        self._failed: dict[str, Any] | None = None  # the state in which numbers overflowed

    def plan(self, passes: int, recompute: bool = False) -> None:
        """Use at least ``passes`` from now on, and ``recompute`` if it is set."""
        self.recompute = self.recompute or recompute
        self.fewest = max(self.fewest, passes)
        self._use(max(self.passes, passes))

    def stepped(self, iteration: int, before: dict[str, Any] | None) -> None:
        """Note that ``iteration`` was reached, with finite numbers; may halve the passes.

        ``before`` is the state before that step, if it is to be kept.
        """
        self.last_finite = before or self.last_finite
        if self._failed is not None and iteration > self._failed["iteration"]:
            self._failed = None
        self._calm += 1
        if self.passes > self.fewest and self._calm >= self._patience:
            self._use(max(self.fewest, self.passes // 2))

    def use_less_memory(self, painting: Recoverable) -> None:
        """Halve the cutouts in each pass; if each has only one, recompute the decoder.

        Raises OutOfMemoryError where it already does. If recorded iterations hold memory, they are
        given up first.
        """
        made_room = make_room()
        give_back()
        if made_room:
            return
        recipe = painting.recipe
        if self.passes < recipe.augmentation_at(painting.iteration).count:
            self._patience = min(2 * self._patience, _MAX_PATIENCE)
            self._use(self.passes * 2)
            return
        if not self.recompute:
            self.recompute = True
            return
        fitting = size_that_fits(painting.generator, painting.perceptor, recipe)
        raise OutOfMemoryError(
            "There isn't enough memory for a picture of {width}x{height} with "
            "this model; {advice}.",
            width=recipe.width,
            height=recipe.height,
            advice=advice(fitting),
        )

    def _use(self, passes: int) -> None:
        self.passes, self._calm = passes, 0
        self.most_passes = max(self.most_passes, passes)

    def roll_back(self, painting: Recoverable, error: NumericalError) -> None:
        """Return to the last finite state, and from there use other cutouts and float32.

        Raises ``error`` if there is no finite state, or if it was tried too often. If the second
        attempt does not get past the iteration that failed before, its error is raised again and
        the painting is left as it was then.
        """
        state = painting.snapshot()
        finite = self.last_finite
        if finite is None and painting.latent.z.isfinite().all():
            finite = state
        if self._failed is not None:
            painting.load_state_dict(self._failed)
            raise numbers_overflowed(self._failed["iteration"])
        if finite is None or self.rollbacks == _MAX_ROLLBACKS:
            raise error
        lost, iteration = state["iteration"], finite["iteration"]
        changed = self._to_float32_if_it_fits(painting, error)
        self._failed = state
        self.rollbacks += 1
        if changed:
            self.float32_since = iteration
            remark = Translatable(
                "The numbers overflowed at iteration {lost}, so painting continued from iteration "
                "{iteration} in float32.",
                lost=lost,
                iteration=iteration,
            )
        else:
            remark = Translatable(
                "The numbers overflowed at iteration {lost}, so painting continued from iteration "
                "{iteration}.",
                lost=lost,
                iteration=iteration,
            )
        painting.load_state_dict(finite)
        painting.remarks += (remark,)

    def _to_float32_if_it_fits(self, painting: Recoverable, error: NumericalError) -> bool:
        """Change to float32, which needs more memory; False if it is float32 already."""
        before = _networks(painting)
        if not to_float32(painting):
            return False
        if self.checks_memory:
            free = free_bytes(painting.latent.z.device)
            try:
                plan = prepare_memory(*_networks(painting), painting.recipe, free)
                self.plan(plan.passes, plan.recompute)
            except OutOfMemoryError:
                painting.generator, painting.perceptor = before
                raise error from None
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a resumed painting needs in order to continue as if it was never stopped."""
        return {
            "passes": self.passes,
            "fewest": self.fewest,
            "most_passes": self.most_passes,
            "recompute": self.recompute,
            "calm": self._calm,
            "patience": self._patience,
            "last_finite": self.last_finite,
            "failed": self._failed,
            "rollbacks": self.rollbacks,
            "float32_since": self.float32_since,
        }

    def load_state_dict(self, state: dict[str, Any], painting: Recoverable) -> None:
        """Continue from a :meth:`state_dict`; also uses the precision that it says.

        Passes that were planned stay the fewest: there may be less memory than there was then.
        """
        self.fewest = max(self.fewest, int(state["fewest"]))
        self.passes = max(self.fewest, int(state["passes"]))
        self.most_passes = max(self.passes, int(state["most_passes"]))
        self.recompute = self.recompute or bool(state.get("recompute", False))
        self._calm, self._patience = int(state["calm"]), int(state["patience"])
        self.last_finite, self._failed = state["last_finite"], state["failed"]
        self.rollbacks = int(state["rollbacks"])
        self.float32_since = state["float32_since"]
        if self.float32_since is not None:
            to_float32(painting)


def numbers_overflowed(iteration: int) -> NumericalError:
    """The error of a step whose loss or gradient is not finite."""
    return NumericalError(
        "The loss was no longer a number at iteration {iteration}, and "
        "going back didn't help; try a smaller learning rate, another "
        "model or another seed.",
        iteration=iteration,
    )


def to_float32(painting: Recoverable) -> bool:
    """Let ``painting`` compute in float32 from now on; False if it already does.

    Other paintings keep their networks.
    """
    before = _networks(painting)
    painting.generator = _original_generator(painting.generator)
    painting.perceptor = painting.perceptor.with_each(_original_perceptor)
    return _networks(painting) != before


def _networks(painting: Recoverable) -> tuple[Generator, Perceptor]:
    return painting.generator, painting.perceptor


def _original_generator(generator: Generator) -> Generator:
    """``generator`` as it was before its weights were rounded, or else in full precision."""
    if generator.original is not None:
        with contextlib.suppress(EngineError):  # its file is gone or damaged
            again = generator.original()
            if again.fingerprint() == generator.fingerprint():
                return again.to(generator.reference.device)
    return in_full_precision(generator)


def _original_perceptor(perceptor: Perceptor) -> Perceptor:
    """``perceptor`` as it was before its weights were rounded, or else in full precision."""
    if perceptor.original is not None:
        with contextlib.suppress(EngineError):  # its file is gone or damaged
            again = perceptor.original()
            if _is_rounded_to(again, perceptor):
                return again.to(perceptor.device)
    return in_full_precision(perceptor)


def _is_rounded_to(network: nn.Module, rounded: nn.Module) -> bool:
    """Whether ``network``'s weights are those of ``rounded`` if they are rounded, too."""
    ours, theirs = network.state_dict(), rounded.state_dict()
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name].to(theirs[name].dtype), theirs[name].to(ours[name].device))
        for name in ours
    )


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
        give_back()
    return None


def _try_size(generator: Generator, perceptor: Perceptor, width: int, height: int) -> None:
    zq = generator.random_latent(height, width, Draws(0)).detach().requires_grad_()
    picture = clamp_with_gradient(generator.decode_in_less_memory(zq))
    seen_whole(perceptor, picture).sum().backward()
