"""Paintings in a notebook: the thread, the widgets, and the tutorial."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from engine import imagine
from engine.errors import NumericalError
from engine.notebook import NotebookError, show
from tests.tiny_model import tiny_request, write_tiny_model

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial.ipynb"
MOST_BYTES = 250_000


@pytest.fixture
def widgets():
    return pytest.importorskip("ipywidgets", reason="ipywidgets is in the extra `dev`")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(write_tiny_model(tmp_path)))
    return lambda **values: imagine(tiny_request(**values))


def parts(painting):
    """The bar, the button, the text and the preview of a painting's box."""
    above, preview = painting.box.children
    return *above.children, preview


def test_it_shows_progress_and_a_preview_and_returns_the_picture(widgets, tiny):
    painting = show(tiny(iterations=4), every=0)
    last = painting.wait()
    bar, button, text, preview = parts(painting)
    assert (last.iteration, bar.value, bar.max) == (4, 4, 4)
    assert bar.bar_style == "success"
    assert button.disabled
    assert text.value.startswith("Painted in")
    assert Image.open(io.BytesIO(preview.value)).size == (32, 32)
    assert not painting.running
    *_, alone = tiny(iterations=4)
    assert painting.picture().tobytes() == alone.full_size().tobytes()


def test_its_button_stops_it_and_keeps_the_picture(widgets, tiny):
    go_on, began = threading.Event(), threading.Event()

    def slowly():
        for iterate in tiny(iterations=50):
            yield iterate
            if iterate.iteration == 2:
                began.set()
                assert go_on.wait(30)

    painting = show(slowly(), every=0)
    bar, button, text, _ = parts(painting)
    assert began.wait(30)
    assert painting.running
    button.click()
    go_on.set()
    assert painting.wait().iteration == 3
    assert painting.picture().size == (32, 32)
    assert (bar.bar_style, text.value) == ("warning", "Stopped after 3 iterations")


def test_an_error_is_shown_and_raised_where_the_picture_is_asked_for(widgets, tiny):
    def failing():
        yield next(tiny())
        raise NumericalError("The <numbers> are not finite.")

    painting = show(failing())
    with pytest.raises(NumericalError, match="not finite"):
        painting.picture()
    bar, button, text, _ = parts(painting)
    assert (bar.bar_style, button.disabled) == ("danger", True)
    assert text.value == "The &lt;numbers&gt; are not finite."


def test_without_a_picture_there_is_a_sentence(widgets):
    with pytest.raises(NotebookError, match="stopped before its first picture"):
        show(iter(())).wait()


def test_without_ipywidgets_it_says_what_to_install(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.setitem(sys.modules, "IPython.display", None)
    with pytest.raises(NotebookError, match=r"pip install 'imagine-bot\[notebook\]'"):
        show(tiny())


def tutorial():
    return json.loads(TUTORIAL.read_text("utf-8"))


def source(cell):
    return "".join(cell["source"])


def code_cells():
    return [cell for cell in tutorial()["cells"] if cell["cell_type"] == "code"]


def test_the_tutorial_s_outputs_are_of_one_whole_run_and_small():
    assert TUTORIAL.stat().st_size < MOST_BYTES
    cells = code_cells()
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"execute_result", "stream"}
    pictures = [
        output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})
    ]
    # One for each cell that ends in a picture.
    ending = [source(cell).splitlines()[-1] for cell in cells]
    assert len(pictures) == sum(line.endswith("picture()") or line == "strip" for line in ending)
    for data in pictures:
        Image.open(io.BytesIO(base64.b64decode(data))).load()


def test_the_tutorial_goes_from_a_picture_to_an_edit_an_ensemble_and_a_story():
    words = " ".join(source(cell) for cell in code_cells())
    for part in ("show(imagine(", "init_image=", "perceptor=", " ^ "):
        assert part in words


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_runs_as_it_stands(widgets, tmp_path):
    lines = [source(cell) for cell in code_cells()]
    ends = [
        f"assert {line}.size" for line in (s.splitlines()[-1] for s in lines) if "picture" in line
    ]
    script = "\n".join([*lines, *ends])
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "40 iterations: {'total':" in done.stdout
