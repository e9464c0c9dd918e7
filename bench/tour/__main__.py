"""`python -m bench.tour`: act out the tour in the preview, and write docs/tour.md."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from bench.common.browser import BrowserError, browsing
from bench.common.cli import exit_on
from bench.tour.book import Book
from bench.tour.camera import Camera
from bench.tour.story import Plan, tell
from bench.tour.visitor import LostError, visiting

FOLDER = "tour"
_DOCS = Path(__file__).resolve().parents[2] / "docs"
_SECONDS = 1800.0  # for one picture, on a slow machine
OPENING = """# A tour

What people see of the bot. `python -m bench.tour` acts all of it out in the preview
(`python -m bot preview`) and photographs the messages with headless Chromium, so each picture here
is the bot's own answer to the command next to it, which also had a seed. The foxes are painted by
the included model `natural`, the rest by `drawn`."""


@contextlib.asynccontextmanager
async def _preview() -> AsyncIterator[str]:
    """Run `python -m bot preview`, and give its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "preview", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        env={"IMAGINE_PREVIEW_SECONDS": "1", **os.environ},
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        yield next(word for word in line.split() if word.startswith("http"))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _render(docs: Path, plan: Plan) -> None:
    folder = docs / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        async with (
            _preview() as url,
            browsing(Path(profile)) as browser,
            visiting(url, _SECONDS) as visitor,
        ):
            camera = Camera(browser, folder)
            await camera.open(url)
            book = Book(visitor, camera, FOLDER)
            await tell(book, plan)
    for file in folder.glob("*.webp"):
        if file.stem not in book.names:
            file.unlink()
    (docs / "tour.md").write_text(book.text(OPENING), "utf-8")


def main(
    natural: Annotated[str, typer.Option(help="The model for pictures that matter.")] = "natural",
    drawn: Annotated[str, typer.Option(help="The model for the others.")] = "drawn",
    docs: Annotated[Path, typer.Option(help="Where tour.md and its pictures go.")] = _DOCS,
) -> None:
    """Act out the tour, and write its page."""
    with exit_on(BrowserError, LostError):
        asyncio.run(_render(docs, Plan(natural, drawn)))


if __name__ == "__main__":
    typer.run(main)
