"""The fixed buffers of a recorded iteration, one set for each painting that is stepped in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from weakref import ReferenceType, ref

import torch
from torch import Tensor

from engine.painting.average import MovingAverage
from engine.painting.late import Late
from engine.painting.masking import Mask
from engine.painting.measuring import Measurable
from engine.painting.optimisers import Optimiser
from engine.painting.steering import Frozen
from engine.painting.targets import regions_of
from engine.random_numbers.philox import wrapped


class Recordable(Measurable, Protocol):
    """What is read of a painting to record its iterations; Synthesis is one."""

    seed: int
    optimiser: Optimiser
    average: MovingAverage | None
    mask: Mask | None
    frozen: Frozen | None
    original: Tensor | None
    late: Late

    @property
    def attempt(self) -> int:
        """How often it went back, on which its random numbers depend."""


class Iterated(NamedTuple):
    """What an iteration of B paintings gave.

    ``pictures`` [B, 3, H, W] in 0..1, ``numbers`` as in engine.painting.measuring.Measured, and
    each painting's flag.
    """

    pictures: Tensor
    numbers: Tensor
    finite: Sequence[Tensor]


def changed_tensors(painting: Recordable) -> dict[str, Tensor]:
    """The tensors that an iteration changes."""
    found: dict[str, Tensor] = {"z": painting.latent.z}
    found |= {f"moment {i}": each for i, each in enumerate(painting.optimiser.moments())}
    if painting.average is not None:
        found["average"] = painting.average.sum
    return found


def tensors_of(painting: Recordable) -> dict[str, Tensor]:
    """All tensors that are a painting's own, and that its iterations depend on."""
    found = changed_tensors(painting)
    if painting.anchor is not None:
        found["anchor"] = painting.anchor
    if painting.mask is not None:
        found |= {"tokens": painting.mask.tokens, "pixels": painting.mask.pixels}
        found["initial"] = painting.latent.initial
        if painting.original is not None:
            found["original"] = painting.original
    if painting.frozen is not None:
        found |= {f"frozen {name}": each for name, each in painting.frozen.state_dict().items()}
    for i, pull in enumerate(painting.pulls()):
        found |= {f"vector {i} {j}": each for j, each in enumerate(pull.target.vectors)}
    for i, region in enumerate(regions_of(painting.pulls())):
        if region is not None and region.mask is not None:
            found[f"region {i}"] = region.mask
    return found


def numbers_of(painting: Recordable) -> list[float]:
    """The numbers that change from one iteration, or painting, to the next.

    The optimiser's, the regulariser's weight, and of each pull its weights and stops.
    """
    numbers = [*(painting.optimiser.numbers() or ()), float(painting.alpha)]
    for pull in painting.pulls():
        numbers += map(float, (*pull.weights, *pull.stops))
    return numbers


class Slot(NamedTuple):
    """The buffers of one painting: scalars, and tensors by name."""

    seed: Tensor
    iteration: Tensor
    attempt: Tensor
    still_finite: Tensor
    numbers: Sequence[Tensor]
    tensors: Mapping[str, Tensor]


class Slots:
    """The buffers of paintings that are stepped together, made for ``paintings`` like them."""

    def __init__(self, paintings: Sequence[Recordable]) -> None:
        z = paintings[0].latent.z.detach()
        self._integers = z.new_zeros((3, len(paintings)), dtype=torch.long)
        counts = [len(numbers_of(painting)) for painting in paintings]
        self._numbers = z.new_zeros(sum(counts))
        self._finite = z.new_ones(len(paintings), dtype=torch.bool)
        self._yes = z.new_ones((), dtype=torch.bool)
        numbers = self._numbers.split(counts)
        self.each = [
            Slot(
                self._integers[0, i],
                self._integers[1, i],
                self._integers[2, i],
                self._finite[i],
                numbers[i].unbind(),
                {name: torch.empty_like(value) for name, value in tensors_of(painting).items()},
            )
            for i, painting in enumerate(paintings)
        ]
        # What a buffer has, and the version of it that was copied.
        self._held: dict[tuple[int, str], tuple[ReferenceType[Tensor], int]] = {}
        self._outputs: list[Tensor] | None = None

    @torch.no_grad()
    def load(self, paintings: Sequence[Recordable]) -> None:
        """Copy what the next iteration of ``paintings`` depends on."""
        rows = [(each.seed, each.iteration, each.attempt) for each in paintings]
        words = [[wrapped(number) for number in row] for row in rows]
        self._send(self._integers, torch.tensor(words).T.contiguous())
        numbers = [number for each in paintings for number in numbers_of(each)]
        self._send(
            self._numbers, torch.tensor(numbers, dtype=torch.float64).to(self._numbers.dtype)
        )
        for i, (slot, painting) in enumerate(zip(self.each, paintings, strict=True)):
            flag = painting.late.newest_flag
            slot.still_finite.copy_(self._yes if flag is None else flag)
            for name, value in tensors_of(painting).items():
                if not self._holds(i, name, value):
                    slot.tensors[name].copy_(value)
                    self._note(i, name, value)

    @torch.no_grad()
    def store(self, paintings: Sequence[Recordable]) -> None:
        """Copy what the iteration changed to ``paintings``."""
        for i, (slot, painting) in enumerate(zip(self.each, paintings, strict=True)):
            for name, value in changed_tensors(painting).items():
                value.copy_(slot.tensors[name])
                self._note(i, name, value)

    def iterated(self) -> Iterated:
        """A copy of what the iteration gave, which the next one replaces."""
        assert self._outputs is not None
        pictures, numbers, *finite = (each.clone() for each in self._outputs)
        return Iterated(pictures, numbers, finite)

    @torch.no_grad()
    def put(self, outputs: Iterated) -> None:
        """Keep what an iteration gave; as long as it is recorded, in the same memory."""
        self.changed()
        values = [outputs.pictures, outputs.numbers, *outputs.finite]
        if self._outputs is None:
            self._outputs = [torch.empty_like(each) for each in values]
        for buffer, value in zip(self._outputs, values, strict=True):
            buffer.copy_(value)

    def changed(self) -> None:
        """Note that an iteration changed the buffers."""
        names = ("z", "moment", "average")
        self._held = {key: each for key, each in self._held.items() if not key[1].startswith(names)}

    def is_like(self, paintings: Sequence[Recordable], iterated: Iterated) -> bool:
        """Whether ``paintings`` are, bit for bit, what the iteration made of them."""
        assert self._outputs is not None
        ours = list(self._outputs)
        theirs = [iterated.pictures, iterated.numbers, *iterated.finite]
        for slot, painting in zip(self.each, paintings, strict=True):
            changed = changed_tensors(painting)
            ours += [slot.tensors[name] for name in changed]
            theirs += changed.values()
        return all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))

    def _holds(self, slot: int, name: str, value: Tensor) -> bool:
        held = self._held.get((slot, name))
        return held is not None and held[0]() is value and held[1] == value._version

    def _note(self, slot: int, name: str, value: Tensor) -> None:
        self._held[slot, name] = ref(value), value._version

    @staticmethod
    def _send(buffer: Tensor, values: Tensor) -> None:
        if buffer.is_cuda:  # copies of pinned memory are not waited for
            values = values.pin_memory()
        buffer.copy_(values, non_blocking=True)
