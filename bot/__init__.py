"""The Discord bot: its settings, client, commands and the delivery of pictures.

Start with :func:`create_bot`::

    from bot import create_bot, load_settings
    bot = create_bot(load_settings())
"""

from __future__ import annotations

from bot.client import ImageBot
from bot.host.settings import Settings, SettingsError, load_settings

__all__ = ["ImageBot", "Settings", "SettingsError", "create_bot", "load_settings"]


def create_bot(settings: Settings, *, in_process: bool = False) -> ImageBot:
    """Return the bot, neither connected nor with anything opened.

    With ``in_process`` it paints in this process, for tests.
    """
    return ImageBot(settings, in_process=in_process)
