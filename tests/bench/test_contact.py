"""The contact sheet takes the pictures that were kept, each under its own prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.contact import GAP, LABEL, SIDE, lay_out, painted_before
from bench.fidelity import kept_at
from engine.painting.images import png_bytes, to_pil


def test_kept_pictures_come_back_and_stand_in_their_places(tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [{"caption": f"{'a very ' * 12}long one", "seed": seed}
                                     for seed in range(12)]
    pictures = torch.rand(12, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    for entry, picture in zip(entries, pictures, strict=True):
        file = kept_at(tmp_path, entry["caption"], entry["seed"])
        file.write_bytes(png_bytes(to_pil(picture)))
    again = painted_before(entries, tmp_path)
    torch.testing.assert_close(again, pictures, atol=0.51 / 255, rtol=0)
    sheet = np.asarray(lay_out(entries, again, ["a fox"] * 12))
    eleventh = sheet[SIDE + LABEL + GAP:][:SIDE, :SIDE].transpose(2, 0, 1) / 255
    assert np.abs(eleventh - pictures[10].numpy()).max() <= 0.51 / 255
