"""The colours of a picture, as the option --palette takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.errors import RequestError
from engine.pictures.palette import palette_from, palette_of
from engine.request.method.losses import parse_palette


def _stripes(*colours: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", (20 * len(colours), 40))
    for i, colour in enumerate(colours):
        image.paste(colour, (20 * i, 0, 20 * i + 20, 40))
    return image


def test_a_few_colours_are_those_colours_the_most_frequent_first() -> None:
    image = _stripes((200, 0, 0), (0, 0, 128), (0, 0, 128), (255, 255, 255), (0, 0, 128))
    found = palette_of(image)
    assert found[0] == "#000080"
    assert set(found) == {"#c80000", "#000080", "#ffffff"}


def test_of_many_colours_there_are_eight() -> None:
    assert len(palette_of(Image.radial_gradient("L").convert("RGB"))) == 8


def test_a_file_stands_for_its_colours_and_anything_else_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "flag.png"
    _stripes((255, 0, 0), (255, 255, 255)).save(path)
    for value, weight in ((str(path), ""), (f"{path}:2", ":2")):
        given = palette_from(value)
        assert given.endswith(weight)
        assert set(parse_palette(given)[0]) == {(1.0, 0.0, 0.0), (1.0, 1.0, 1.0)}
    for value in ("navy,gold:2", "navy", "gone.png", "", ",".join(["#123456"] * 60)):
        assert palette_from(value) == value
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(RequestError):
        palette_from(str(tmp_path / "notes.txt"))
