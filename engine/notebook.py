"""Watching a painting in a notebook: its progress, a preview, and a button that stops it.

::

    from engine import imagine
    from engine.notebook import show

    star = show(imagine("a red star on a blue background"))
    star.picture()

Needs ipywidgets (the extra ``notebook``).
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from PIL import Image

    from engine.painting.iterate import Iterate

_SIDE = 256  # pixels of the preview's longer side
_MISSING = "show() needs ipywidgets: pip install 'imagine-bot[notebook]'"


class NotebookError(EngineError):
    """A painting cannot be shown, or has no picture."""


def show(iterates: Iterator[Iterate], *, every: float = 0.5) -> Painting:
    """Paint in the background and show it, with a preview every ``every`` seconds.

    The cell ends at once: a notebook handles its buttons only between cells. Raises NotebookError
    if ipywidgets is not installed.
    """
    try:
        from IPython.display import display
    except ImportError:
        raise NotebookError(_MISSING) from None
    painting = Painting(iterates, every)
    display(painting.box)
    return painting


class Painting:
    """A painting that runs in a thread of its own; :func:`show` makes it."""

    def __init__(self, iterates: Iterator[Iterate], every: float) -> None:
        try:
            import ipywidgets
        except ImportError:
            raise NotebookError(_MISSING) from None
        self._iterates, self._every = iterates, every
        self._last: Iterate | None = None
        self._error: Exception | None = None
        self._stopping = threading.Event()
        self._bar = ipywidgets.IntProgress(min=0, max=1)
        self._button = ipywidgets.Button(description="Stop", icon="stop")
        self._button.on_click(lambda _: self.stop())
        self._text = ipywidgets.HTML("Preparing")
        self._preview = ipywidgets.Image(format="jpeg")
        above = ipywidgets.HBox([self._bar, self._button, self._text])
        self.box = ipywidgets.VBox([above, self._preview])
        self._thread = threading.Thread(target=self._paint, name="painting", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the painting after its current iteration; it keeps the picture up to there."""
        self._stopping.set()
        self._button.disabled = True

    def wait(self) -> Iterate:
        """Return the last iterate once the painting has ended; interrupting this stops it.

        Raises what the painting raised.
        """
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self.stop()
            raise
        if self._error is not None:
            raise self._error
        if self._last is None:
            raise NotebookError("This painting was stopped before its first picture.")
        return self._last

    def picture(self) -> Image.Image:
        """Return the finished picture, as :meth:`wait` does."""
        return self.wait().full_size()

    @property
    def running(self) -> bool:
        """Whether it is still being painted."""
        return self._thread.is_alive()

    def _ipython_display_(self) -> None:
        """Shows nothing more where a cell ends in show(...)."""

    def _paint(self) -> None:
        shown = 0.0
        try:
            for iterate in self._iterates:
                self._last = iterate
                if self._stopping.is_set():
                    break
                if time.monotonic() - shown >= self._every:
                    self._show(iterate)
                    shown = time.monotonic()
        except Exception as error:  # noqa: BLE001 - wait() raises it, whatever it is
            self._error = error
        finally:
            close = getattr(self._iterates, "close", None)
            if close is not None:
                close()  # frees the networks' memory
            self._finish()

    def _show(self, iterate: Iterate) -> None:
        self._bar.max = max(1, iterate.iterations)
        self._bar.value = iterate.iteration
        loss = iterate.losses.get("total")
        words = f"{iterate.iteration} of {iterate.iterations}"
        self._text.value = words if loss is None else f"{words}, loss {loss:.3f}"
        image, file = iterate.to_pil(), io.BytesIO()
        image.thumbnail((_SIDE, _SIDE))
        image.save(file, "JPEG")
        self._preview.value = file.getvalue()

    def _finish(self) -> None:
        self._button.disabled = True
        if self._error is not None:
            self._bar.bar_style = "danger"
            self._text.value = escape(str(self._error))
            return
        if self._last is None:
            return
        self._show(self._last)
        stopped = self._last.iteration < self._last.iterations
        self._bar.bar_style = "warning" if stopped else "success"
        words = "Stopped after" if stopped else "Painted in"
        end = f"{self._last.iteration} iterations" if stopped else f"{self._last.seconds:.1f} s"
        self._text.value = f"{words} {end}"
