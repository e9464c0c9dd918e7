"""Where the weights that ship are."""

from __future__ import annotations

from pathlib import Path

import engine.models

_WEIGHTS = Path(engine.models.__file__).parent / "weights"
DRAWN = _WEIGHTS / "drawn"
NATURAL = _WEIGHTS / "natural"
