"""What the `imagine` command shows on stderr while it paints: a bar, lines, or nothing."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.status import Status

from engine.cli.streams import Unbroken, is_unicode

_LINE_SECONDS = 5


class Watcher(AbstractContextManager["Watcher"]):
    """Shows nothing; its subclasses show the progress of a painting."""

    def waiting(self, for_what: str) -> None:
        """Show what is done before painting starts."""

    def start(self, iterations: int) -> None:
        """Painting starts."""

    def update(self, done: int, loss: float | None) -> None:
        """``done`` iterations are done; ``loss`` is the newest total loss that is known."""

    def note(self, sentence: str) -> None:
        """Show a sentence."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Restore the terminal."""


class _Rate:
    """Iterations per second since the first, and the time for the rest at that rate."""

    def __init__(self, iterations: int) -> None:
        self.iterations = iterations
        self.began = time.perf_counter()

    def __call__(self, done: int) -> tuple[str, str]:
        passed = time.perf_counter() - self.began
        if not done or passed <= 0:
            return "- it/s", "-"
        left = round((self.iterations - done) * passed / done)
        minutes, seconds = divmod(left, 60)
        return f"{done / passed:.1f} it/s", f"{minutes} min {seconds} s" if minutes else f"{left} s"


def _loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"


class _Plain(Watcher):
    """A line every few seconds, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def start(self, iterations: int) -> None:
        self.rate = _Rate(iterations)
        self.shown = self.rate.began

    def update(self, done: int, loss: float | None) -> None:
        now = time.perf_counter()
        if now - self.shown < _LINE_SECONDS:
            return
        self.shown = now
        speed, left = self.rate(done)
        self.note(
            f"Iteration {done} of {self.rate.iterations}, loss {_loss(loss)}, {speed}, {left} left"
        )

    def note(self, sentence: str) -> None:
        self.console.print(sentence, markup=False, highlight=False, soft_wrap=True)


class _Bar(_Plain):
    """A progress bar for terminals, removed at the end."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.stack = ExitStack()
        self.status: Status | None = None
        self.bar: Progress | None = None
        self.task: TaskID | None = None

    def waiting(self, for_what: str) -> None:
        if self.status is None:
            self.status = self.stack.enter_context(
                Status(for_what, console=self.console, spinner=_spinner(self.console))
            )
        self.status.update(for_what)

    def start(self, iterations: int) -> None:
        super().start(iterations)
        self.stack.close()
        self.bar = Progress(
            TextColumn("Painting"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}  {task.fields[speed]}  {task.fields[left]} left"),
            console=self.console,
            transient=True,
            refresh_per_second=5,
        )
        self.stack.enter_context(self.bar)
        self.task = self.bar.add_task("", total=iterations, loss="-", speed="- it/s", left="-")

    def update(self, done: int, loss: float | None) -> None:
        assert self.bar is not None
        assert self.task is not None
        speed, left = self.rate(done)
        self.bar.update(self.task, completed=done, speed=speed, left=left, loss=_loss(loss))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stack.close()


def _spinner(console: Console) -> str:
    """A spinner of characters that the terminal has."""
    return "dots" if is_unicode(console.encoding) else "line"


def stderr_console() -> Console:
    """A console on standard error, which is given up when nobody reads it any more."""
    stream: TextIO | None = sys.stderr  # None if it was closed before Python started
    return Console(stderr=True) if stream is None else Console(file=cast(TextIO, Unbroken(stream)))


def make_watcher(*, quiet: bool) -> Watcher:
    """The watcher for this stderr: a bar for a terminal, else lines; nothing if ``quiet``."""
    if quiet:
        return Watcher()
    console = stderr_console()
    return _Bar(console) if console.file.isatty() else _Plain(console)
