"""Errors of devices, in the words of PyTorch 2.13's sources and of its users' reports.

The reports: pytorch/pytorch#20123 (cuDNN), QwenLM/Qwen3#873 (cuBLAS), QwenLM/Qwen3-VL#151 and
marqo-ai/marqo#101 (cuDNN's search), Comfy-Org/ComfyUI#7440 (MPS), pytorch/helion#867 (an illegal
memory access), vllm-project/vllm#5222 (ECC).
"""

import subprocess
import sys
import textwrap

import pytest
import torch

from engine.models.memory import is_lost_device, is_memory_error

_ASYNCHRONOUS = (
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1.\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 5.80 GiB "
        "of which 12.31 MiB is free."
    ),
    torch.AcceleratorError("CUDA error: out of memory" + _ASYNCHRONOUS),
    RuntimeError("CUDA driver error: out of memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuFFT error: CUFFT_ALLOC_FAILED"),
    RuntimeError(
        "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`"
    ),
    RuntimeError("Unable to find a valid cuDNN algorithm to run convolution"),
    RuntimeError("GET was unable to find an engine to execute this computation"),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 9.57 GiB, other allocations: 17.35 GiB, max "
        "allowed: 27.20 GiB). Tried to allocate 292.50 MiB on private pool. Use "
        "PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations (may "
        "cause system failure)."
    ),
    RuntimeError("Invalid buffer size: 9.19 GiB"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you "
        "tried to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:81] data. DefaultCPUAllocator: not enough memory: you "
        "tried to allocate 1073741824 bytes."
    ),
    RuntimeError("HIP out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("HIP error: out of memory"),
    RuntimeError("std::bad_alloc"),
    RuntimeError("could not create a primitive"),
    RuntimeError("could not execute a primitive"),
]
LOST = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered" + _ASYNCHRONOUS),
    RuntimeError("CUDA error: an illegal memory access was encountered" + _ASYNCHRONOUS),
    torch.AcceleratorError("CUDA error: device-side assert triggered" + _ASYNCHRONOUS),
    torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered" + _ASYNCHRONOUS),
    torch.AcceleratorError("CUDA error: unspecified launch failure" + _ASYNCHRONOUS),
    torch.AcceleratorError("CUDA error: misaligned address" + _ASYNCHRONOUS),
    torch.AcceleratorError("CUDA error: unknown error" + _ASYNCHRONOUS),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
    RuntimeError("cuFFT error: CUFFT_INTERNAL_ERROR"),
]
NEITHER = [
    RuntimeError(
        "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED. This error may appear if you passed in a "
        "non-contiguous input."
    ),
    torch.AcceleratorError(
        "CUDA error: no kernel image is available for execution on the device" + _ASYNCHRONOUS
    ),
    torch.AcceleratorError("CUDA error: invalid configuration argument" + _ASYNCHRONOUS),
    RuntimeError("could not create a primitive descriptor for the matmul primitive."),
    RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
    OSError("out of memory"),
    ValueError("CUDA error: unspecified launch failure"),
]


def _text(error):
    return str(error)[:70]


@pytest.mark.parametrize("error", MEMORY, ids=_text)
def test_running_out_of_memory_is_recognised_and_is_not_a_lost_device(error):
    assert is_memory_error(error)
    assert not is_lost_device(error)


@pytest.mark.parametrize("error", LOST, ids=_text)
def test_a_lost_device_is_recognised_and_is_not_about_memory(error):
    assert is_lost_device(error)
    assert not is_memory_error(error)


@pytest.mark.parametrize("error", NEITHER, ids=_text)
def test_other_errors_are_neither(error):
    assert not is_memory_error(error)
    assert not is_lost_device(error)


def test_pytorch_s_own_memory_error_is_recognised():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(1 << 50)
    assert is_memory_error(refused.value)


# 2 MB more each time, so that each allocation is the one that fails at some point.
STARVED = """
    import resource, sys, torch
    torch.set_num_threads(1)
    from engine.models.memory import is_memory_error
    small = torch.nn.Conv2d(8, 8, 3, padding=1)
    large = torch.nn.Conv2d(64, 64, 3, padding=1)
    small(torch.rand(1, 8, 64, 64)).sum().backward()
    x = torch.rand(1, 64, 256, 256)
    pages = int(open("/proc/self/statm").read().split()[0])
    failed = 0
    for room in range(0, 80 * 2**20, 2**21):
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + room, -1))
        try:
            large(x).sum().backward()
        except Exception as error:
            failed += 1
            assert is_memory_error(error), repr(error)
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
    print(failed)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory is Linux's")
def test_whatever_a_starved_convolution_raises_is_about_memory():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STARVED)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 3
