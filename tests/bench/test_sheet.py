"""The README's sheet."""

from __future__ import annotations

from PIL import Image

from bench.sheet import KINDS, lay_out


def test_there_are_nine_prompts_for_each_model() -> None:
    assert {kind: len(prompts) for kind, (_, prompts, _) in KINDS.items()} == {
        "natural": 9,
        "looks": 9,
        "drawn": 9,
    }


def test_pictures_are_laid_out_three_by_three() -> None:
    sheet = lay_out([Image.new("RGB", (10, 10), (i, 0, 0)) for i in range(9)])
    assert sheet.size == (46, 46)
    assert sheet.getpixel((40, 22)) == (5, 0, 0)
