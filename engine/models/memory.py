"""Errors of the device: out of memory or broken."""

from __future__ import annotations

import re

import torch

# What PyTorch 2.13's sources and its users' reports say when memory runs out. Most are plain
# RuntimeErrors, so that only the text tells them apart.
_OUT_OF_MEMORY = re.compile(
    r"out of memory"  # CUDA, HIP and MPS allocators; "CUDA error: out of memory"
    r"|can't allocate memory|not enough memory"  # DefaultCPUAllocator, on Linux and Windows
    r"|std::bad_alloc|bad allocation|cannot allocate memory"  # C++, as GCC and MSVC say it; ENOMEM
    r"|_alloc_failed\b"  # CUDNN_STATUS_, CUBLAS_STATUS_, CUSOLVER_STATUS_, CUFFT_
    r"|_allocation_failed\b"  # cuDNN 9: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED
    r"|miopenstatusallocfailed"
    r"|invalid buffer size"  # MPS, for a single tensor that is larger than its limit
    # cuDNN's search for an algorithm skips those that do not fit into memory, until none is left.
    r"|unable to find a valid cudnn algorithm|unable to find an engine to execute"
    # oneDNN, on the CPU. A descriptor that it cannot create is an unsupported shape instead.
    r"|could not (create a primitive|execute a primitive|create a memory object)(?! descriptor)",
    re.IGNORECASE,
)
_FROM_THE_DEVICE = re.compile(
    r"CUDA (driver )?error|HIP error|cuDNN error|cuDNN Frontend error|MIOpen error"
    r"|CUDNN_STATUS_|CUBLAS_STATUS_|cuFFT error|cusolver error|cusparse error",
    re.IGNORECASE,
)
# These refuse one call; the context and later calls are fine.
_HARMLESS = re.compile(
    r"_NOT_SUPPORTED|_BAD_PARAM|_INVALID_VALUE|_ARCH_MISMATCH|_INVALID_PLAN|_INVALID_SIZE"
    r"|invalid argument|invalid configuration argument|invalid device ordinal"
    r"|no kernel image is available|operation not supported|no CUDA-capable device"
    r"|driver version is insufficient",
    re.IGNORECASE,
)


def is_memory_error(error: BaseException) -> bool:
    """Whether ``error`` says that the device or the machine is out of memory.

    Only a small part of these errors are PyTorch's OutOfMemoryError, so their text has to be read.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None


def is_lost_device(error: BaseException) -> bool:
    """Whether ``error`` means a broken CUDA context, in which every later call fails too.

    Examples are an illegal memory access, a device-side assert, an uncorrectable ECC error and a
    launch failure. Running out of memory does not break it, nor does a call that the device does
    not support. Any other error of the device counts as a broken context: to start a new process
    without need costs less than to continue in one where every job fails.
    """
    if not isinstance(error, RuntimeError) or is_memory_error(error):
        return False
    kind = getattr(torch, "AcceleratorError", None)  # PyTorch 2.8 and later
    text = str(error)
    if not (kind is not None and isinstance(error, kind)) and not _FROM_THE_DEVICE.search(text):
        return False
    return _HARMLESS.search(text) is None
