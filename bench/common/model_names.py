"""Names in the catalogue of the two models that the measurements use."""

from __future__ import annotations

DRAWN = "drawn"
"""The model of drawn things, shapes and styles."""
NATURAL = "natural"
"""The model of natural pictures."""
