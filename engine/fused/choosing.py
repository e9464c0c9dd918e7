"""Whether a kernel or PyTorch's operations do a piece of work."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

TYPES = {"cuda"}
"""The types of devices that have kernels."""

# Products and sums are rounded one by one, as PyTorch's operations round them.
OPTIONS = {"num_warps": 4, "enable_fp_fusion": False}
"""How all kernels are compiled."""

_ODD = 1e-4  # the share of numbers that may differ where rounding decides

_PROVED: dict[tuple[str, torch.device], bool] = {}
_log = logging.getLogger(__name__)


def fused(
    name: str,
    device: torch.device,
    kernel: Callable[[], Tensor],
    operations: Callable[[], Tensor],
    tolerance: float = 0.0,
) -> Tensor:
    """What ``operations`` give, by ``kernel`` where there is one.

    A device's first result of a kernel ``name`` is compared with PyTorch's, which waits for the
    device. Numbers may differ by ``tolerance`` times the largest, and where this is not 0, one in
    ten thousand by more, since rounding decides at the edges of a clamp. If they differ more, or if
    the kernel cannot be compiled or started, it is not used on this device; the log says why.
    """
    if device.type not in TYPES or not _has_triton():
        return operations()
    proved = _PROVED.get((name, device))
    if proved is not None:
        return _launched(kernel, device) if proved else operations()
    expected = operations()
    if _is_recording(device) or not bool(expected.isfinite().all()):
        return expected
    result, reason = _tried(kernel, device, expected, tolerance)
    if reason:
        _log.warning("the kernel %r is not used on %s: %s", name, device, reason)
    _PROVED[name, device] = not reason
    return result


def turn_off() -> None:
    """Use no kernel in this process from now on."""
    TYPES.clear()


def status() -> dict[str, dict[str, bool]]:
    """Of each device, which kernels have been tried, and whether they are used."""
    found: dict[str, dict[str, bool]] = {}
    for (name, device), proved in _PROVED.items():
        found.setdefault(str(device), {})[name] = proved
    return found


def _launched(kernel: Callable[[], Tensor], device: torch.device) -> Tensor:
    """What ``kernel`` gives; Triton starts kernels on the current GPU, wherever tensors are."""
    if device.type != "cuda":
        return kernel()
    with torch.cuda.device(device):
        return kernel()


def _tried(
    kernel: Callable[[], Tensor], device: torch.device, expected: Tensor, tolerance: float
) -> tuple[Tensor, str]:
    """What ``kernel`` gives and "", or what is ``expected`` and why not to use the kernel.

    Its own result, since a painting has the same bits whether it is a process's first or not.
    """
    try:
        result = _launched(kernel, device)
        apart = (result - expected).abs()
        right = apart <= expected.abs().max() * tolerance
        wrong = (~right).sum().item()
    except Exception as error:  # noqa: BLE001  a compiler's or a driver's: there is another way
        return expected, f"{type(error).__name__}: {error}"
    if wrong > expected.numel() * (_ODD if tolerance else 0):
        text = f"{wrong} of {expected.numel()} numbers differ, by {apart.max().item():g} at most"
        return expected, text
    return result, ""


def _is_recording(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


@cache
def _has_triton() -> bool:
    return importlib.util.find_spec("triton") is not None
