"""Held-out prompts, fixed before the first measurement, and how they are read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Entry = dict[str, Any]
"""One prompt with all that its measurement needs; the scripts that write them say what."""


def read_entries(kind: str, folder: Path = FOLDER, limit: int | None = None) -> list[Entry]:
    """The first ``limit`` prompts of ``kind``.json, or all of them."""
    entries: list[Entry] = json.loads((folder / f"{kind}.json").read_text("utf-8"))
    return entries[:limit]


def to_text(entries: list[Entry]) -> str:
    """The text of a prompt file: a JSON list with an entry on each line."""
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    return f"[\n{lines}\n]\n"


def write_entries(kind: str, entries: list[Entry]) -> None:
    """Write ``kind``.json."""
    (FOLDER / f"{kind}.json").write_text(to_text(entries), encoding="utf-8")
