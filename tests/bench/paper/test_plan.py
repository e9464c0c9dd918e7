"""The figures have the paper's columns, and options that mean what their columns say."""

from __future__ import annotations

import pytest

from bench.natural.classes import load_classes
from bench.natural.style_judge import STYLE_NAMES
from bench.paper.edit_scores import MEASURES
from bench.paper.plan import EACH, EDITS, NUMBERS, PHOTOGRAPHS, SEEDS, STYLED, make_figure
from bench.prompts import read_entries
from engine.request.method.augment import parse_augment
from engine.request.recipe import PRESETS

KINDS = ("flip", "affine", "perspective", "jitter", "noise")
STRENGTHS = ("degrees", "distortion")


@pytest.mark.parametrize("number", NUMBERS)
def test_each_seed_paints_every_row_in_every_column(number: str) -> None:
    figure = make_figure(number)
    by_place = {(cell.row, cell.column) for cell in figure.cells}
    assert len(by_place) == len(figure.cells) == len(figure.rows) * len(figure.columns)
    assert {cell.group for cell in figure.cells} == set(range(SEEDS))
    fewer = make_figure(number, seeds=2)
    assert set(fewer.cells) <= set(figure.cells)
    assert {cell.group for cell in fewer.cells} == {0, 1}


def test_a_column_of_the_ablation_has_only_its_own_augmentation_with_the_papers_numbers() -> None:
    paper = PRESETS["paper"].augmentation
    for cell in make_figure("16", each=1).cells:
        augment = dict(cell.options).get("augment")
        if cell.column == "all":
            assert augment is None
            continue
        assert isinstance(augment, str)
        changes = parse_augment(augment)
        assert [kind for kind in KINDS if changes[kind]] == [
            kind for kind in KINDS if kind == cell.column
        ]
        for name in (cell.column, *STRENGTHS):
            if changes.get(name):
                assert changes[name] == getattr(paper, name)


def test_the_ablation_has_the_first_forty_held_out_prompts_with_their_seeds() -> None:
    found = {(cell.prompt, cell.seed) for cell in make_figure("16", each=EACH).cells}
    entries = read_entries("natural", limit=40)
    assert found == {(entry["caption"], entry["seed"]) for entry in entries}


def test_a_stopped_run_has_the_same_prompts_in_all_columns() -> None:
    figure = make_figure("16")
    width = len(figure.columns)
    for start in range(0, len(figure.cells), width):
        assert len({cell.row for cell in figure.cells[start : start + width]}) == 1
    first = figure.cells[: width * SEEDS]
    assert {cell.group for cell in first} == set(range(SEEDS))


def test_the_edits_photographs_and_measures_exist() -> None:
    edits = [edit for row in EDITS.values() for edit in row]
    for edit in edits:
        assert (PHOTOGRAPHS / f"{edit.photograph}.jpg").is_file()
        assert edit.measure in MEASURES or (edit.measure == "class" and edit.classes)
    used = {edit.photograph for edit in edits}
    assert used == {file.stem for file in PHOTOGRAPHS.glob("*.jpg")}


def test_the_judges_know_what_the_prompts_ask_for() -> None:
    names = {each.index: each.name for each in load_classes()}
    assert [names[i] for i in EDITS["18"][0].classes] == ["fur coat"]
    assert "mushroom" in [names[i] for i in EDITS["18"][1].classes]
    assert [names[i] for i in STYLED[0].classes] == ["baseball", "baseball player"]
    assert "barn" in [names[i] for i in STYLED[1].classes]
    assert {row.judged_style for row in STYLED} <= set(STYLE_NAMES)
