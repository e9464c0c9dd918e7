"""The sheets of natural pictures: the pictures that were kept, with what the judges see."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import typer
from PIL import Image

import bench.contact
from bench.contact import GAP, SIDE, natural_seen, natural_sheet
from bench.natural.figures import Reading
from bench.natural.gallery import kept_at
from bench.natural.measure import read_entries
from bench.sheet import KINDS, lay_out


def _reading(kind: str, pictures: torch.Tensor) -> Reading:
    """As if a judge saw a tench, class 0, in all of them."""
    logits = torch.zeros(len(pictures), 1000)
    logits[:, 0] = 20.0
    styles = torch.tensor([[5.0, 0.0]]).expand(len(pictures), 2).log_softmax(1)
    return Reading(logits.log_softmax(1), styles if kind == "styles" else None, ("oil", "neon"))


def test_a_kept_picture_is_in_its_place_under_what_is_seen(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.contact, "read_pictures", _reading)
    for kind, colour in (("natural", "red"), ("styles", "blue")):
        file = kept_at(tmp_path, kind, read_entries(kind, limit=1)[0])
        file.parent.mkdir()
        Image.new("RGB", (64, 64), colour).save(file)
    sheet = natural_sheet(tmp_path, {"natural": 1, "styles": 1})
    assert sheet.getpixel((5, 5)) == (255, 0, 0)
    assert sheet.getpixel((SIDE + GAP + 5, 5)) == (0, 0, 255)
    assert natural_seen("natural", torch.rand(1, 3, 8, 8)) == ["tench 100%"]
    assert natural_seen("styles", torch.rand(1, 3, 8, 8)) == ["tench 100%, oil"]


def test_a_picture_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"bench.fidelity --kind natural"):
        natural_sheet(tmp_path, {"natural": 1})


def test_the_readmes_sheet_has_nine_prompts_of_either_model() -> None:
    assert {kind: len(prompts) for kind, (_, prompts, _) in KINDS.items()} == {
        "natural": 9, "drawn": 9}
    sheet = lay_out([Image.new("RGB", (10, 10), (i, 0, 0)) for i in range(9)])
    assert sheet.size == (46, 46)
    assert sheet.getpixel((40, 22)) == (5, 0, 0)
