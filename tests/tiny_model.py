"""A tiny model with random weights that paints, as "tiny" in a user's catalogue."""

from __future__ import annotations

from pathlib import Path

from engine.jobs.job import Place
from engine.request.request import ImageRequest, make_request
from tests.checkpoints import write_clip, write_vqgan

PLACE = Place("100", "200", "en-GB")


def write_tiny_model(folder: Path) -> Path:
    """Write the model "tiny" (32x32 px, 4 cutouts) and its catalogue; returns the catalogue."""
    checkpoint, config = write_vqgan(folder)
    clip = write_clip(folder / "clip.pt")
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(f"""
        [generators.tiny]
        checkpoint = {{ path = "{checkpoint.name}" }}
        config = {{ path = "{config.name}" }}
        [perceptors.tiny]
        checkpoint = {{ path = "{clip.name}" }}
        [models.tiny]
        generator = "tiny"
        perceptor = "tiny"
        [models.tiny.defaults]
        cooling = 0.2
        width = 32
        height = 32
        cutouts = 4
        iterations = 5
    """)
    return catalogue


def tiny_request(prompt: str = "a red circle", **values) -> ImageRequest:
    """A request for the tiny model, with seed 7 by default."""
    return make_request(prompt, **{"model": "tiny", "seed": 7, **values})
