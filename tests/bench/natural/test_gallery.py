"""A stopped measurement continues where it was, and says what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

import bench.contact
import bench.natural.judge
import bench.paper.__main__
from bench.common.model_names import DRAWN
from bench.fidelity import main
from bench.natural.gallery import (
    GalleryError,
    Settings,
    check_settings,
    paint_missing,
    picture_file,
    random_starts,
    read_picture_file,
)
from bench.natural.judge import MissingJudgeError, judge_packages
from bench.natural.measure import measure
from bench.natural.photographs import classes_of, known_photographs
from bench.prompts import read_entries
from tests.bench.uniform import uniform_judge

SETTINGS = Settings(DRAWN, iterations=1)


@pytest.fixture(name="uniform_judge")
def _uniform_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that needs no packages."""
    monkeypatch.setattr("bench.natural.measure.load_judge", uniform_judge)


@pytest.fixture
def without_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the judge's packages."""
    bench.natural.judge.load_judge.cache_clear()
    monkeypatch.setattr(bench.natural.judge, "PACKAGES", ("no_such_network", "no_such_weights"))


def _run(function: Any, *arguments: str) -> tuple[int, str]:
    app = Typer()
    app.command()(function)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_only_missing_pictures_are_painted(tmp_path: Path) -> None:
    entries, lines = read_entries("natural", limit=3), list[str]()
    files = [picture_file(tmp_path, "natural", entry) for entry in entries]
    files[1].parent.mkdir(parents=True)
    Image.new("RGB", (8, 8), "red").save(files[1])
    assert paint_missing(entries, "natural", SETTINGS, files, workers=1, report=lines.append) == 2
    assert lines[0] == "natural: 1 of 3 are already painted"
    assert lines[-1].startswith("natural: 2/2 painted")
    assert read_picture_file(files[1]).shape == (3, 8, 8)
    first = files[0].read_bytes()
    assert paint_missing(entries, "natural", SETTINGS, files, workers=1, report=lines.append) == 0
    files[0].unlink()
    paint_missing(entries, "natural", SETTINGS, files, workers=1, report=lines.append)
    assert files[0].read_bytes() == first


def test_a_folder_with_other_settings_is_refused(tmp_path: Path) -> None:
    check_settings(tmp_path, SETTINGS)
    check_settings(tmp_path, SETTINGS)
    with pytest.raises(GalleryError, match=r"other settings \(iterations, period\)"):
        check_settings(tmp_path, Settings(DRAWN, iterations=2))


def test_no_two_prompts_share_a_file() -> None:
    files = [
        picture_file(Path("x"), kind, entry)
        for kind in ("natural", "scenes", "styles")
        for entry in read_entries(kind)
    ]
    assert len(files) == len(set(files)) == 400


def test_random_starts_are_the_first_pictures_of_the_paintings() -> None:
    entry = read_entries("natural", limit=1)[0]
    start = random_starts([entry], SETTINGS)[0]
    first = SETTINGS.synthesis(entry).step().image
    torch.testing.assert_close(start, first, atol=0.51 / 255, rtol=0)


@pytest.mark.usefixtures("uniform_judge")
def test_the_figures_name_what_was_painted(tmp_path: Path) -> None:
    found = measure("styles", SETTINGS, limit=2, workers=1, folder=tmp_path)
    assert {
        "top1",
        "top5",
        "judge_r1",
        "perceptor_r1",
        "style_top1",
        "random_top1",
        "random_r1",
        "true_top1",
        "true_top5",
        "intervals",
    } <= found.keys()
    assert (found["n"], found["model"], found["preset"], found["iterations"]) == (
        2,
        DRAWN,
        "default",
        1,
    )
    assert found["true_top1"] is None
    assert measure("styles", SETTINGS, limit=5, folder=tmp_path, judge_only=True) == found


@pytest.mark.usefixtures("uniform_judge")
def test_judging_only_needs_pictures(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="no pictures to judge"):
        measure("natural", SETTINGS, folder=tmp_path, judge_only=True)
    check_settings(tmp_path, SETTINGS)
    with pytest.raises(GalleryError, match="no pictures of the kind natural"):
        measure("natural", SETTINGS, folder=tmp_path, judge_only=True)


@pytest.mark.usefixtures("without_packages")
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (main, ("--kind", "natural", "--model", DRAWN)),
        (bench.paper.__main__.main, ("--model", DRAWN, "--figure", "5", "--out")),
        (bench.contact.main, ("--kind", "natural", "--folder")),
    ],
)
def test_without_the_judges_packages_a_message_says_so(
    function: Any, arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MissingJudgeError):
        judge_packages()
    monkeypatch.setattr(bench.contact, "NATURAL_EACH", {"natural": 1})
    file = picture_file(tmp_path, "natural", read_entries("natural", limit=1)[0])
    file.parent.mkdir()
    Image.new("RGB", (32, 32)).save(file)
    last = (str(tmp_path),) if arguments[-1].startswith("--") else ()
    code, output = _run(function, *arguments, *last)
    assert code == 1
    assert output == (
        'The judge\'s packages are not installed; install them with `pip install -e ".[bench]"`.\n'
    )


@pytest.mark.usefixtures("without_packages")
def test_the_drawn_models_kinds_need_no_packages() -> None:
    code, output = _run(
        main, "--kind", "colours", "--limit", "1", "--iterations", "1", "--workers", "1", "--json"
    )
    assert code == 0
    assert json.loads(output)["colours"]["n"] == 1


def test_photographs_are_recognised_by_name_or_number(tmp_path: Path) -> None:
    for name in ("951-lemon.jpg", "coffee.png", "holiday.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("none")
    assert [true for _, true in known_photographs(tmp_path)] == [(951,), (967, 968)]
    assert classes_of(tmp_path / "holiday.jpg") == ()
