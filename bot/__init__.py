"""The running process: settings, client, wiring, delivery of a job to a channel.

The face is :func:`create_bot` and the settings it takes::

    from bot import create_bot, load_settings
    bot = create_bot(load_settings())
"""

from __future__ import annotations

from bot.client import ImageBot
from bot.host.settings import Settings, SettingsError, load_settings

__all__ = ["ImageBot", "Settings", "SettingsError", "create_bot", "load_settings"]


def create_bot(settings: Settings, *, in_process: bool = False) -> ImageBot:
    """The bot, not connected and with nothing open yet.

    ``in_process`` paints in this process: for tests.
    """
    return ImageBot(settings, in_process=in_process)
