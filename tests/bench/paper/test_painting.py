"""The figures' pictures are kept with their settings, shared, and painted only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from bench.common.model_names import DRAWN
from bench.paper.cells import Cell
from bench.paper.painting import Gallery, MissingPhotographError, missing, paint_missing
from bench.paper.plan import make_figure
from engine.request.request import request_from_json


def _gallery(folder: Path, **values: int) -> Gallery:
    return Gallery(folder, model=DRAWN, iterations=values.get("iterations", 1))


def test_a_stopped_run_continues_and_each_file_has_its_request(tmp_path: Path) -> None:
    gallery, lines = _gallery(tmp_path), list[str]()
    cells = [Cell("a", "one", "a red star", 3, 0), Cell("a", "two", "a red star", 4, 0)]
    assert paint_missing(gallery, cells[:1], 1, lines.append) == 1
    first = gallery.file(cells[0]).read_bytes()
    assert paint_missing(gallery, cells, 1, lines.append) == 1
    assert lines[-1].startswith("1/1 painted")
    assert gallery.file(cells[0]).read_bytes() == first
    assert missing(gallery, cells) == []
    with Image.open(gallery.file(cells[1])) as picture:
        texts = picture.text  # type: ignore[attr-defined]
    assert request_from_json(texts["imagine-bot request"]) == gallery.request(cells[1])[0]
    assert json.loads(texts["imagine-bot provenance"])["seed"] == 4
    gallery.file(cells[0]).unlink()
    paint_missing(gallery, cells, 1, lines.append)
    assert gallery.file(cells[0]).read_bytes() == first


def test_other_settings_make_another_file_and_the_same_ones_share_it(tmp_path: Path) -> None:
    cell = Cell("a", "one", "a red star", 3, 0)
    file = _gallery(tmp_path).file(cell)
    assert _gallery(tmp_path, iterations=2).file(cell) != file
    other = Cell("a", "one", "a red star", 3, 0, (("augment", "none"),))
    assert _gallery(tmp_path).file(other) != file
    gallery = _gallery(tmp_path)
    methods, augmentations = make_figure("15", 1, 1), make_figure("16", 1, 1)
    z = next(cell for cell in methods.cells if cell.column == "z" and cell.entry)
    every = next(cell for cell in augmentations.cells if cell.column == "all")
    assert gallery.file(z) == gallery.file(every)
    assert len(missing(gallery, [z, every])) == 1


def test_a_masked_edit_keeps_its_mask(tmp_path: Path) -> None:
    gallery = _gallery(tmp_path)
    cell = make_figure("18", seeds=1).cells[0]
    paint_missing(gallery, [cell], 1, lambda line: None)
    edit, mask = gallery.read(cell), gallery.read_mask(cell)
    assert edit is not None
    assert mask is not None
    assert edit.size == mask.size == (256, 256)


def test_a_missing_photograph_is_named(tmp_path: Path) -> None:
    gallery = Gallery(tmp_path, photographs=tmp_path, model=DRAWN)
    with pytest.raises(MissingPhotographError, match=r"no photograph cup\.jpg in"):
        missing(gallery, list(make_figure("5", 1).cells))
