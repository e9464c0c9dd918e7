"""A store on a folder of its own, and a clock that jumps."""

from __future__ import annotations

import time

import pytest

from data import Store


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "data")
    yield store
    await store.close()


class Clock:
    """The system's clock, set forward or back by ``offset`` milliseconds."""

    def __init__(self):
        self.offset = 0
        self._real = time.time_ns

    def time_ns(self):
        return self._real() + self.offset * 1_000_000


@pytest.fixture
def clock(monkeypatch):
    """What engine.clock, which all of ``data`` asks, takes its times from."""
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock.time_ns)
    return clock
