"""Disk space: the host's limits on pictures and on recorded frames."""

from __future__ import annotations

import os

import pytest

from bot.host.metrics import Metrics
from bot.host.settings import OperationsSettings
from bot.host.upkeep import Upkeep
from engine.clock import now_ms
from tests.data.stored_jobs import painted


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        ({}, [True, True]),
        ({"frames_mb": 0.0015}, [False, True]),
        ({"frames_mb": 0}, [False, False]),
        ({"pictures_mb": 0.0015}, [False, True]),  # both pictures have a few bytes
    ],
)
async def test_frames_are_kept_within_the_host_s_limits(store, settings, left):
    ids = [await painted(store) for _ in range(2)]
    for age, id in zip((20, 10), ids, strict=True):
        path = store.frames_path(id)
        path.write_bytes(b"x" * 1000)
        os.utime(path, (now_ms() / 1000 - age,) * 2)
    upkeep = Upkeep(store, OperationsSettings(**settings), Metrics())
    assert await upkeep.make_room() == 0
    assert [store.frames_path(id).exists() for id in ids] == left
    assert all([await store.picture(id) is not None for id in ids])
