"""Reading an iteration's losses without waiting for the device.

A GPU computes what it was told while the host goes on; to read a loss is to wait until all of it is
done. So on a GPU the losses of an iteration, and whether they are finite, are read when
``LAG`` more have been started. Until then the update depends on it there: from the first numbers
that are not finite on, z stays as it is, and the host goes back once it has read them. What is
painted is the same, bit for bit, as if each iteration were waited for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

LAG = {"cuda": 4}
"""By the type of device: how many iterations are started before the losses of one are read."""
LARGEST = 2**20
"""Numbers of a latent: an unread iteration keeps copies to go back to, so larger ones wait."""


def copy_to_host(numbers: Tensor) -> tuple[Tensor, Callable[[], None]]:
    """A copy in the host's memory, and a function that waits until it has arrived."""
    if not numbers.is_cuda:
        return numbers, _nothing
    # Copies to memory that is not pinned are waited for.
    host = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
    host.copy_(numbers, non_blocking=True)
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(numbers.device))
    return host, event.synchronize


_ASIDE: dict[torch.device, torch.cuda.Stream] = {}


def copy_aside(values: Sequence[Tensor]) -> tuple[list[Tensor], Callable[[], None]]:
    """Copies in the host's memory, and a function that waits until they have arrived.

    Of a GPU they are made next to what it does from now on, and it is not waited for.
    """
    device = next((each.device for each in values if each.is_cuda), None)
    if device is None:
        return list(values), _nothing
    if device not in _ASIDE:
        _ASIDE[device] = torch.cuda.Stream(device)
    stream = _ASIDE[device]
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        copies = [_copied(each, stream) if each.is_cuda else each for each in values]
        event = torch.cuda.Event()
        event.record(stream)
    return copies, event.synchronize


def _copied(value: Tensor, stream: torch.cuda.Stream) -> Tensor:
    host = torch.empty_like(value, device="cpu", pin_memory=True)
    host.copy_(value, non_blocking=True)
    value.record_stream(stream)  # its memory is not used again before
    return host


def _nothing() -> None:
    """There is nothing to wait for."""


class Numbers:
    """Numbers [N] on their way from the device."""

    def __init__(self, numbers: Tensor) -> None:
        self._values: list[float] | None = None
        self._copy, self._wait = copy_to_host(numbers)

    def read(self) -> list[float]:
        """The numbers; waits for them."""
        if self._values is None:
            self._wait()
            self._values = self._copy.tolist()
        return self._values


@dataclass(frozen=True)
class Outcome:
    """One painting's part of the ``numbers``: at ``places``, its flag and its losses by name."""

    numbers: Numbers
    places: slice
    names: Sequence[str]

    def is_finite(self) -> bool:
        """Whether all numbers were finite up to this iteration; waits for the device."""
        return bool(self.numbers.read()[self.places.start])

    def losses(self) -> dict[str, float]:
        """The losses by name; waits for the device."""
        _, *values = self.numbers.read()[self.places]
        return dict(zip(self.names, values, strict=True))


@dataclass(frozen=True)
class Unread:
    """An iteration of one painting whose ``outcome`` has not been read.

    ``finite`` is its flag on the device. ``restore`` makes the painting what it was before, and
    ``state`` is its snapshot, if one was taken.
    """

    iteration: int
    finite: Tensor
    outcome: Outcome
    restore: Callable[[], None]
    state: dict[str, Any] | None


class Late:
    """The iterations of one painting whose losses have not been read, oldest first."""

    def __init__(self) -> None:
        self._unread: deque[Unread] = deque()

    def still_finite(self, flag: Tensor) -> Tensor:
        """Whether all numbers have been finite, if ``flag`` says it of the newest; not read."""
        return self._unread[-1].finite & flag if self._unread else flag

    @property
    def newest_flag(self) -> Tensor | None:
        """Whether all numbers have been finite so far, on the device; None if all were read."""
        return self._unread[-1].finite if self._unread else None

    def add(self, unread: Unread) -> None:
        """Note an iteration that has been started."""
        self._unread.append(unread)

    def take(self, lag: int = 0) -> Unread | None:
        """The oldest iteration, which is then read; None if no more than ``lag`` are left."""
        return self._unread.popleft() if len(self._unread) > lag else None

    def forget_from(self, iteration: int) -> None:
        """Forget this iteration and those after it, as they are undone."""
        while self._unread and self._unread[-1].iteration >= iteration:
            self._unread.pop()
