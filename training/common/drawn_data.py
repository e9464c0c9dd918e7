"""How much training data may be drawn beforehand, for a machine that lacks their sources."""

from __future__ import annotations

from pathlib import Path

MOST_BYTES = 60_000_000
"""Of all that is drawn; training/gpu.sh refuses more, too."""


def size_of(folder: Path) -> int:
    """The bytes of all files in a folder and below."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def check_size(size: int) -> None:
    """Raise ValueError, with what to change, if ``size`` bytes are too many."""
    if size > MOST_BYTES:
        raise ValueError(
            f"The drawn data have {size / 1e6:.1f} MB, and at most {MOST_BYTES / 1e6:.0f} MB are "
            "allowed: lower --megabytes or --words-megabytes, or draw into an empty folder."
        )
