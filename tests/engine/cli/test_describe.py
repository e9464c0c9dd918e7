"""`imagine --describe`: words for a picture, from the command line."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from engine.models import load_models
from engine.painting.describing import describe
from engine.worker.small_pictures import small_tensor

TINY = ("--model", "tiny")


@pytest.fixture
def picture(tmp_path):
    image = Image.new("RGB", (60, 40), (200, 40, 30))
    image.save(tmp_path / "fox.png")
    return image


def test_prompts_and_words_are_printed_as_text_or_json(
    catalogue, tmp_path, picture, run_here, monkeypatch
):
    done = run_here(catalogue, "--describe", "fox.png", *TINY, "--json", "--precision", "float32")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    models = load_models("tiny", device="cpu", precision="float32")
    found = describe(models.perceptor, small_tensor(picture))
    assert found.prompts
    assert report == {
        "path": "fox.png",
        "model": "tiny",
        "prompts": list(found.prompts),
        "words": list(found.words),
    }
    done = run_here(catalogue, "--describe", "fox.png", *TINY, "--precision", "float32", "-q")
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        *(f"Prompt: {prompt}" for prompt in found.prompts),
        f"Words: {', '.join(found.words)}",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["fox.png"]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("a fox",), "leave the prompt out"),
        (("--seed", "7"), "leave --seed out"),
        (("--tile",), "leave --tile out"),
        (("-o", "out.png"), "leave --output out"),
        (("--init-image", "fox.png"), "leave --init-image out"),
        (("--model", "nothing"), "no model called"),
    ],
)
def test_what_does_not_go_with_it_is_refused(catalogue, picture, run_here, arguments, part):
    done = run_here(catalogue, "--describe", "fox.png", *arguments)
    assert done.returncode == 2
    assert part in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_picture_and_an_address_are_named(catalogue, tmp_path, run_here):
    (tmp_path / "notes.txt").write_text("words")
    for given, part in (("notes.txt", "notes.txt: "), ("https://x.example/a.png", "download it")):
        done = run_here(catalogue, "--describe", given)
        assert done.returncode == 2
        assert part in done.stderr
