"""A worker's loop that runs in the test, and what it sent."""

from __future__ import annotations

import pytest

from engine.worker.main import JobLoop
from engine.worker.messages import WorkerSettings


@pytest.fixture
def sent():
    return []


@pytest.fixture
def loop(sent, tiny_catalogue):
    """Sends every preview, reports every iteration, and saves after each."""
    made = JobLoop(WorkerSettings(preload="tiny", preview_every=0, save_every=0), sent.append)
    made.start()
    return made
