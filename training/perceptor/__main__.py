"""``python -m training.perceptor TOWER``: join the classifier and a text tower in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from engine.models.perceptors.efficientnet_lite import build
from training.common.stage import save_atomically
from training.perceptor.classifier import folded, published_classifier

SHIPPED = Path(__file__).parents[2] / "engine/models/weights/natural/perceptor.pt"


def main(tower: Annotated[Path, typer.Argument(
             exists=True, dir_okay=False, help="what training.words wrote")],
         into: Annotated[Path, typer.Option(help="the file to write")] = SHIPPED) -> None:
    """Write the natural perceptor in half precision, and read it back."""
    words = torch.load(tower, weights_only=True)
    tensors = {f"picture.{name}": value.half()
               for name, value in folded(published_classifier()).state_dict().items()}
    tensors |= {f"text.{name}": value.half() for name, value in words["state_dict"].items()}
    tensors["text.rows"] = words["rows"].to(torch.int32)
    into.parent.mkdir(parents=True, exist_ok=True)
    save_atomically(tensors, into)
    build({"checkpoint": into}, {})
    typer.echo(f"{into}  {into.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    typer.run(main)
