"""Photographs what the page shows, in a browser that looks on."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from bench.common.browser import Box, Browser, BrowserError
from bench.tour.visitor import Message

WIDTH, HEIGHT = 960, 1600
SCALE, QUALITY = 1.5, 82
_MARGIN = 6
_LOADED = "[...document.images].every(e => e.complete)"
_SHOW = """(ids => {
  for (const each of document.querySelectorAll('#messages > li')) {
    each.hidden = !ids.includes(each.dataset.message);
  }
  return ids.every(id => document.querySelector(`[data-message="${id}"]`));
})(%s)"""
_BOX = """(ids => {
  const all = ids.map(id => document.querySelector(`[data-message="${id}"]`));
  const inner = all.flatMap(e => [e, ...e.querySelectorAll('*')])
    .filter(e => !e.closest('.tools') && getComputedStyle(e).display !== 'block'
      || e.matches('.embed, img, video'));
  const boxes = [...all.map(e => e.querySelector('.by')), ...inner]
    .map(e => e.getBoundingClientRect()).filter(r => r.width && r.height);
  const rows = all.map(e => e.getBoundingClientRect());
  return [Math.min(...rows.map(r => r.left)), Math.min(...rows.map(r => r.top)),
    Math.max(...boxes.map(r => r.right)), Math.max(...rows.map(r => r.bottom))];
})(%s)"""
_ASK = """Promise.all([import('/modal.js')]).then(([{ ask }]) =>
  ask(%s, { names: { people: {}, roles: {}, channels: {} }, upload: () => null,
    place: { people: [], roles: [] }, channels: [] }, () => null))"""


class Camera:
    """Writes pictures of the page at ``url`` into ``folder``, as WebP."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self._browser, self._folder = browser, folder

    async def open(self, url: str) -> None:
        """Look at the page."""
        await self._browser.send(
            "Emulation.setDeviceMetricsOverride",
            width=WIDTH,
            height=HEIGHT,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self._browser.open(url)
        await self._browser.until("document.querySelectorAll('#channels li').length")

    async def look(self, person: str, channel: str) -> None:
        """Look as a person at a channel, by their ids."""
        value = json.dumps(person)
        await self._browser.run(
            f"(e => {{ e.value = {value}; e.dispatchEvent(new Event('change')); }})"
            "(document.getElementById('person'))"
        )
        await self._browser.until(
            f"document.getElementById('person').value == {value} && "
            "document.querySelectorAll('#channels li').length"
        )

    async def messages(self, name: str, messages: Sequence[Message]) -> None:
        """Photograph these messages, one below the other, without those between them."""
        ids = json.dumps([each["id"] for each in messages])
        await self._browser.until(_SHOW % ids)
        await self._browser.until(_LOADED)
        await asyncio.sleep(0.2)  # for what is laid out after its pictures
        await self._browser.until(_SHOW % ids)
        left, top, right, bottom = await self._browser.run(_BOX % ids)
        width = min(right + 2 * _MARGIN, WIDTH) - left
        await self._keep(name, (left, top, width, bottom - top))

    async def modal(self, name: str, modal: dict[str, Any]) -> None:
        """Photograph a modal of the bot, as the page shows it."""
        await self._browser.run(_ASK % json.dumps(modal))
        found = "document.getElementById('modal')"
        await self._browser.until(f"{found}.open")
        await self._browser.run("document.activeElement.blur()")
        left, top, width, height = await self._browser.run(
            f"(r => [r.left, r.top, r.width, r.height])({found}.getBoundingClientRect())"
        )
        await self._keep(name, (left, top, width, height))
        await self._browser.run(f"{found}.close()")

    async def _keep(self, name: str, box: Box) -> None:
        if self._browser.errors:
            raise BrowserError("\n".join(self._browser.errors))
        shot = await self._browser.screenshot(box, SCALE)
        await asyncio.to_thread(_write, shot, self._folder / f"{name}.webp")


def _write(shot: bytes, file: Path) -> None:
    with Image.open(io.BytesIO(shot)) as image:
        image.convert("RGB").save(file, "WEBP", quality=QUALITY, method=6)
