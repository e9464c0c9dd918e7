"""Splits an iteration into its parts, in a pass of its own: the timed passes run without this.

The functions of a loop are replaced by ones that read a clock before and after, and hooks on the
tensors between the parts split the backward pass. The clock can also be a counter of FLOPs.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from bench.reference import PublishedLoop
from bench.timing.subjects import wait_for
from engine.painting import measuring
from engine.painting.synthesis import Synthesis

FORWARD = ("quantise", "decode", "cutouts", "perceptor")
BACKWARD = ("backward_perceptor", "backward_cutouts", "backward_decode")
PARTS = (*FORWARD, "backward", *BACKWARD, "step", "rest")
"""``backward`` is all of the backward pass, and the three after it are what it consists of."""

# When the gradient at the output of a part is known, the backward pass of the next part is done.
_DONE = {"cutouts": "backward_perceptor", "decode": "backward_cutouts"}


class _Laps:
    """What a clock says that each part took."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.taken: dict[str, float] = defaultdict(float)
        self._last = 0.0

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            began = self._last = self.clock()
            result = function(*args, **kwargs)
            self.taken[part] += self.clock() - began
            if isinstance(result, Tensor) and result.requires_grad:
                if part in _DONE:
                    result.register_hook(lambda _: self._lap(_DONE[part]))
                elif part == "quantise":
                    result.register_hook(lambda _: self._lap("backward_decode"))
            return result

        return run

    def _lap(self, part: str) -> None:
        now = self.clock()
        self.taken[part] += now - self._last
        self._last = now


@contextlib.contextmanager
def _split(loop: PublishedLoop | Synthesis, laps: _Laps) -> Iterator[None]:
    functions: list[tuple[Any, str, str]]
    if isinstance(loop, PublishedLoop):
        functions = [
            (loop, "quantise", "quantise"),
            (loop, "decode", "decode"),
            (loop, "cut", "cutouts"),
            (loop, "look", "perceptor"),
            (loop, "update", "step"),
        ]
    else:
        functions = [
            (loop.latent, "forward", "quantise"),
            (loop.generator, "decode", "decode"),
            (measuring, "draw_cutouts_of_each", "cutouts"),
            (measuring, "cut_each", "cutouts"),
            (loop.perceptor, "encode_image", "perceptor"),
            (loop, "update", "step"),
        ]
    with contextlib.ExitStack() as stack:
        for owner, name, part in [*functions, (torch.autograd, "backward", "backward")]:
            timed = laps.timed(part, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, timed))
        yield


def seconds_of_parts(
    loop: PublishedLoop | Synthesis, iterations: int, device: str = "cpu"
) -> dict[str, float]:
    """Seconds of each of PARTS in an iteration, the mean of ``iterations``."""

    def clock() -> float:
        wait_for(device)
        return time.perf_counter()

    laps = _Laps(clock)
    with _split(loop, laps):
        began = clock()
        for _ in range(iterations):
            loop.step()
        laps.taken["rest"] = clock() - began
    laps.taken["rest"] -= sum(laps.taken[part] for part in (*FORWARD, "backward", "step"))
    return {part: laps.taken[part] / iterations for part in PARTS}


def flops_of_parts(loop: PublishedLoop | Synthesis) -> dict[str, float]:
    """FLOPs of each of PARTS in an iteration: those of products and convolutions."""
    # torch counts the attention of GPUs only. These take shapes, then what does not matter here.
    attention = {
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: (
            lambda *shapes, **_: sdpa_flop_count(*shapes[:3])
        ),
        torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: (
            lambda *shapes, **_: sdpa_backward_flop_count(*shapes[:4])
        ),
    }
    with FlopCounterMode(display=False, custom_mapping=attention) as counter:
        laps = _Laps(lambda: float(counter.get_total_flops()))
        with _split(loop, laps):
            loop.step()
    return {part: laps.taken[part] for part in PARTS}
