"""What may be decided on the host."""

from __future__ import annotations

from torch import Tensor


def is_readable(numbers: Tensor) -> bool:
    """Whether reading ``numbers`` waits for nothing.

    On the CPU it does not, and skipping work is worth it. On other devices a step must not depend
    on values, since waiting for them costs more than the work, and a CUDA graph cannot.
    """
    return numbers.device.type == "cpu"
