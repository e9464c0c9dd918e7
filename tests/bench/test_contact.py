"""Contact sheets show the kept pictures, each above its own prompt and what the judges see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image

import bench.contact
from bench.contact import GAP, LABEL, SIDE, lay_out, natural_labels, natural_sheet
from bench.drawn.painting import picture_file, read_painted
from bench.natural import gallery
from bench.natural.figures import Judgement
from bench.prompts import read_entries
from engine.painting.images import to_pil
from engine.pictures.writing import png_bytes


def test_kept_drawings_are_read_again_and_laid_out_in_order(tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"caption": f"{'a very ' * 12}long one", "seed": seed} for seed in range(12)
    ]
    pictures = torch.rand(12, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    for entry, picture in zip(entries, pictures, strict=True):
        file = picture_file(tmp_path, entry["caption"], entry["seed"])
        file.write_bytes(png_bytes(to_pil(picture)))
    again = read_painted(entries, tmp_path)
    torch.testing.assert_close(again, pictures, atol=0.51 / 255, rtol=0)
    sheet = np.asarray(lay_out(entries, again, ["a fox"] * 12))
    eleventh = sheet[SIDE + LABEL + GAP :][:SIDE, :SIDE].transpose(2, 0, 1) / 255
    assert np.abs(eleventh - pictures[10].numpy()).max() <= 0.51 / 255


def _tench(kind: str, pictures: torch.Tensor) -> Judgement:
    """As if the judge saw a tench, class 0, in every picture."""
    logits = torch.zeros(len(pictures), 1000)
    logits[:, 0] = 20.0
    styles = torch.tensor([[5.0, 0.0]]).expand(len(pictures), 2).log_softmax(1)
    return Judgement(logits.log_softmax(1), styles if kind == "styles" else None, ("oil", "neon"))


def test_kept_natural_pictures_are_laid_out_with_what_the_judges_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.contact, "judge_pictures", _tench)
    for kind, colour in (("natural", "red"), ("styles", "blue")):
        file = gallery.picture_file(tmp_path, kind, read_entries(kind, limit=1)[0])
        file.parent.mkdir()
        Image.new("RGB", (64, 64), colour).save(file)
    sheet = natural_sheet(tmp_path, {"natural": 1, "styles": 1})
    assert sheet.getpixel((5, 5)) == (255, 0, 0)
    assert sheet.getpixel((SIDE + GAP + 5, 5)) == (0, 0, 255)
    assert natural_labels("natural", torch.rand(1, 3, 8, 8)) == ["tench 100%"]
    assert natural_labels("styles", torch.rand(1, 3, 8, 8)) == ["tench 100%, oil"]


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"bench.fidelity --kind natural"):
        natural_sheet(tmp_path, {"natural": 1})
