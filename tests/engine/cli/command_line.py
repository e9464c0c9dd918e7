"""A folder with a tiny model of random weights, in which the real command runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from tests.checkpoints import write_clip_archive, write_vqgan

ROOT = Path(__file__).resolve().parents[3]
TINY = ("--model", "tiny")
OUTPUTS = ("-o", "out.png", "--video", "video.mp4", "--preview", "preview.png")
_CATALOGUE = """
[generators.tiny]
checkpoint = { path = "last.ckpt" }
config = { path = "model.yaml" }
[perceptors.tiny]
checkpoint = { path = "clip.pt" }
[models.tiny]
generator = "tiny"
perceptor = "tiny"
[models.tiny.defaults]
width = 32
height = 24
cutouts = 2
iterations = 5

[models.odd]
generator = "tiny"
perceptor = "tiny"
[models.odd.defaults]
colour = "red"

[perceptors.torn]
checkpoint = { path = "torn.pt" }
[models.torn]
generator = "tiny"
perceptor = "torn"
[perceptors.gone]
checkpoint = { path = "gone.pt" }
[models.gone]
generator = "tiny"
perceptor = "gone"
"""


def write_home(folder: Path) -> Path:
    """Write a user's catalogue with the models tiny, odd, torn and gone; returns its path."""
    write_vqgan(folder)
    clip = write_clip_archive(folder / "clip.pt").read_bytes()
    (folder / "torn.pt").write_bytes(clip[: len(clip) // 2])
    catalogue = folder / "models.toml"
    catalogue.write_text(_CATALOGUE)
    return catalogue


def environment(catalogue: Path) -> dict[str, str]:
    """The environment of a command that uses ``catalogue``."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "IMAGINE_MODELS_CATALOGUE": str(catalogue),
        "COLUMNS": "200",
        "TERM": "xterm",
    }


def command(*arguments: str) -> list[str]:
    """The command line; warnings of our own code appear on stderr."""
    return [sys.executable, "-m", "engine", *arguments]


def run(catalogue: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `imagine` with ``arguments`` in ``folder``."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(catalogue),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def opened(file: Any) -> Any:
    """A picture, whose format's own attributes Pillow's types do not show."""
    return Image.open(file)


def contents(folder: Path) -> dict[Path, tuple[int, bytes] | None]:
    """When each file in ``folder`` was changed, and what is in it; None for a folder."""
    return {
        path.relative_to(folder): (path.stat().st_mtime_ns, path.read_bytes())
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


def assert_refused(done: Any, part: str) -> None:
    """Assert that a command did nothing but say one sentence, with ``part`` in it."""
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("imagine: ")
    assert done.stderr.count("\n") == 1
    assert part in done.stderr
    # One sentence: no sentence ends before the line.
    assert re.search(r"[.?!]['\")]? +[A-Z]", done.stderr) is None, done.stderr
