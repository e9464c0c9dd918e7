"""`python -m bot preview`: the bot in a browser page, without a token and without Discord.

The bot itself is the real one, with its queue, its store and its workers; it is connected to the
stand-in for Discord (``bot.standin``) in this process. The page shows what people see and does what
they do, through ``acts`` and ``view``; ``server`` serves it. Nothing is fetched from elsewhere.
"""

from bot.preview.run import Preview, opened_preview

__all__ = ["Preview", "opened_preview"]
