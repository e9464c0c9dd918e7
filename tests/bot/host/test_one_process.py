"""A second process with the same token ends before it connects; one that was replaced stops."""

from __future__ import annotations

import asyncio

import discord
import pytest

from bot import create_bot
from bot.host.one_process import OneProcess, check_starts
from data.running_bots import InUseError


async def test_a_second_bot_on_the_folder_does_not_open(settings):
    first, second = (create_bot(settings, in_process=True) for _ in range(2))
    async with first, second:
        await first.open()
        with pytest.raises(InUseError, match="Stop it first"):
            await second.open()
        await first.close()
        third = create_bot(settings, in_process=True)
        async with third:
            await third.open()


async def test_a_process_that_was_replaced_stops(store, monkeypatch, caplog):
    lost = asyncio.Event()

    async def on_lost():
        lost.set()

    store.running_bots.seconds = 0.06
    claim = OneProcess(store.running_bots, "1", on_lost)
    await claim.start()
    await store.running_bots.release("1")  # as if another one had taken it
    await asyncio.wait_for(lost.wait(), 20)
    assert "Another process runs this bot now" in caplog.text
    await claim.close()


def limits(remaining):
    return discord.SessionStartLimits(
        total=1000, remaining=remaining, reset_after=7_200_000, max_concurrency=1
    )


def test_no_session_is_started_if_discord_would_reset_the_token():
    check_starts(limits(2), 2)
    with pytest.raises(InUseError, match="0 more connections in the next 2 hours"):
        check_starts(limits(0), 1)
