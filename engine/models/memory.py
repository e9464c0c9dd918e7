"""Running out of memory: how to tell, and what can be handed back."""

from __future__ import annotations

import torch

# The last two are from oneDNN, which computes convolutions on the CPU.
_MESSAGES = (
    "can't allocate memory",
    "out of memory",
    "not enough memory",
    "could not create a primitive",
    "could not create a memory object",
)


def is_memory_error(error: BaseException) -> bool:
    """Whether ``error`` says that the device or the machine is out of memory.

    PyTorch's CPU allocator raises a plain RuntimeError, so its text has to be read.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(message in text for message in _MESSAGES)


def free_memory() -> None:
    """Return the device memory that PyTorch caches for later."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
