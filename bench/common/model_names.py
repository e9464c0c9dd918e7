"""What the catalogue calls the two models that the measurements paint with."""

from __future__ import annotations

DRAWN = "drawn"
"""The model of drawn things, shapes and styles."""
NATURAL = "natural"
"""The model of natural pictures."""
