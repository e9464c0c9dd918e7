"""What `imagine --help` and `--version` say."""

import re

from engine.cli.options import EPILOG
from engine.request.flag_values import FLAGS
from engine.request.method.fields import MethodFields
from engine.request.request import ImageRequest
from tests.engine.cli.command_line import run
from training.world.scene import COLOURS, PATTERNS, SCENERY, SHAPES
from training.world.styles import STYLES
from training.world.things import drawn_things


def test_help_is_generated_from_the_requests_fields(catalogue, run_here):
    done = run_here(catalogue, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    text = re.sub(r"[\s│]+", " ", done.stdout)
    for flag in FLAGS:
        assert f"--{flag} " in text
    for field in (
        "prompt",
        "iterations",
        "seed",
        "preset",
        "model",
        "cutouts",
        "learning_rate",
        *MethodFields.model_fields,
    ):
        about = ImageRequest.model_fields[field].description or ""
        assert about
        assert about[1:] in text
    for part in (
        "1 to 5000",
        "0 to 4294967295",
        "1 to 256",
        "16 to 2048",
        "-o",
        "--video",
        "--preview ",
        "--json",
        "--quiet",
        "imagine-models list",
    ):
        assert part in text


def test_help_says_what_the_embedded_models_know():
    text = EPILOG.replace("\n", " ")
    said = {
        "oil": "oil painting",
        "watercolour": "watercolour painting",
        "charcoal": "charcoal drawing",
    }
    for word in (
        *SHAPES,
        *COLOURS,
        *PATTERNS,
        *SCENERY,
        "left of",
        "right of",
        "above",
        "below",
        "inside",
        str(len(drawn_things())),
        *(said.get(style, style) for style in STYLES),
    ):
        assert re.search(rf"\b{word}\b", text), word
    named = re.search(r"such as (.*?)\)", text)
    assert named
    assert set(re.split(", | and ", named[1])) <= set(drawn_things())


def test_version_is_printed(catalogue, tmp_path):
    done = run(catalogue, tmp_path, "--version")
    assert re.fullmatch(r"imagine (\d+\.\d+\.\d+|not installed)\n", done.stdout)
    assert done.returncode == 0
