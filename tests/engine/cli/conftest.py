"""What tests of the commands share."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.engine.cli.command_line import write_home


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """The catalogue of a user: beside tiny, it has the models odd, torn and gone."""
    return write_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def folder(tmp_path):
    """The current folder, with the person's pictures and a file that is not one."""
    Image.new("RGB", (30, 20), (200, 40, 30)).save(tmp_path / "mine.png")
    for name in ("out.png", "video.mp4", "preview.png"):
        (tmp_path / name).write_bytes(b"precious")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "pictures").mkdir()
    return tmp_path
