"""The page in a real browser: a command, a result, a button, a modal, and how they look."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from bench.common.browser import BrowserError, browsing, chromium

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
# Those of results; the picture of a progress message disappears when it is painted.
PICTURES = (
    "[...document.querySelectorAll('.message')].filter(e => e.innerText.includes('Video'))"
    ".flatMap(e => [...e.querySelectorAll('.embed img')])"
    ".filter(e => e.complete && e.naturalWidth)"
)
BUTTON = (
    "[...document.querySelectorAll('#messages .button')].reverse().find(e => e.innerText == '{}')"
)


async def imagine(browser, prompt):
    await browser.click("document.getElementById('text')")
    await browser.type("/imag")
    await browser.key("Enter", 13)
    await browser.until("document.activeElement.dataset.option == 'prompt'")
    await browser.type(prompt)
    await browser.click("document.querySelector('[data-add=iterations]')")
    await browser.type("3")
    await browser.key("Enter", 13)


async def test_a_host_tries_the_bot_in_a_browser(page, tmp_path):
    try:
        chromium()
    except BrowserError as error:
        pytest.skip(str(error))
    async with browsing(tmp_path / "profile") as browser:
        await browser.open(page.url)
        await browser.until("document.querySelectorAll('#channels li').length == 4")
        await imagine(browser, "a red circle")
        await browser.until(f"{PICTURES}.length == 1 && !!{BUTTON.format('Remix')}")
        assert await browser.run("document.querySelectorAll('.message.hidden').length") == 1

        await browser.click(BUTTON.format("Remix"))
        await browser.until("document.getElementById('modal').open")
        await browser.run("document.querySelector('#modal textarea, #modal input').select()")
        await browser.type("a blue square --iterations 3")
        await browser.click("document.querySelector('#modal [type=submit]')")
        await browser.until(f"{PICTURES}.length == 2")

        await browser.run(f"{PICTURES}[1].scrollIntoView({{block: 'center'}})")
        # What the page shows is the picture that was posted.
        shot = Image.open(io.BytesIO(await browser.screenshot())).convert("RGB")
        box = await browser.run(
            f"(r => [r.x, r.y, r.right, r.bottom].map(Math.round))({PICTURES}[1]"
            ".getBoundingClientRect())"
        )
        source = await browser.run(f"{PICTURES}[1].getAttribute('src')")
        posted = Image.open(io.BytesIO(page.standin.world.blobs[source])).convert("RGB")
        seen = shot.crop(tuple(box))
        assert seen.size == posted.size == (32, 32)
        # Its corners are round.
        middle = (4, 4, 28, 28)
        difference = ImageChops.difference(seen.crop(middle), posted.crop(middle))
        assert max(ImageStat.Stat(difference).mean) < 3

        # A stranger is refused, and told so alone.
        await browser.run(
            "(e => { e.selectedIndex = 1; e.dispatchEvent(new Event('change')); })"
            "(document.getElementById('person'))"
        )
        await browser.until("!document.querySelector('.message.hidden')")
        await browser.click(BUTTON.format("Delete"))
        await browser.until("document.querySelector('.message.hidden')?.innerText.includes('nly')")

        assert browser.errors == []
        own = (page.url, page.url.replace("http", "ws"), "data:")
        assert [address for address in browser.requested if not address.startswith(own)] == []
