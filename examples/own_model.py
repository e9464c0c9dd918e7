"""Paints with a VQGAN and a CLIP of your own, described in a catalogue of your own.

Copy own_model.toml next to the checkpoints, put in their names, and then::

    python examples/own_model.py folder/own_model.toml "a fox" fox.png

From the command line the same is ``IMAGINE_MODELS_CATALOGUE=folder/own_model.toml imagine "a fox"
--model mine``, or, without a file to write, ``imagine-models add``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine import EngineError, imagine
from engine.models import load_models
from engine.models.catalogue import load_catalogue

NAME = "mine"  # as in own_model.toml


def main(catalogue: Path, prompt: str, file: Path) -> None:
    """Paint ``prompt`` with the model "mine" of ``catalogue`` into ``file``."""
    # Loaded once, it can paint many pictures. Checkpoints are read as tensors alone: nothing in
    # them is executed.
    models = load_models(NAME, catalogue=load_catalogue(catalogue))
    for iterate in imagine(prompt, models=models):
        print(f"iteration {iterate.iteration}")
    iterate.to_pil().save(file)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
    except EngineError as error:
        sys.exit(str(error))
