"""The picture files in a folder."""

from __future__ import annotations

from pathlib import Path

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def picture_files(folder: Path) -> list[Path]:
    """The picture files directly in ``folder``, in the order of their names."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
