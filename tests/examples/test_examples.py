"""Each file in examples/ runs as it stands, with few iterations."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.checkpoints import write_clip, write_vqgan
from tests.engine.plug_ins import install
from tests.tiny_model import write_tiny_model

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FLAGS = "--model tiny --iterations 2 --seed 1"


@pytest.fixture(autouse=True)
def _tiny_model(tmp_path, monkeypatch):
    """The model "tiny" in a catalogue of the user's; the current folder is an empty one."""
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(write_tiny_model(tmp_path / "models")))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture
def run(monkeypatch, capsys):
    """Run an example with arguments, as Python runs a script; what it prints."""

    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def size_of(file: str) -> tuple[int, int]:
    with Image.open(file) as picture:
        return picture.size


def test_every_example_is_tested_and_in_the_table():
    files = {path.name for path in EXAMPLES.rglob("*.*") if path.is_file()} - {"README.md"}
    files = {name for name in files if not name.endswith(".pyc")}
    table, here = ((EXAMPLES / "README.md").read_text("utf-8"), Path(__file__).read_text("utf-8"))
    for file in files:
        assert re.search(rf"\[{file}\]\((plugin/)?{file}\)", table)
        assert f'"{file}"' in here


def test_the_library(run):
    printed = run("library.py", f"a red circle {FLAGS}", "circle.png")
    assert [line.split(":")[0] for line in printed.splitlines()] == [
        "iteration 0",
        "iteration 1",
        "iteration 2",
    ]
    assert size_of("circle.png") == (32, 32)


def test_what_is_wrong_with_a_request_is_a_sentence(run):
    with pytest.raises(SystemExit, match="iterations"):
        run("library.py", "a red circle --iterations 0", "circle.png")


def test_editing_a_whole_picture(run):
    Image.new("RGB", (100, 60), "navy").save("original.png")
    run("edit_picture.py", "original.png", f"a red circle {FLAGS}", "edited.png")
    assert size_of("edited.png") == (100, 60)


def test_editing_what_a_mask_leaves_open(run):
    Image.new("RGB", (32, 32), "navy").save("original.png")
    mask = Image.new("L", (32, 32), 0)
    mask.paste(255, (16, 0, 32, 32))
    mask.save("mask.png")
    run("edit_picture.py", "original.png", f"a red circle {FLAGS}", "edited.png", "mask.png")
    with Image.open("edited.png") as edited:
        left = edited.convert("RGB").crop((0, 0, 8, 32))
        assert left.getcolors() == [(8 * 32, (0, 0, 128))]


def test_a_model_of_ones_own(run, tmp_path):
    folder = tmp_path / "mine"
    write_vqgan(folder)
    write_clip(folder / "clip.pt")
    shutil.copy(EXAMPLES / "own_model.toml", folder)
    run(
        "own_model.py",
        str(folder / "own_model.toml"),
        "a red circle --size 32x32 --cutouts 2 --iterations 2 --seed 1",
        "circle.png",
    )
    assert size_of("circle.png") == (32, 32)


def test_a_plug_in_of_another_package(run, tmp_path, monkeypatch):
    plugin = EXAMPLES / "plugin"
    code = (plugin / "imagine_mirror.py").read_text("utf-8")
    assert len(code.splitlines()) < 60
    project = tomllib.loads((plugin / "pyproject.toml").read_text("utf-8"))["project"]
    install(tmp_path / "site", project["name"], code, project["entry-points"])
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(plugin / "models.toml"))
    monkeypatch.delitem(sys.modules, "imagine_mirror", raising=False)
    prompt = "a fox --model mirror --size 64x48 --cutouts 2 --iterations 3 --seed 1"
    run("library.py", prompt, "fox.png")
    del sys.modules["imagine_mirror"]
    assert size_of("fox.png") == (64, 48)
    with Image.open("fox.png") as fox:
        pixels = np.asarray(fox.convert("RGB"), int)
    assert abs(pixels - pixels[:, ::-1]).max() <= 1
    assert pixels.std() > 1


@pytest.mark.slow
def test_the_command_line(tmp_path):
    # The `imagine` of an installation may be another checkout's.
    command = tmp_path / "bin" / "imagine"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m engine "$@"\n')
    command.chmod(0o755)
    done = subprocess.run(
        [EXAMPLES / "command_line.sh", *FLAGS.split()[:4]],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={
            **os.environ,
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(EXAMPLES.parent),
        },
    )
    assert done.returncode == 0, done.stderr
    for name in ("lighthouse.png", "storm.png", "night.png"):
        assert size_of(f"pictures/{name}") == (32, 32)
    assert Path("pictures/storm.mp4").stat().st_size > 0
