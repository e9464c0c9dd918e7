"""What `imagine` refuses, in one sentence and with no file touched."""

import os

import pytest
from PIL import Image

from tests.engine.cli.command_line import OUTPUTS, TINY, assert_refused, contents, run


# Each of these is a process of its own, as people run it; the others run in this one.
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "The prompt is empty"),
        (("a fox", "--init-image", "notes.txt"), "notes.txt: That file isn't a picture"),
    ],
)
def test_an_invalid_request_is_one_sentence_and_touches_no_file(catalogue, folder, arguments, part):
    before = contents(folder)
    assert_refused(run(catalogue, folder, *OUTPUTS, *arguments), part)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((*OUTPUTS, ""), "The prompt is empty"),
        ((*OUTPUTS, "a fox", "--size", "0x0"), "can't be zero"),
        ((*OUTPUTS, "a fox", "--size", "99999x99999"), "between 16 and 2048"),
        ((*OUTPUTS, "a fox", "--iterations", "-5"), "between 1 and 5000"),
        ((*OUTPUTS, "a fox", "--seed", "-1"), "between 0 and 4294967295"),
        ((*OUTPUTS, "a fox", "--seed", "4294967296"), "between 0 and 4294967295"),
        ((*OUTPUTS, "a fox", "-o", "nowhere/out.png"), "does not exist"),
        ((*OUTPUTS, "a fox", "--colour", "red"), "--colour"),
        ((" + ",), "The prompt is empty"),
        (("--seed", "7"), "The prompt is empty"),
        (("a fox:400",), "between -100 and 100"),
        (("a fox --seed -1",), "between 0 and 4294967295"),
        (("a fox --colour red",), "--colour"),
        (("a fox", "--size", "0"), "can't be zero"),
        (("a fox", "--size", "8x8"), "between 16 and 2048"),
        (("a fox", "--size", "big"), "256x128"),
        (("a fox", "--ar", "wide"), "16:9"),
        (("a fox", "--ar", "1:1", "--size", "32x16"), "only one of them"),
        (("a fox", "--iterations", "0"), "between 1 and 5000"),
        (("a fox", "--iterations", "ten"), "whole number"),
        (("a fox", "--seed"), "--seed"),
        (("a fox", "--cutouts", "0"), "between 1 and 256"),
        (("a fox", "--learning-rate", "0"), "above 0"),
        (("a fox", "--preset", "nice"), "paper"),
        (("a fox", "--regulariser", "nice"), "linear"),
        (("a fox", "--init-image", "gone.png"), "no such file"),
        (("a fox", "--init-image", "pictures"), "directory"),
        (("a castle @hill", "--region", "hill.png"), "must look like hill=hill.png"),
        (("a castle @hill", "--region", "hill=gone.png"), "no such file"),
        (("a castle", "--region", "hill=mine.png"), "No prompt is in the region hill"),
        (("a castle @left", "--region", "left=mine.png"), 'can\'t be called "left"'),
        (("a @x", "--region", "x=mine.png", "-o", "mine.png"), "the mask of the region x"),
        (("--like", "gone.png:0.5"), "no such file"),
        (("--like", "notes.txt"), "notes.txt: That file isn't a picture"),
        (("--like", "mine.png:400"), "between -100 and 100"),
        (("--like", "mine.png", "-o", "mine.png"), "would replace the picture mine.png to paint"),
        (("--like", "https://x.example/a.png"), '"https://x.example/a.png"'),
        (("a fox", "--preview-every", "-1"), "seconds"),
        (("a fox", "--preview-every", "nan"), "seconds"),
        (("a fox", "--preview-every", "often"), "number"),
        (("a fox", "--video", "nowhere/video.mp4"), "does not exist"),
        (("a fox", "--preview", "nowhere/preview.png"), "does not exist"),
        (("a fox", "-o", "notes.txt/out.png"), "does not exist"),
        (("a fox", "-o", "pictures"), '"pictures", which is a folder; add a file name'),
        (("a fox", "-o", "."), '".", which is a folder'),
        (("a fox", "-o", ".."), '"..", which is a folder'),
        (("a fox", "--preview", "/"), '"/", which is a folder'),
        (("a fox", "-o", "nowhere/"), '"nowhere"; use a name that ends in .png'),
        (("a fox", "--ar", "1:100"), '--ar must be between 1:8 and 8:1, not "1:100"'),
        (("a fox", "--iterations", "9000"), "not 9000"),
        (("a fox", "--init-image", "https://x.example/a.png"), '"https://x.example/a.png"'),
        (("https://x.example/a.png a fox",), '"https://x.example/a.png"; download the picture'),
        (("a fox", "--strength", "0.5"), "--strength needs a picture to start from"),
        (("a fox", "--no", ""), "--no needs a value"),
        (("a fox --v 5",), "--model"),
        (("a fox", "--v", "5"), "--v is an option of other tools"),
        (("a fox", "--steps", "5"), "use --iterations"),
        (("🦊🦊",), '"fox face"'),
        (("???",), "doesn't know any word"),
        (("東京", "--model", "drawn"), "a red star on a blue background"),
        (("{a, b, c}{d, e, f}",), "more than 8 pictures"),
        (("{red, blue} fox --preset nice",), "nice"),
        (("a fox", "-o", "pictures.png"), "folder"),
        (("a fox", "-o", "out.bmp"), ".png"),
        (("a fox", "-o", "x" * 300 + ".png"), "too long"),
        (("a fox", "--video", "video.avi"), ".mp4 or .gif or .webp"),
        (("a fox", "--preview", "preview.mp4"), ".png"),
        (("a fox", "-o", "out.png", "--preview", "./out.png"), "same file"),
        (("a fox", "--init-image", "mine.png", "--preview", "mine.png"), "picture to start from"),
        (("a fox", "--init-image", "mine.png", "-o", "mine.png"), "--overwrite"),
        (("a fox", "--init-image", "mine.png", "-o", "./linked.png"), "--overwrite"),
        (("a fox", "--init-image", "moving.gif", "--video", "moving.gif"), "--overwrite"),
        (
            ("a fox", "--init-image", "mine.png", "--mask", "mask.png", "-o", "mask.png"),
            "would replace the mask",
        ),
        (("a fox", "--init-image", "mine.png", "--show-mask", "steps"), "--show-mask needs a mask"),
        (("a fox", "--init-image", "mine.png", "--show-mask", "a/b"), "which is not a folder"),
        (("a fox", "--init-image", "mine.png", "--show-mask", "mine.png"), "which is not a folder"),
        (
            ("a fox", "--init-image", "pictures/4-mask.png", "--show-mask", "pictures"),
            "--show-mask would replace the picture to start from",
        ),
    ],
)
def test_every_other_error_is_one_sentence_too(catalogue, folder, run_here, arguments, part):
    (folder / "pictures.png").mkdir()
    (folder / "linked.png").symlink_to("mine.png")
    Image.new("L", (30, 20), 255).save(folder / "mask.png")
    Image.new("L", (30, 20), 255).save(folder / "moving.gif")
    Image.new("L", (30, 20), 255).save(folder / "pictures" / "4-mask.png")
    before = contents(folder)
    assert_refused(run_here(catalogue, *arguments), part)
    assert contents(folder) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_refused(catalogue, folder):
    (folder / "pictures").chmod(0o500)
    done = run(catalogue, folder, "a fox", *TINY, "-o", "pictures/out.png")
    assert_refused(done, "allow it")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--model", "nobody"), "tiny"),
        (("--model", "tiny/nobody"), "ViT-B-32"),
        (("--model", "torn"), "torn.pt"),
        (("--model", "gone"), "gone.pt"),
        (("--model", "odd"), "colour"),
        (("--model", "imagenet-16384"), "imagine-models get imagenet-16384"),
        ((*TINY, "--device", "abacus"), "cpu"),
    ],
)
def test_an_unusable_model_is_one_sentence(catalogue, folder, run_here, arguments, part):
    before = contents(folder)
    assert_refused(run_here(catalogue, "a fox", *arguments, *OUTPUTS), part)
    assert contents(folder) == before
