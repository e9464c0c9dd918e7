"""The random numbers of one iteration of a job, or of several jobs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.random_numbers import on_cpu, on_device
from engine.random_numbers.elements import TILE, Job
from engine.random_numbers.on_device import DeviceJobs
from engine.random_numbers.philox import MASK, philox, wrapped
from engine.random_numbers.streams import Stream

Shape = Sequence[int]


class Draws:
    """Random numbers on ``device``, a pure function of these arguments and of what they are for.

    ``seed`` has up to 64 bits, ``iteration`` and ``attempt`` up to 32. Attempts are for an
    iteration that has to be done again with other numbers. Each can also be an int64 tensor on
    the device: a scalar, or one number for each job, [B]. Then B comes first in all shapes, and
    the numbers of each job are those that it has alone. Nothing waits for the device.
    """

    def __init__(
        self,
        seed: int | Tensor,
        iteration: int | Tensor = 0,
        attempt: int | Tensor = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self._by_numpy = self.device.type == "cpu"  # a test compares both ways
        self._given = seed, iteration, attempt
        tensors = [each for each in self._given if isinstance(each, Tensor)]
        # torch.broadcast_shapes would import sympy, which delays the first picture by 0.5 s.
        self.batch = np.broadcast_shapes(*(each.shape for each in tensors))

    @classmethod
    def of_all(cls, each: Sequence[Draws]) -> Draws:
        """The draws of several jobs, each of which has ints, on the same device."""
        device, given = each[0].device, [draws._given for draws in each]
        if isinstance(each[0], DrawsOnDevice):
            numbers = [
                torch.stack([number for number in column if isinstance(number, Tensor)])
                for column in zip(*given, strict=True)
            ]
        else:
            numbers = cls._sent([[wrapped(_known(x)) for x in row] for row in given], device)
        seed, iteration, attempt = numbers
        result = cls(seed, iteration, attempt, device)
        result._by_numpy = each[0]._by_numpy
        return result

    @staticmethod
    def _sent(rows: list[list[int]], device: torch.device) -> list[Tensor]:
        """The columns of ``rows`` as tensors on the device."""
        numbers = torch.tensor(rows).T.contiguous()
        if device.type == "cuda":  # copies of pinned memory are not waited for
            numbers = numbers.pin_memory()
        return list(numbers.to(device, non_blocking=True))

    def on_host(self) -> Draws:
        """The same numbers, computed on the CPU, where reading them waits for no device."""
        return Draws(*self._given, torch.device("cpu"))

    @property
    def is_on_cpu(self) -> bool:
        """Whether each job's numbers are drawn by themselves anyway."""
        return self._by_numpy

    def uniform(self, stream: Stream, shape: Shape) -> Tensor:
        """Uniform numbers in [0, 1), multiples of 2^-24, in float32."""
        count = math.prod(shape)
        if self._by_numpy:
            return self._on_cpu(lambda job: on_cpu.uniform(job, stream, count), shape)
        return self._shaped(on_device.uniform(self._device_jobs(), stream, count), shape)

    def uniforms(self, shapes: Mapping[Stream, Shape]) -> dict[Stream, Tensor]:
        """What :meth:`uniform` gives for each of several shapes, small ones together."""
        counts = {stream: math.prod(shape) for stream, shape in shapes.items()}
        counters = tuple((stream, count) for stream, count in counts.items() if count <= TILE)
        if len(counters) < len(counts):
            return {stream: self.uniform(stream, shape) for stream, shape in shapes.items()}
        if self._by_numpy:
            blocks, streams = _counters(counters)
            values = self._on_cpu(lambda job: on_cpu.uniforms(job, blocks, streams), (len(blocks),))
        else:
            jobs = self._device_jobs()
            values = on_device.uniforms(jobs, *_device_counters(counters, self.device))
        parts = values.split(list(counts.values()), dim=-1)
        return {
            stream: self._shaped(part, shape)
            for (stream, shape), part in zip(shapes.items(), parts, strict=True)
        }

    def normal(self, stream: Stream, shape: Shape) -> Tensor:
        """Normal numbers with mean 0 and standard deviation 1, in float32."""
        count = math.prod(shape)
        if self._by_numpy:
            return self._on_cpu(lambda job: on_cpu.normal(job, stream, count), shape)
        return self._shaped(on_device.normal(self._device_jobs(), stream, count), shape)

    def integers(self, stream: Stream, high: int, shape: Shape) -> Tensor:
        """Integers 0..``high`` - 1 in int64; ``high`` is at most 2^31."""
        count = math.prod(shape)
        if self._by_numpy:
            return self._on_cpu(lambda job: on_cpu.integers(job, stream, high, count), shape)
        return self._shaped(on_device.integers(self._device_jobs(), stream, high, count), shape)

    def orders(self, stream: Stream, length: int) -> Tensor:
        """An order of 0..``length`` - 1, each equally likely, as a tensor [length]."""
        table = _orders(length, self.device)
        return table[self.integers(stream, len(table), ())]

    def order(self, stream: Stream, length: int) -> tuple[int, ...]:
        """The same as :meth:`orders`, computed on the host.

        For one job whose seed, iteration and attempt are ints.
        """
        seed, iteration, attempt = (_known(each) for each in self._given)
        counter = 0, int(stream), iteration & MASK, attempt & MASK
        word = philox(counter, (seed & MASK, seed >> 32 & MASK))[0]
        orders = _all_orders(length)
        return orders[word * len(orders) >> 32]

    def _on_cpu(self, draw: Callable[[Job], npt.NDArray[np.generic]], shape: Shape) -> Tensor:
        """What ``draw`` gives for each job, [*B, *shape]."""
        values = [torch.from_numpy(draw(job)) for job in self._jobs()]
        return self._shaped(values[0] if len(values) == 1 else torch.stack(values), shape)

    def _shaped(self, values: Tensor, shape: Shape) -> Tensor:
        return values.reshape((*self.batch, *shape))

    def _jobs(self) -> list[Job]:
        """The jobs of draws on the CPU."""
        count = math.prod(self.batch)
        columns = [
            each.expand(self.batch).flatten().tolist()
            if isinstance(each, Tensor)
            else [each] * count
            for each in self._given
        ]
        return [Job(*row) for row in zip(*columns, strict=True)]

    def _device_jobs(self) -> DeviceJobs:
        seed, iteration, attempt = (
            each[..., None] if isinstance(each, Tensor) else each for each in self._given
        )
        return DeviceJobs(seed, iteration, attempt, self.batch, self.device)


