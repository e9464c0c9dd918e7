"""Renders docs/tour.md: what people see of the bot, photographed in a browser.

``story`` is what happens, act by act; ``visitor`` acts through the preview's own page, ``camera``
photographs it with headless Chromium, ``book`` writes the page. ``python -m bench.tour`` does all.
"""
