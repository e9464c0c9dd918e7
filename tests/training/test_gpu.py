"""training/gpu.sh, tried on the CPU, and the data that it trains on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from engine.models import load_models
from engine.models.perceptors.efficientnet_lite import ClassifierPerceptor, build
from tests.training.generator.tiny import sources
from tests.training.words.test_beforehand import draw_eight_sentences
from training.common.shipped import NATURAL
from training.generator.export import read_exported
from training.natural.__main__ import app
from training.perceptor.classifier import write_classifier
from training.pictures.beforehand import FOLDERS, draw_pictures
from training.pictures.photographs import load_held_out, load_photographs
from training.pictures.pool import Sources
from training.words.natural import load_exported

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("WORDS", "ROBUST", "LOOKS", "LOOKS_WORDS", "GENERATOR")
SEED = 5  # with it, two of twelve pictures are of paintings
GREY = np.full((256, 256, 3), 128, dtype=np.uint8)


def drawn(into: Path, count: int = 12, most_bytes: int = 10**6) -> int:
    held_out = {"coffee": GREY}
    return draw_pictures(
        painted(), held_out, into, count=count, side=64, most_bytes=most_bytes, seed=SEED
    )


def painted() -> Sources:
    """Sources with a painting, which is red."""
    red = np.zeros((40, 40, 3), dtype=np.uint8)
    red[..., 0] = 200
    return Sources(sources().photographs, paintings=[red])


def test_pictures_drawn_beforehand_lie_in_folders_by_kind(tmp_path: Path) -> None:
    assert drawn(tmp_path / "one") == 12
    assert drawn(tmp_path / "two") == 12
    files = sorted((tmp_path / "one").rglob("*.*"))
    assert [each.read_bytes() for each in files] == [
        (tmp_path / "two" / each.parent.name / each.name).read_bytes() for each in files
    ]
    folders = [tmp_path / "one" / name for name in FOLDERS]
    counts = [len(load_photographs([folder])) for folder in folders]
    assert sum(counts) == 12
    assert min(counts) > 0
    assert {each.shape for each in load_photographs(folders)} == {(64, 64, 3)}
    assert (load_held_out(folders)["coffee"] == GREY).all()
    assert all(
        each[..., 1:].mean() < 100 < each[..., 0].mean() for each in load_photographs([folders[1]])
    )
    for path in files:
        if path.suffix == ".jpg":
            with Image.open(path) as image:
                rng = np.random.default_rng([SEED, int(path.stem[-5:])])
                error = np.asarray(image).astype(float) - painted().draw(64, rng)
            assert np.abs(error).mean() < 8  # JPEG, of noise


def test_as_many_are_drawn_as_fit_and_older_ones_go(tmp_path: Path) -> None:
    drawn(tmp_path, count=30, most_bytes=10**6)
    found = drawn(tmp_path, count=1000, most_bytes=60_000)
    files = list(tmp_path.rglob("*.*"))
    assert 3 < found == len(files) - 1
    assert 50_000 < sum(each.stat().st_size for each in files) <= 60_000


def run(*arguments: str | Path, **values: str) -> subprocess.CompletedProcess[str]:
    steps = {f"STEPS_{part}": "2" for part in PARTS}
    return subprocess.run(
        ["sh", ROOT / "training/gpu.sh", *arguments],
        env={**os.environ, "PYTHON": sys.executable, **steps, **values},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_says_what_it_needs(tmp_path: Path) -> None:
    assert "DATA OUT" in run().stderr
    (tmp_path / "large").write_bytes(b"x" * 60_000_001)
    said = run(tmp_path, tmp_path / "out")
    assert (said.returncode, "more than 60 MB" in said.stderr) == (2, True)
    (tmp_path / "large").unlink()
    assert "has no pictures: draw them" in run(tmp_path, tmp_path / "out").stderr
    assert "no option --tiny" in run(tmp_path, tmp_path / "out", "--tiny").stderr


def test_what_no_time_is_left_for_is_said(tmp_path: Path) -> None:
    for folder in (*FOLDERS, "words"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    said = run(tmp_path / "data", tmp_path / "out", SECONDS_ALL="40")
    assert said.returncode == 0, said.stderr
    for name in ("words", "robust", "looks", "generator"):
        assert f"{name}: no time is left; call this again." in said.stdout
    weights = tmp_path / "out" / "weights"
    assert [each.name for each in weights.iterdir()] == ["perceptor.pt"]


def test_drawing_and_words_say_what_they_need(tmp_path: Path) -> None:
    def told(*arguments: str | Path) -> str:
        said = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "400"})
        assert said.exit_code == 2
        return said.output

    photos = ("draw", "--photos", tmp_path, tmp_path / "data")
    assert "70.0 MB, and at most 60 MB are allowed" in told(*photos, "--megabytes", "70")
    assert "takes --teacher" in told(*photos, "--words", tmp_path)
    assert "--drawn for words drawn beforehand" in told("words", "--folder", tmp_path)


@pytest.mark.slow  # a minute and a half of one core
@pytest.mark.timeout(600)
def test_the_script_trains_all_networks_and_goes_on(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    drawn(data)
    classifier = load_models("natural", device="cpu").perceptor
    assert isinstance(classifier, ClassifierPerceptor)
    write_classifier(classifier.classifier, data / "classifier.pt")
    draw_eight_sentences(data / "words")
    said = run(data, out, "--device", "cpu", "--small")
    assert said.returncode == 0, said.stderr
    weights = out / "weights"
    assert read_exported(weights).factor == 8
    perceptor = build({"checkpoint": weights / "perceptor.pt", "looks": weights / "looks.pt"}, {})
    tower, _ = load_exported(out / "tower.pt")
    assert perceptor.tower.head.weight.half().equal(tower.head.weight.half())
    shipped = build({"checkpoint": NATURAL / "perceptor.pt"}, {})
    assert not perceptor.tower.head.weight.equal(shipped.tower.head.weight)
    for part in PARTS:
        assert f"{part.lower().replace('_', '-')}: " in said.stdout
    more = {f"STEPS_{part}": "3" for part in PARTS}
    again = run(data, out, "--device", "cpu", "--small", **more)
    assert again.returncode == 0, again.stderr
    for name in ("distil", "robust", "looks", "natural"):
        assert f"{name}: continuing from step 2" in again.stdout
    assert "looks-words: continuing" not in again.stdout  # it reads with another tower
