"""Held-out prompts, fixed before the first figure was taken."""

from pathlib import Path

FOLDER = Path(__file__).parent
