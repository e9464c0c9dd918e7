"""Files that a run which is stopped must not leave half written."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, data: bytes) -> None:
    """Write ``data`` to ``file``, which is renamed when it is complete."""
    temporary = file.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, file)
