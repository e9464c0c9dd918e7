"""The CPU as a device with kernels, which Triton's interpreter runs (tests/conftest.py)."""

from __future__ import annotations

import pytest

from engine.fused import choosing
from engine.painting import host


@pytest.fixture
def on_cpu(monkeypatch):
    """Use kernels on the CPU, and decide nothing by numbers there, as on a GPU."""
    monkeypatch.setattr(choosing, "TYPES", {"cpu"})
    monkeypatch.setattr(choosing, "_PROVED", {})
    monkeypatch.setattr(host, "is_readable", lambda numbers: False)


@pytest.fixture
def kernels(on_cpu):
    """The same, where Triton is installed; the module that chooses."""
    pytest.importorskip("triton", reason="Triton, which PyTorch brings along only for GPUs")
    return choosing
