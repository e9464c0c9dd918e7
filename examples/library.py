"""Paints from Python and follows the picture as it grows.

    python examples/library.py "a hummingbird" hummingbird.png
    python examples/library.py "a red star --model drawn --seed 7 --iterations 80" star.png

A prompt may carry the same flags as on the command line; they can also be given to ``imagine``
by name: ``imagine("a red star", model="drawn", seed=7)``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine import EngineError, imagine

SAVE_EVERY = 20  # iterations


def main(prompt: str, file: Path) -> None:
    """Paint ``prompt`` into ``file``, which has a preview from the first iteration on."""
    for iterate in imagine(prompt):
        print(f"iteration {iterate.iteration}: loss {iterate.losses['total']:.4f}")
        # Each iterate is a whole picture. To stop early, leave the loop.
        if iterate.iteration % SAVE_EVERY == 0:
            iterate.to_pil().save(file)
    iterate.to_pil().save(file)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]))
    except EngineError as error:  # whatever was wrong with the request: a sentence that says it
        sys.exit(str(error))
