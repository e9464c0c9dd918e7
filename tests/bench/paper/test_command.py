"""`python -m bench.paper` paints, judges, lays out, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from bench.common.model_names import DRAWN
from bench.paper.__main__ import main, write_figures
from bench.paper.cells import Cell, Figure
from bench.paper.plan import make_figure
from bench.paper.sheets import FOOT, GAP, HEAD, LEFT, lay_out, save_sheet, shown_rows
from bench.paper.tables import table
from tests.bench.uniform import uniform_judge


def _run(*arguments: str) -> tuple[int, str]:
    app = Typer()
    app.command()(main)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options for pictures of one iteration by the small model, and a judge without packages."""
    for module in ("__main__", "scores"):
        monkeypatch.setattr(f"bench.paper.{module}.load_judge", uniform_judge)
    folders = ["--out", str(tmp_path / "out"), "--pictures", str(tmp_path / "pictures")]
    return [*folders, "--model", DRAWN, "--iterations", "1", "--workers", "1", "--seeds", "1"]


def test_a_figure_is_made_and_made_again_without_painting(
    arguments: list[str], tmp_path: Path
) -> None:
    chosen = [*arguments, "--figure", "5"]
    code, output = _run(*chosen)
    assert code == 0, output
    assert "2/2 painted" in output
    file = tmp_path / "out/figures.json"
    first = json.loads(file.read_text("utf-8"))
    assert list(first) == ["5"]
    assert set(first["5"]["figures"]) == {"green (cup)", "red flower (flower)"}
    with Image.open(tmp_path / "out/figure-05.jpg") as sheet:
        assert sheet.width > sheet.height
    code, output = _run(*chosen)
    assert "0 to paint" in output
    assert json.loads(file.read_text("utf-8")) == first


def test_a_dry_run_counts_what_is_missing(arguments: list[str], tmp_path: Path) -> None:
    code, output = _run(*arguments, "--figure", "15", "--figure", "16", "--dry-run", "--each", "1")
    assert code == 0
    # The method z is also the column with all augmentations.
    assert "Fig. 16 (No augmentation, each alone, and all): 7 pictures, 7 to paint" in output
    assert "Together 21 different pictures, 21 to paint: about 9 min" in output
    assert not (tmp_path / "out").exists()


def test_judging_only_paints_nothing(arguments: list[str], tmp_path: Path) -> None:
    code, _ = _run(*arguments, "--figure", "5", "--judge-only")
    assert code == 0
    assert not (tmp_path / "pictures").exists()
    made = json.loads((tmp_path / "out/figures.json").read_text("utf-8"))["5"]
    assert (made["painted"], made["cells"], made["figures"]) == (0, 2, {})


def test_an_unknown_figure_is_refused(arguments: list[str]) -> None:
    code, output = _run(*arguments, "--figure", "19")
    assert code == 2
    assert "unknown kind 19" in output


def test_figures_that_were_not_made_stay(tmp_path: Path) -> None:
    made = {"about": "Edits", "painted": 0, "cells": 2, "figures": {}}
    write_figures(tmp_path, {"16": made, "5": made})
    write_figures(tmp_path, {"15": made, "5": made | {"painted": 1}})
    found = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert {number: each["painted"] for number, each in found.items()} == {"5": 1, "15": 0, "16": 0}
    assert list(found) == ["5", "15", "16"]
    page = (tmp_path / "figures.md").read_text("utf-8")
    assert "## Fig. 5: Edits\n\n1 of 2 pictures are painted.\n\nNothing is painted yet." in page


def test_a_table_has_intervals_or_else_the_spread_of_the_seeds() -> None:
    few = {"mean": 0.25, "interval": None, "seeds": [0.1, 0.4]}
    many = {"mean": 0.5, "interval": [0.4, 0.6], "seeds": [0.1, 0.9]}
    difference = {"n": 3, "probability": [-0.25, None]}
    columns = {
        "none": {"n": 3, "probability": few, "minus all": difference},
        "all": {"n": 9, "probability": many},
    }
    made = {"about": "", "painted": 12, "cells": 20, "figures": columns}
    assert table(made) == [
        "|  | n | probability, % | probability, %, minus all |",
        "|---|---|---|---|",
        "| none | 3 | 25 [10 to 40] | -25, n = 3 |",
        "| all | 9 | 50 (40 to 60) |  |",
    ]


def test_each_picture_is_in_its_row_and_column(tmp_path: Path) -> None:
    cells = [Cell("fox", "one", "a fox", 0, 0), Cell("cat", "two", "a cat", 0, 0)]
    figure = Figure("5", "", ("one", "none", "two"), tuple(cells))
    colours = ("red", "lime")
    pictures = {
        cell: Image.new("RGB", (8, 8), each) for cell, each in zip(cells, colours, strict=True)
    }
    before = {"cat": {"original": Image.new("RGB", (16, 16), "blue")}}
    sheet = lay_out(figure, pictures, {}, before, 8)
    across, down = 8 + GAP, 8 + FOOT + GAP
    assert sheet.size == (LEFT + 3 * across, HEAD + 2 * down)
    found = [
        [sheet.getpixel((LEFT + i * across + 4, HEAD + j * down + 4)) for i in range(3)]
        for j in range(2)
    ]
    white, red, lime, blue = (255,) * 3, (255, 0, 0), (0, 255, 0), (0, 0, 255)
    assert found == [[white, red, white], [blue, white, lime]]
    noise = Image.effect_noise((400, 400), 90).convert("RGB")
    save_sheet(noise, tmp_path / "noise.jpg", 90_000)
    assert (tmp_path / "noise.jpg").stat().st_size <= 90_000


def test_a_sheet_has_the_rows_that_compare_the_most() -> None:
    figure = make_figure("16", each=2)
    every = {cell for cell in figure.cells if cell.column == "all"}
    assert len(shown_rows(figure, every)) == 10
    some = {cell for cell in figure.cells if cell.row in figure.rows[2:4]}
    assert shown_rows(figure, every | some) == list(figure.rows[2:4])
    assert shown_rows(figure, every | some, 1) == [figure.rows[2]]
