"""Headless Chromium, driven by its DevTools protocol through aiohttp."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60.0  # for anything, on a busy machine
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it runs as root in CI, and shows our own page only
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--window-size=1200,1000",
)


class BrowserError(Exception):
    """The browser is missing, or the page did not become what was expected."""


def chromium() -> str:
    """The browser's path; raises BrowserError without one."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    raise BrowserError("There is no Chromium; Debian's package is called chromium.")


Box = tuple[float, float, float, float]
"""The left and upper edge, the width and the height of a part of the page."""


class Browser:
    """One page. ``errors`` are the page's own, ``requested`` the addresses that it asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.errors: list[str] = []
        self.requested: list[str] = []

    async def listen(self) -> None:
        """Receive answers and events until the connection ends."""
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._waiting.pop(data["id"]).set_result(data)
            elif data["method"] == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(data["params"]["exceptionDetails"])[:600])
            elif data["method"] == "Log.entryAdded":
                entry = data["params"]["entry"]
                if entry["level"] == "error":
                    self.errors.append(f"{entry['text']} {entry.get('url', '')}")
            elif data["method"] == "Network.requestWillBeSent":
                self.requested.append(data["params"]["request"]["url"])

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run a command of the protocol, and return its result; raises BrowserError."""
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        answer = await asyncio.wait_for(future, _SECONDS)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, address: str) -> None:
        """Go to an address."""
        for domain in ("Runtime", "Log", "Network", "Page"):
            await self.send(f"{domain}.enable")
        await self.send("Page.navigate", url=address)

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression; raises BrowserError if it throws."""
        result = await self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise BrowserError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = _SECONDS) -> Any:
        """The expression's value once it is true; raises BrowserError if that takes too long."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := await self.run(script)):
            if asyncio.get_running_loop().time() > deadline:
                text = await self.run("document.body.innerText")
                raise BrowserError(f"{script} did not become true:\n{text}\n{self.errors}")
            await asyncio.sleep(0.05)
        return value

    async def click(self, script: str) -> None:
        """Click on the element that an expression gives, where a mouse would."""
        place = await self.until(
            f"(() => {{ const e = {script}; if (!e) return null; "
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect(); "
            "return r.width ? [r.x + r.width / 2, r.y + r.height / 2] : null; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="none" if kind == "mouseMoved" else "left",
                clickCount=1,
            )

    async def type(self, text: str) -> None:
        """Type into the element that has the focus."""
        await self.send("Input.insertText", text=text)

    async def key(self, name: str, code: int) -> None:
        """Press a key; ``code`` is its Windows key code."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": "\r"} if name == "Enter" and kind == "keyDown" else {}
            await self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=name,
                code=name,
                windowsVirtualKeyCode=code,
                **more,
            )

    async def screenshot(self, box: Box | None = None, scale: float = 1.0) -> bytes:
        """The page as it looks, or the part in ``box``, as PNG; ``scale`` pixels to one of CSS."""
        part: dict[str, Any] = {}
        if box is not None:
            x, y, width, height = box
            part["clip"] = {"x": x, "y": y, "width": width, "height": height, "scale": scale}
        shot = await self.send("Page.captureScreenshot", format="png", **part)
        return base64.b64decode(shot["data"])


@contextlib.asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Browser]:
    """A browser with an empty page; its profile is in ``folder``."""
    process = await asyncio.create_subprocess_exec(
        chromium(),
        *_FLAGS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port_file = folder / "DevToolsActivePort"
        deadline = asyncio.get_running_loop().time() + _SECONDS
        while not (port_file.is_file() and "\n" in port_file.read_text("utf-8")):
            if process.returncode is not None:
                raise BrowserError("Chromium ended.")
            if asyncio.get_running_loop().time() > deadline:
                raise BrowserError("Chromium did not start.")
            await asyncio.sleep(0.05)
        port = port_file.read_text("utf-8").splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                [page] = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                yield browser
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
