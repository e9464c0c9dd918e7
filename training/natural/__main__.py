"""``python -m training.natural``: make the `natural` models again, step by step."""

from __future__ import annotations

from training.natural import draw, generator, looks, perceptor, words
from training.natural.options import app

__all__ = ["app", "draw", "generator", "looks", "perceptor", "words"]

if __name__ == "__main__":
    app()
