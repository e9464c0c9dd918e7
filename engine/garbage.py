"""Python's garbage collector, which a program can do without while it starts.

PyTorch's import makes hundreds of thousands of objects that stay. The collector would look through
all of them again and again, which is an eighth of the import's time (docs/performance.md).
"""

from __future__ import annotations

import gc


def pause_collection() -> None:
    """Let no garbage be looked for; to be called before PyTorch is imported."""
    gc.disable()


def resume_collection() -> None:
    """Look for garbage again, but never in what there is by now.

    Does nothing unless collection is paused, since a frozen cycle is never freed.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
