"""Two processes with one token: the second one ends with a sentence."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from tests.e2e.conftest import ROOT


async def start_another(bot):
    """Start a second process with the settings of the first; returns its exit code and log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **bot.environment},
    )
    try:
        _, log = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, log.decode()


async def test_a_second_process_with_the_token_ends_and_the_first_goes_on(standin, bot):
    identified = standin.gateway.identified
    code, log = await start_another(bot)
    assert code == 75
    assert "Another process is running this bot" in log
    assert "Traceback" not in log
    assert standin.gateway.identified == identified
    assert bot.process.returncode is None
    await bot.end(signal.SIGKILL)
    await bot.start()  # a killed one is in nobody's way


async def test_no_session_is_started_when_discord_allows_none(standin, bot):
    await bot.end()
    standin.gateway.starts_left = 0
    code, log = await start_another(bot)
    assert code == 75
    assert "Discord allows this token 0 more connections" in log
