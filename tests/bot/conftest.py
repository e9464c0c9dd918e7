"""The store that the bot's parts are tested with: the real one, in a folder of the test's own."""

from __future__ import annotations

import pytest

from data.store import Store


@pytest.fixture
async def store(tmp_path):
    store = await Store.open(tmp_path / "data")
    yield store
    await store.close()
