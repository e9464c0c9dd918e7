"""The README's picture: ``python -m bench.sheet`` paints nine prompts with the defaults, seed 1.

The prompts were chosen before any was painted, and none is painted twice.
"""

from __future__ import annotations

from pathlib import Path

import typer
from PIL import Image

from engine import imagine
from engine.models import load_models

PROMPTS = (
    "a red circle on a blue background", "a yellow star on a purple background",
    "a green square on a white background", "a white heart on a red background",
    "an orange diamond on a black background", "a pink ring on a turquoise background",
    "a blue square to the left of a red circle on a white background",
    "a green triangle above an orange square on a black background",
    "a black cross + yellow background",
)
FILE = Path(__file__).parent.parent / "docs" / "pictures" / "sheet.png"


def main(seed: int = 1, file: Path = FILE) -> None:
    """Paint the sheet, three by three."""
    models = load_models("embedded")
    painted = []
    for prompt in PROMPTS:
        *_, last = imagine(prompt, seed=seed, models=models)
        painted.append(last.to_pil())
    side, gap = painted[0].width, 8
    sheet = Image.new("RGB", (3 * side + 2 * gap,) * 2, "white")
    for i, picture in enumerate(painted):
        sheet.paste(picture, ((i % 3) * (side + gap), (i // 3) * (side + gap)))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, optimize=True)


if __name__ == "__main__":
    typer.run(main)
