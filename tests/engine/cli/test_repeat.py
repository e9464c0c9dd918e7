"""`imagine --from`: a picture is painted again from what its file says, and the rest is told."""

from __future__ import annotations

import io
import json
import tempfile

import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from engine.events import Done
from engine.pictures.writing import PROVENANCE, REQUEST, png_bytes
from engine.worker.main import JobLoop
from engine.worker.messages import JobEvent, Paint, Stepped, Stop, WorkerSettings
from tests.tiny_model import tiny_request

TINY = ("--model", "tiny")
SAME = "It is the same picture, bit for bit."


@pytest.fixture(scope="module")
def painted(catalogue):
    """The bytes of a finished picture, and of one that the bot's worker was told to stop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
        sent: list[object] = []
        loop = JobLoop(WorkerSettings(preload="tiny"), sent.append)
        loop.start()
        with tempfile.TemporaryDirectory() as folder:
            for id, iterations in (("a" * 32, 3), ("b" * 32, 9)):
                # Its learning rate falls over the iterations that are asked for.
                request = tiny_request(iterations=iterations, schedule="cosine").model_dump_json()
                loop.post(Paint(id, request, {}, f"{folder}/{id}.pt"))
            while loop.tick():
                if any(isinstance(each, Stepped) and each.id == "b" * 32 for each in sent):
                    loop.post(Stop("b" * 32))
    return [
        each.event.picture
        for each in sent
        if isinstance(each, JobEvent) and isinstance(each.event, Done)
    ]


@pytest.fixture
def fox(tmp_path, painted):
    path = tmp_path / "fox.png"
    path.write_bytes(painted[0])
    return path


def opened(path) -> PngImageFile:
    image = Image.open(path)
    assert isinstance(image, PngImageFile)
    image.load()
    return image


def rewritten(path, facts=None, request=None):
    """The picture with other facts, or another request, in its file."""
    image = opened(path)
    texts = {name: image.text[name] for name in (REQUEST, PROVENANCE)}
    for name, values in ((PROVENANCE, facts), (REQUEST, request)):
        texts[name] = json.dumps(json.loads(texts[name]) | (values or {}))
    path.write_bytes(png_bytes(image, texts))


def again(run_here, catalogue, *arguments):
    done = run_here(catalogue, "--from", *arguments, "-o", "again.png", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_the_same_picture_is_painted_again_bit_for_bit(catalogue, fox, tmp_path, run_here):
    report, told = again(run_here, catalogue, "fox.png")
    assert report["same"]
    assert SAME in told
    assert "Another" not in told
    before, after = opened(fox), opened(tmp_path / "again.png")
    assert before.tobytes() == after.tobytes()
    assert before.text[REQUEST] == after.text[REQUEST]
    rewritten(fox, request={"seed": 5})
    report, told = again(run_here, catalogue, "fox.png")
    assert not report["same"]
    assert "It is not the same picture, bit for bit." in told


def test_a_picture_that_was_stopped_is_painted_as_far(catalogue, painted, tmp_path, run_here):
    (tmp_path / "fox.png").write_bytes(painted[1])
    report, told = again(run_here, catalogue, "fox.png")
    assert 0 < report["iterations"] < 9
    assert report["same"], told
    facts = json.loads(opened(tmp_path / "again.png").text[PROVENANCE])
    assert facts["stopped_at"] == report["iterations"]


def test_an_edit_needs_the_same_files_again(catalogue, tmp_path, run_here):
    for name, colour in (("photo.png", "red"), ("other.png", "blue")):
        Image.new("RGB", (32, 24), colour).save(tmp_path / name)
    given = ("a fox", *TINY, "--init-image", "photo.png", "--iterations", "2")
    assert run_here(catalogue, *given, "-o", "fox.png").returncode == 0
    refused = run_here(catalogue, "--from", "fox.png", "-o", "again.png")
    assert refused.returncode == 2
    assert "painted with: --init-image." in refused.stderr
    refused = run_here(catalogue, "--from", "fox.png", "--init-image", "other.png")
    assert "painted with: --init-image." in refused.stderr
    report, _ = again(run_here, catalogue, "fox.png", "--init-image", "photo.png")
    assert report["same"]
    refused = run_here(
        catalogue, "--from", "fox.png", "--init-image", "photo.png", "--mask", "other.png"
    )
    assert "was not painted with one of these pictures" in refused.stderr
    assert not (tmp_path / "fox-2.png").exists()


def test_what_differs_from_then_is_told(catalogue, fox, run_here):
    now = torch.get_num_threads()
    rewritten(
        fox,
        {
            "imagine-bot": "0.0.9",
            "random": "dice",
            "torch": "1.7",
            "networks": "0" * 16,
            "threads": now + 1,
        },
    )
    try:
        report, told = again(run_here, catalogue, "fox.png")
    finally:
        torch.set_num_threads(now)
    for line in (
        "Another version: 0.0.9 in the file, ",
        "Another scheme of random numbers: dice in the file, ",
        "Another set of weights: 0000000000000000 in the file, ",
        "Another version of PyTorch: 1.7 in the file, ",
        "Other random numbers give another picture",
    ):
        assert line in told
    assert "threads" not in told  # it uses as many
    assert report["same"] == (SAME in told)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a hen", "--from", "plain.png"), "leave the prompt out"),
        (("--from", "plain.png", "--seed", "3"), "leave --seed out"),
        (("--from", "plain.png", "--tile"), "leave --tile out"),
        (("--from", "plain.png"), "does not say how it was painted"),
        (("--from", "missing.png"), "can't be opened"),
        (("--from", "https://x.example/fox.png"), "download it"),
        (("--from", "wrong.png"), "iterations must be between 1 and 5000, not 90000"),
    ],
)
def test_what_cannot_be_painted_again_is_one_sentence(
    catalogue, tmp_path, run_here, arguments, words
):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    (tmp_path / "plain.png").write_bytes(file.getvalue())
    wrong = {REQUEST: json.dumps({"prompt": "a fox", "iterations": 90000})}
    (tmp_path / "wrong.png").write_bytes(png_bytes(Image.new("RGB", (8, 8)), wrong))
    refused = run_here(catalogue, *arguments)
    assert refused.returncode == 2
    assert words in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain.png", "wrong.png"]
