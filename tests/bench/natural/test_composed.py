"""Composed pictures: the mask is where the drawing is, and the same on every run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from bench.natural.composed import composed_pictures, outlined_photographs
from bench.prompts import read_entries


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Photographs, grey ones and a blue one that shows the first word, and red discs."""
    photos, drawings = tmp_path / "photos", tmp_path / "drawings"
    photos.mkdir()
    drawings.mkdir()
    first = read_entries("composed")[0]["drawing"]
    for name, colour in (("a", "grey"), ("b", "grey"), (f"my {first}", "blue")):
        Image.new("RGB", (90, 70), colour).save(photos / f"{name}.png")
    disc = Image.new("RGBA", (40, 40))
    ImageDraw.Draw(disc).ellipse((4, 4, 35, 35), fill="red")
    disc.save(drawings / "disc.png")
    rows = [{"name": each["drawing"], "file": "disc.png"} for each in read_entries("composed")]
    (drawings / "emoji.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return photos, drawings


def test_the_mask_is_where_the_drawing_is(folders):
    photos, drawings = folders
    grey, red = torch.tensor([128, 128, 128]) / 255, torch.tensor([1.0, 0, 0])
    for pairs in (False, True):
        made = composed_pictures(photos, drawings, 64, 4, pairs=pairs)
        assert [each.where for each in made] == [
            entry["drawing"] for entry in read_entries("composed", limit=4)
        ]
        again = composed_pictures(photos, drawings, 64, 4, pairs=pairs)
        for one, other in zip(made, again, strict=True):
            assert torch.equal(one.picture, other.picture)
            pixels = one.picture[0].permute(1, 2, 0)
            true = one.true if one.other is None else one.true | one.other
            is_red = (pixels - red).abs().amax(-1) < 0.05
            # Its edge is a mixture.
            assert (is_red & ~true).sum() == 0
            assert (is_red & one.true).sum() > 0.6 * one.true.sum()
            assert one.other is None or not (one.other & one.true).any()
        # The first photograph shows the word itself, so it is not used.
        assert (made[0].picture[0, :, 0, 0] - grey).abs().max() < 0.01


def test_outlines_are_shares_of_the_centre_square(tmp_path):
    for entry in read_entries("outlines"):
        Image.new("RGB", (80, 60)).save(tmp_path / entry["photo"])
    made = outlined_photographs(tmp_path, 50)
    assert len(made) == 12
    for each in made:
        assert each.picture.shape == (1, 3, 50, 50)
        assert 0.15 < each.true.float().mean() < 0.8
