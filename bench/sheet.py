"""The README's picture: ``python -m bench.sheet`` paints nine prompts with the defaults, seed 1.

The prompts were chosen before any was painted, and each was painted once. ``--kind looks`` paints
prompts with styles, light and colours, ``--kind drawn`` those of the drawn model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from bench.common.cli import DOCS_PICTURES, exit_on, unknown_kind
from bench.common.model_names import DRAWN, NATURAL
from engine import EngineError, imagine
from engine.models import load_models

PROMPTS = (
    "a lighthouse on a cliff in a storm",
    "a macaw in the jungle",
    "a tabby cat on a red sofa",
    "a steam locomotive in the rain",
    "a hot-air balloon over snowy mountains",
    "a pizza on a wooden table",
    "a lion, oil painting",
    "a sunflower field under a blue sky",
    "a sports car + neon lights",
)
LOOKS_PROMPTS = (
    "a watchtower, charcoal drawing",
    "a woodcut of a tabby cat",
    "a sailing ship, blueprint",
    "a rose + stained glass",
    "a pagoda at night",
    "a farmhouse in the snow",
    "a fishing boat at sunset",
    "a yellow school bus in the fog",
    "a neon sign of a flamingo",
)
DRAWN_PROMPTS = (
    "a red circle on a blue background",
    "a yellow star on a purple background",
    "a green square on a white background",
    "a white heart on a red background",
    "an orange diamond on a black background",
    "a pink ring on a turquoise background",
    "a blue square to the left of a red circle on a white background",
    "a green triangle above an orange square on a black background",
    "a black cross + yellow background",
)
KINDS = {
    "natural": (NATURAL, PROMPTS, "sheet.png"),
    "looks": (NATURAL, LOOKS_PROMPTS, "looks.png"),
    "drawn": (DRAWN, DRAWN_PROMPTS, "sheet-drawn.png"),
}
"""For each kind, the model, the prompts and the file."""


def lay_out(painted: list[Image.Image]) -> Image.Image:
    """Nine pictures of the same size, three by three."""
    side, gap = painted[0].width, 8
    sheet = Image.new("RGB", (3 * side + 2 * gap,) * 2, "white")
    for i, picture in enumerate(painted):
        sheet.paste(picture, ((i % 3) * (side + gap), (i // 3) * (side + gap)))
    return sheet


def main(
    seed: int = 1,
    kind: Annotated[str, typer.Option(help=", ".join(KINDS))] = "natural",
    file: Path | None = None,
    model: str | None = None,
) -> None:
    """Paint the sheet, three by three."""
    if kind not in KINDS:
        raise unknown_kind(kind, KINDS)
    default_model, prompts, name = KINDS[kind]
    file = file or DOCS_PICTURES / name
    painted = []
    with exit_on(EngineError):
        models = load_models(model or default_model)
        for prompt in prompts:
            *_, last = imagine(prompt, seed=seed, models=models)
            painted.append(last.to_pil())
    file.parent.mkdir(parents=True, exist_ok=True)
    lay_out(painted).save(file, optimize=True)


if __name__ == "__main__":
    typer.run(main)
