"""The bot opens once and closes completely, even if it is closed while it opens."""

from __future__ import annotations

import asyncio
import threading

import pytest

from bot import create_bot
from bot.errors import ClosingError
from tests.made_settings import made_settings


@pytest.fixture
def settings(tmp_path):
    return made_settings(tmp_path)


def connections():
    """Return the threads of open SQLite connections."""
    return {
        thread
        for thread in threading.enumerate()
        if "_connection_worker_thread" in repr(getattr(thread, "_target", None))
    }


async def test_a_bot_closed_while_it_opens_leaves_nothing_open(settings):
    bot = create_bot(settings)
    async with bot:
        opening = asyncio.create_task(bot.open())
        for _ in range(100_000):
            if connections():
                break
            await asyncio.sleep(0)
        await bot.close()
        await opening
    assert bot.is_closed()
    assert bot.session.closed
    for _ in range(100):
        if not connections():
            break
        await asyncio.sleep(0.05)
    assert not connections()
    with pytest.raises(ClosingError, match="restarting"):
        await bot.open()


async def test_closing_twice_does_no_harm(settings):
    bot = create_bot(settings, in_process=True)
    async with bot:
        await bot.open()
        await asyncio.gather(bot.close(), bot.close())
    assert bot.is_closed()
