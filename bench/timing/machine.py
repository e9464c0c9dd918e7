"""What a measurement was made on."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

import torch

_FAST = ("avx512_bf16", "avx512bf16", "amx_bf16", "avx2", "avx512f", "avx512")


def machine(device: str = "cpu") -> dict[str, Any]:
    """The device, processor, threads, versions, settings of the allocator, and the date."""
    able = torch.cpu.get_capabilities()
    facts: dict[str, Any] = {
        "device": device,
        "processor": _processor(),
        "instructions": [name for name in _FAST if able.get(name, False)],
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "allocator": {
            name: value for name, value in sorted(os.environ.items()) if name.startswith("MALLOC_")
        },
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
    }
    if device.startswith("cuda"):
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["cuda"] = torch.version.cuda
    return facts


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
