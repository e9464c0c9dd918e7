"""The bot looks for jobs whose process died, and continues them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from bot.host.adoption import Adoption
from data import Store
from data.errors import StoreError
from tests.data.stored_jobs import added, painted


async def test_both_kinds_of_jobs_are_continued_by_themselves(store, monkeypatch, caplog):
    monkeypatch.setattr("bot.host.adoption.LOOK_SECONDS", 0.02)
    continued: asyncio.Queue[Any] = asyncio.Queue()

    async def continue_with(jobs, untold):
        continued.put_nowait((jobs, [job.id for job in untold]))

    queue: Any = SimpleNamespace(adopt=lambda records: [record.id for record in records])
    adoption = Adoption(store, queue, SimpleNamespace(continue_with=continue_with))
    other = await Store.open(store.folder)
    waiting, shown = await added(other), await painted(other)
    await other.close()
    adopted, failures = store.adopted, iter([StoreError("The disk is full.")])

    async def failing_once():
        for error in failures:
            raise error
        return await adopted()

    monkeypatch.setattr(store, "adopted", failing_once)
    adoption.start()
    found = await asyncio.wait_for(continued.get(), 20)
    while found == ([], []):
        found = await asyncio.wait_for(continued.get(), 20)
    assert found == ([waiting], [shown])
    await adoption.close()
    assert "its jobs continue here: 2" in caplog.text
    assert "The disk is full" in caplog.text