class DrawsOnDevice(Draws):
    """Those whose seed, iteration and attempt are scalars on the device, even on a CPU.

    ``order`` is what :meth:`order` gives, as the host cannot know the numbers.
    """

    def __init__(
        self, seed: Tensor, iteration: Tensor, attempt: Tensor, order: tuple[int, ...]
    ) -> None:
        super().__init__(seed, iteration, attempt, seed.device)
        self._by_numpy = False
        self._order = order

    def order(self, stream: Stream, length: int) -> tuple[int, ...]:
        """The order that is known."""
        return self._order


def _known(number: int | Tensor) -> int:
    if isinstance(number, Tensor):
        raise TypeError("An order on the host needs a seed and an iteration that are ints.")
    return number


Counters = tuple[tuple[Stream, int], ...]
"""How many elements of which streams."""


@lru_cache(maxsize=64)
def _counters(counters: Counters) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The blocks and the streams, as words of counters."""
    blocks = [np.arange(count, dtype=np.uint64) for _, count in counters]
    streams = [np.full(count, int(stream), np.uint64) for stream, count in counters]
    return np.concatenate(blocks), np.concatenate(streams)


@lru_cache(maxsize=64)
def _device_counters(counters: Counters, device: torch.device) -> tuple[Tensor, Tensor]:
    blocks, streams = (torch.from_numpy(x.view(np.int64)).to(device) for x in _counters(counters))
    return blocks, streams


@lru_cache(maxsize=16)
def _all_orders(length: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(length)))


@lru_cache(maxsize=16)
def _orders(length: int, device: torch.device) -> Tensor:
    return torch.tensor(_all_orders(length), device=device)
