"""A delivery with the real store and queue."""

from __future__ import annotations

import pytest

from bot.delivery.delivery import Delivery
from bot.delivery.results import Results
from bot.host.settings import OperationsSettings
from bot.requests.deletions import Deletions
from engine.jobs.queue import PaintQueue


@pytest.fixture
async def new_delivery(store, client, guild_settings):
    """Return a function that makes a delivery, by default with a queue of its own."""
    made = []

    def new_delivery(queue=None):
        queue = PaintQueue(store) if queue is None else queue
        made.append(
            Delivery(
                store,
                queue,
                guild_settings,
                client,
                Results(store, client, OperationsSettings()),
                0.0,
                Deletions(store, queue, client, lambda guild_id: True).note,
            )
        )
        return made[-1]

    yield new_delivery
    for each in made:
        await each.close()
