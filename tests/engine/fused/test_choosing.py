"""A kernel is used once it has given what PyTorch's operations give."""

from __future__ import annotations

import logging
from functools import partial

import pytest
import torch
from torch import Tensor

from engine.fused import choosing
from engine.fused.choosing import fused, status

CPU = torch.device("cpu")
EXPECTED = torch.linspace(-2, 2, 20_000)


@pytest.fixture(autouse=True)
def _triton(on_cpu, monkeypatch):
    monkeypatch.setattr(choosing, "_has_triton", lambda: True)


class Counted:
    """Gives a result, and counts how often."""

    def __init__(self, result: Tensor | Exception) -> None:
        self.result, self.calls = result, 0

    def __call__(self) -> Tensor:
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def run(kernel: Tensor | Exception, tolerance: float = 0.0, times: int = 3):
    by_kernel, by_operations = Counted(kernel), Counted(EXPECTED)
    for _ in range(times):
        fused("a test", CPU, by_kernel, by_operations, tolerance)
    return by_kernel.calls, by_operations.calls


def test_a_kernel_that_is_right_is_compared_once_and_used_from_the_first_time_on():
    assert run(EXPECTED.clone()) == (3, 1)
    assert status() == {"cpu": {"a test": True}}
    choosing._PROVED.clear()
    ours = EXPECTED + 1e-6
    for _ in range(2):
        assert fused("a test", CPU, lambda: ours, lambda: EXPECTED, 1e-5) is ours


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (EXPECTED + 1e-6, "numbers differ"),
        (EXPECTED.where(EXPECTED < 1.9, torch.nan), "numbers differ"),
        (EXPECTED[:5], "RuntimeError"),
        (RuntimeError("no compiler"), "RuntimeError: no compiler"),
    ],
)
def test_one_that_is_wrong_or_fails_is_tried_once_and_the_log_says_why(result, reason, caplog):
    caplog.set_level(logging.WARNING)
    assert run(result) == (1, 3)
    assert fused("a test", CPU, Counted(result), Counted(EXPECTED)) is EXPECTED
    assert status() == {"cpu": {"a test": False}}
    (record,) = caplog.records
    assert "'a test' is not used on cpu" in record.message
    assert reason in record.message


def test_rounding_may_differ_and_decide_for_one_in_ten_thousand():
    assert run(EXPECTED + 1e-6, tolerance=1e-6) == (3, 1)
    odd = EXPECTED.clone()
    odd[:2] = 9
    choosing._PROVED.clear()
    assert run(odd, tolerance=1e-6) == (3, 1)
    choosing._PROVED.clear()
    assert run(odd, tolerance=0.0) == (1, 3)
    odd[:3] = 9
    choosing._PROVED.clear()
    assert run(odd, tolerance=1e-6) == (1, 3)


def test_numbers_that_are_not_finite_prove_nothing():
    kernel, bad = Counted(EXPECTED), EXPECTED / 0
    assert fused("a test", CPU, kernel, partial(torch.clone, bad)).isinf().any()
    assert (kernel.calls, status()) == (0, {})


def test_while_a_graph_is_recorded_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(choosing, "_is_recording", lambda device: True)
    assert run(EXPECTED) == (0, 3)
    assert status() == {}


def test_without_triton_on_other_devices_or_turned_off_operations_do_it(monkeypatch):
    monkeypatch.setattr(choosing, "_has_triton", lambda: False)
    assert run(EXPECTED) == (0, 3)
    monkeypatch.setattr(choosing, "_has_triton", lambda: True)
    monkeypatch.setattr(choosing, "TYPES", {"cuda"})
    assert run(EXPECTED) == (0, 3)
    monkeypatch.setattr(choosing, "TYPES", {"cpu"})
    choosing.turn_off()
    assert run(EXPECTED) == (0, 3)
