"""Starts the stand-in and the page, for the bot that connects to them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from bot.host.settings import Settings
from bot.preview.people import Place
from bot.preview.server import PageServer
from bot.preview.settings import preview_settings
from bot.standin import StandIn

HOST, PORT = "127.0.0.1", 8766


@dataclass(frozen=True)
class Preview:
    """A preview that waits for a bot with these settings; its page is at ``url``."""

    standin: StandIn
    place: Place
    settings: Settings
    url: str


@contextlib.asynccontextmanager
async def opened_preview(
    host: str | None = None, port: int | None = None, env_file: Path | None = Path(".env")
) -> AsyncIterator[Preview]:
    """Serve the page at HOST and PORT or others; what the bot stores is deleted at the end.

    Raises SettingsError for a wrong setting, OSError if the port is taken.
    """
    standin = StandIn(records=False)
    place = Place(standin)
    await standin.start()
    try:
        # A worker that is ending may still write.
        with tempfile.TemporaryDirectory(
            prefix="imagine-bot-preview-", ignore_cleanup_errors=True
        ) as folder:
            settings = preview_settings(standin, Path(folder), env_file)
            host = HOST if host is None else host
            page = PageServer(standin, place, host, PORT if port is None else port)
            await page.start()
            try:
                yield Preview(standin, place, settings, page.url)
            finally:
                await page.close()
    finally:
        await standin.stop()
