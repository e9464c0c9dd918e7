"""Scores are what they say, and means compare only what is painted in every column."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.common.statistics import mean_interval, wilson_interval
from bench.paper.cells import Cell, Figure, Scores
from bench.paper.edit_scores import measured, structure
from bench.paper.painting import Gallery
from bench.paper.plan import make_figure
from bench.paper.scores import figures_of, probability, same_things, score_cells
from bench.paper.sheets import label_of
from tests.bench.uniform import uniform_judge


def _plain(*colour: float) -> torch.Tensor:
    return torch.tensor(colour)[:, None, None].expand(3, 16, 16)


@pytest.mark.parametrize(
    ("name", "colour", "value"),
    [
        ("red", (1.0, 0.4, 0.2), 0.7),
        ("green", (0.5, 0.3, 0.1), 0.0),
        ("brown", (0.6, 0.4, 0.2), 0.4),
        ("colour", (0.6, 0.4, 0.1), 0.5),
        ("brightness", (0.0, 1.0, 0.0), 0.7152),  # Rec. 709
        ("contrast", (0.2, 0.3, 0.4), 0.0),
        ("sharpness", (0.2, 0.3, 0.4), 0.0),
    ],
)
def test_measures_of_plain_colours(name: str, colour: tuple[float, ...], value: float) -> None:
    assert measured(name, _plain(*colour)) == pytest.approx(value * 255, abs=1e-3)


def test_a_blurred_picture_is_less_sharp_and_keeps_its_edges() -> None:
    generator = torch.Generator().manual_seed(1)
    noise = torch.rand(3, 8, 8, generator=generator)
    picture = torch.nn.functional.interpolate(noise[None], (64, 64))[0]
    blurred = torch.nn.functional.avg_pool2d(picture[None], 5, 1, 2)[0]
    other = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8, generator=generator), (64, 64))[
        0
    ]
    assert measured("sharpness", blurred) < 0.8 * measured("sharpness", picture)
    assert structure(picture, picture) == pytest.approx(1)
    assert structure(picture, 1 - picture) == pytest.approx(1)  # edges have no sign
    assert structure(picture, blurred) > 0.8 > abs(structure(picture, other))


def test_probabilities_of_several_classes_are_added() -> None:
    logs = torch.tensor([0.5, 0.3, 0.2]).log()
    assert probability(logs, (0, 2)) == pytest.approx(0.7)
    assert same_things(logs, logs) == pytest.approx(1)
    apart = torch.tensor([1.0, 1e-30]).log(), torch.tensor([1e-30, 1.0]).log()
    assert same_things(*apart) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("n", "quantile"), [(4, 3.182), (5, 2.776), (20, 2.093), (40, 2.023)])
def test_the_interval_of_a_mean_is_students(n: int, quantile: float) -> None:
    values = [float(i % 2) for i in range(n)]
    deviation = torch.tensor(values).std().item() / n**0.5
    interval = mean_interval(values)
    assert interval is not None
    assert (interval[1] - interval[0]) / 2 == pytest.approx(quantile * deviation, rel=0.01)
    assert mean_interval([1.0, 2.0, 3.0]) is None


def _cells(rows: int) -> dict[tuple[int, str], Cell]:
    return {
        (row, column): Cell(f"row {row}", column, "a fox", row, row % 5)
        for row in range(rows)
        for column in ("none", "all")
    }


def test_a_column_is_compared_over_the_rows_that_the_reference_has() -> None:
    cells = _cells(6)
    figure = Figure("16", "", ("none", "all"), tuple(cells.values()), "all")
    scores: dict[Cell, Scores] = {
        cell: {"probability": 0.1 * row + (0.25 if column == "all" else 0), "first_class": row % 2}
        for (row, column), cell in cells.items()
    }
    del scores[cells[5, "all"]]
    found = figures_of(figure, scores)
    assert (found["none"]["n"], found["all"]["n"]) == (6, 5)
    assert found["none"]["probability"]["mean"] == pytest.approx(0.25)
    # Rows 0 and 5 are of the first seed.
    assert found["none"]["probability"]["seeds"] == [0.1, 0.4]
    difference = found["none"]["minus all"]
    assert difference["n"] == 5
    assert difference["probability"] == [-0.25, (-0.25, -0.25)]
    assert difference["first_class"][0] == 0
    flags = [False, True, False, True, False]
    assert found["all"]["first_class"]["interval"] == wilson_interval(flags)
    alone = figures_of(figure, {cells[0, "none"]: {"probability": 1.0}})
    assert alone == {
        "none": {"n": 1, "probability": {"mean": 1.0, "interval": None, "seeds": [1.0, 1.0]}}
    }


def test_edits_are_summed_up_by_row_over_the_seeds() -> None:
    cells = [Cell("green (cup)", f"seed {seed}", "green", seed, seed) for seed in range(5)]
    figure = Figure("5", "", tuple(cell.column for cell in cells), tuple(cells))
    scores = {cell: {"after": float(cell.seed)} for cell in cells[:4]}
    found = figures_of(figure, scores)
    assert found["green (cup)"]["n"] == 4
    assert found["green (cup)"]["after"]["mean"] == 1.5
    assert found["green (cup)"]["after"]["seeds"] == [0.0, 3.0]


def test_addition_is_compared_with_the_sentence_of_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.paper.scores.load_judge", uniform_judge)
    figure = make_figure("17", seeds=1)
    grey = Image.new("RGB", (32, 32), "grey")
    painted = {cell: grey for cell in figure.cells if cell.row.startswith("A farm")}
    scores = score_cells(figure, painted, Gallery(tmp_path))
    assert len(scores) == 4
    for cell in painted:
        assert scores[cell]["content"] == pytest.approx(5 / 1000)
        assert scores[cell]["like_the_sentence"] == pytest.approx(1)
        assert scores[cell]["first_style"] in (0, 1)
    assert label_of(cell, scores[cell]).startswith("0%, style ")
    without = {cell: picture for cell, picture in painted.items() if cell.column != "sentence"}
    assert score_cells(figure, without, Gallery(tmp_path)) == {}
