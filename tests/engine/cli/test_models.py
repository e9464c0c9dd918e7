import json
import os
import re
from typing import Any

import pytest
from safetensors.torch import save_file

from engine.models.catalogue import load_catalogue, user_catalogue
from engine.models.loading import load_models
from engine.models.perceptors.clip_architecture import PUBLISHED, Published
from tests.checkpoints import OPEN_CLIP_HEADS, open_clip_config, open_clip_state
from tests.engine.models.autoencoders import write_kl, write_taesd
from tests.engine.models.libraries import piece_packages
from tests.engine.models.perceptor_files import write_siglip, write_transformers_clip

ONE_SENTENCE = 400  # characters; a traceback is longer


def test_list_shows_models_sizes_and_licences(command, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, _ = command("list")
    assert code == 0
    for words in (
        "imagenet-16384",
        "ViT-B-32",
        "1,334 MB",
        "MIT (openai/CLIP)",
        "RN50",
        str(tmp_path / "downloads"),
    ):
        assert words in out


@pytest.mark.slow
def test_check_paints_with_every_model_on_this_machine_and_with_no_other(command, published):
    code, out, err = command("check")
    assert code == 0, err
    included = ("natural", "natural-fourier", "natural-pixels", "natural-curves", "drawn")
    assert out.splitlines() == [f"{name}: OK" for name in included]


def test_list_shows_one_model_before_and_after_its_download(command, published):
    assert command("list", "tiny")[1].splitlines()[-2:] == [
        "size: 0 MB, all to download",
        "licence: not given",
    ]
    assert "memory" not in command("list", "imagenet-16384")[1]
    assert "size: 1,334 MB, all to download" in command("list", "imagenet-16384")[1]


def test_get_downloads_a_model_and_check_finds_it_intact(command, published, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    published.cuts = [None, 100_000]
    code, out, err = command("get", "tiny")
    assert (code, out) == (0, 'tiny is ready: imagine --model tiny "..."\n'), err
    names = sorted(p.name for p in (tmp_path / "downloads").iterdir() if p.suffix != ".lock")
    assert names == [
        "tiny.ckpt",
        "tiny.ckpt.sha256",
        "tiny.pt",
        "tiny.pt.sha256",
        "tiny.yaml",
        "tiny.yaml.sha256",
    ]
    code, out, _ = command("check", "tiny")
    assert (code, out) == (0, "tiny: OK\n")
    row = next(line for line in command("list")[1].splitlines() if line.startswith(" tiny"))
    assert row.split() == [*("tiny", "taming-vq", "tiny", "tiny", "16", "MB", "not", "given")]


def test_check_reports_a_changed_file_and_get_replaces_it(command, published, tmp_path):
    command("get", "tiny")
    path = tmp_path / "downloads" / "tiny.pt"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    code, _, err = command("check", "tiny")
    assert code == 1
    assert "SHA-256" in err
    assert command("get", "tiny")[0] == 0
    assert command("check", "tiny")[0] == 0


def test_add_accepts_the_user_s_own_model_and_check_verifies_its_files(command, tiny_files):
    checkpoint, config, clip = tiny_files
    given = ("--generator", os.path.relpath(checkpoint), "--config", config, "--perceptor", clip)
    code, out, err = command("add", "mine", *given)
    assert code == 0, err
    assert "mine was added to" in out
    assert command("check", "mine")[:2] == (0, "mine: OK\n")
    code, _, err = command("add", "mine", *given)
    assert code == 2
    assert "is taken" in err
    config.write_text(config.read_text() + "# changed\n")
    code, _, err = command("check", "mine")
    assert code == 1
    assert "has changed since it was added" in err


def test_add_accepts_the_name_of_a_perceptor(command, tiny_files):
    checkpoint, config, _ = tiny_files
    assert (
        command(
            "add", "mine", "--generator", checkpoint, "--config", config, "--perceptor", "RN50"
        )[0]
        == 0
    )
    code, _, err = command("check", "mine")
    assert code == 1
    assert "imagine-models get mine" in err


def test_add_takes_several_perceptors_with_weights(command, tiny_files):
    clip = tiny_files[2]
    given = ("--generator", "pixels", "--perceptor", clip, "--perceptor", "drawn:0.5")
    code, _, err = command("add", "both", *given)
    assert (code, err) == (0, "")
    entry = load_catalogue().model("both")
    assert [(part.name, weight) for part, weight in entry.guides] == [("both", 1), ("drawn", 0.5)]
    code, out, _ = command("list", "both")
    assert code == 0
    assert "perceptor 1: both (openai-clip), weight 1\n" in out
    assert "perceptor 2: small CLIP of a drawn world (openai-clip), weight 0.5\n" in out
    names = ("--perceptor", "drawn:2,natural", "--perceptor", "RN50:.5")
    assert command("add", "named", "--generator", "pixels", *names)[0] == 0
    named = load_catalogue().model("named")
    weights = {part.name: weight for part, weight in named.guides}
    assert weights == {"drawn": 2, "natural": 1, "RN50": 0.5}
    for wrong, says in (
        (("--perceptor", clip, "--perceptor", clip), "Only one of the perceptors can be a file"),
        (("--perceptor", clip, "--perceptor", "RN50:0"), "RN50 must be above 0"),
        (("--perceptor", "RN50", "--perceptor", "RN50:2"), "named twice"),
    ):
        code, _, err = command("add", "third", "--generator", "pixels", *wrong)
        assert code == 2
        assert says in " ".join(err.split())
    assert "third" not in load_catalogue().models


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (write_kl, "diffusers"),
        (write_taesd, "taesd"),
    ],
)
def test_add_recognises_each_kind_check_paints_with_it_and_list_names_it(
    command, tiny_files, tmp_path, monkeypatch, write, kind
):
    monkeypatch.setenv("COLUMNS", "200")
    path, clip = write(tmp_path / "theirs"), tiny_files[2]
    code, _, err = command("add", "mine", "--generator", path, "--perceptor", clip)
    assert code == 0, err
    set_defaults(width=64, height=64, cutouts=2)
    assert command("check", "mine")[:2] == (0, "mine: OK\n")
    out = command("list", "mine")[1]
    facts = dict(line.split(": ", 1) for line in out.splitlines())
    assert (facts["kind"], facts["generator"]) == (kind, "mine")
    assert re.fullmatch(r"\d+ MB", facts["size"])
    assert re.fullmatch(
        r"\d\.\d\d GB for 64x64, or \d\.\d\d GB if it has to be slower", facts["memory"]
    )


@pytest.mark.parametrize(
    ("write", "kind", "files"),
    [(write_transformers_clip, "transformers-clip", 3), (write_siglip, "siglip", 5)],
)
def test_add_recognises_each_kind_of_perceptor_and_check_verifies_all_its_files(
    command, tmp_path, monkeypatch, write, kind, files
):
    monkeypatch.setenv("COLUMNS", "200")
    if kind == "siglip":
        piece_packages()
    folder = write(tmp_path / "theirs")
    code, _, err = command("add", "mine", "--generator", "pixels", "--perceptor", folder)
    assert code == 0, err
    set_defaults(width=32, height=32, cutouts=2)
    entry = load_catalogue().model("mine").perceptor
    assert (entry.kind_name, len(entry.files)) == (kind, files)
    assert all(source.sha256 for source in entry.files.values())
    assert command("check", "mine")[:2] == (0, "mine: OK\n")
    out = command("list", "mine")[1]
    assert f"perceptor's kind: {kind}\n" in out
    assert "memory: 0." in out
    for source in entry.files.values():
        path = folder / source.file
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        code, _, err = command("check", "mine")
        assert code == 1
        assert f"{path.name} has changed since it was added" in err
        path.write_bytes(content)


def set_defaults(**values):
    """Give the last model in the user's catalogue these defaults."""
    file = user_catalogue()
    text = file.read_text()
    head = text[: text.rindex(".defaults]")]
    lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
    file.write_text("\n".join([f"{head}.defaults]", *lines, ""]))


def test_check_reports_a_model_that_loads_but_does_not_paint(command, tiny_files):
    checkpoint, config, clip = tiny_files
    command("add", "mine", "--generator", checkpoint, "--config", config, "--perceptor", clip)
    set_defaults(width=32, height=32, speed=3)
    code, _, err = command("check", "mine")
    assert code == 1
    assert err.startswith("mine: The catalogue's defaults for the model mine can't be used")


def test_add_takes_a_generator_of_the_catalogue(command, tiny_files):
    clip = tiny_files[2]
    assert command("add", "mine", "--generator", "pixels", "--perceptor", clip)[0] == 0
    entry = load_catalogue().model("mine")
    assert entry.generator.kind_name == "pixels"
    assert entry.perceptor.files["checkpoint"].path == clip
    code, _, err = command("add", "other", "--generator", "pixel", "--perceptor", clip)
    assert code == 2
    assert "can't be read" in err
    given = ("--generator", "pixels", "--config", tiny_files[1], "--perceptor", clip)
    code, _, err = command("add", "other", *given)
    assert code == 2
    assert "The generator pixels is in the catalogue, which has its config" in err


def given_clip(tiny_files, tmp_path, name="clip.safetensors"):
    """Options for a CLIP by OpenCLIP in a folder of its own, and the CLIP's path."""
    checkpoint, config, _ = tiny_files
    path = tmp_path / "clip" / name
    path.parent.mkdir()
    save_file(open_clip_state(), path)
    return ("--generator", checkpoint, "--config", config, "--perceptor", path), path


def test_add_asks_for_what_an_openclip_file_does_not_show(command, tiny_files, tmp_path):
    given, path = given_clip(tiny_files, tmp_path)
    code, out, err = command("add", "mine", *given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(path) in err
    assert "--perceptor-config" in err
    assert len(err) < ONE_SENTENCE + len(str(path))
    config = tmp_path / "ViT-tiny.json"
    config.write_text(json.dumps(open_clip_config()))
    code, _, err = command("add", "mine", *given, "--perceptor-config", config)
    assert code == 0, err
    assert command("check", "mine")[:2] == (0, "mine: OK\n")
    config.write_text(json.dumps(open_clip_config(quick_gelu=True)))
    assert "has changed since it was added" in command("check", "mine")[2]


def test_add_finds_the_config_next_to_an_openclip_file(command, tiny_files, tmp_path):
    given, path = given_clip(tiny_files, tmp_path)
    config = path.with_name("open_clip_config.json")
    config.write_text(json.dumps({"model_cfg": open_clip_config(), "preprocess_cfg": {}}))
    assert command("add", "mine", *given)[0] == 0
    assert load_catalogue().perceptors["mine"].files["config"].path == config
    perceptor: Any = load_models("mine", device="cpu").perceptor
    assert perceptor.clip.visual.transformer.resblocks[0].attn.num_heads == OPEN_CLIP_HEADS


def test_add_stores_what_its_options_say(command, tiny_files, tmp_path, monkeypatch):
    monkeypatch.setitem(PUBLISHED, "ViT-tiny-8", Published(24, 8, 80, 2, OPEN_CLIP_HEADS, 64, 2))
    given, _ = given_clip(tiny_files, tmp_path)
    options = ("--architecture", "ViT-tiny-8", "--no-quick-gelu", "--normalisation", "inception")
    code, _, err = command("add", "mine", *given, *options)
    assert code == 0, err
    assert load_catalogue().perceptors["mine"].settings == {
        "architecture": "ViT-tiny-8",
        "quick_gelu": False,
        "normalisation": "inception",
    }
    assert load_models("mine", device="cpu").perceptor.mean.flatten().tolist() == [0.5] * 3
    for wrong, says in (
        (("--architecture", "ViT-X"), "no architecture called 'ViT-X'"),
        (("--normalisation", "none"), "`normalisation` must be one of"),
        (("--architecture", "ViT-tiny-8"), "`quick_gelu`"),
    ):
        code, out, err = command("add", "other", *given, *wrong)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert says in err


def test_options_about_a_perceptor_are_refused_for_one_of_the_catalogue(command, tiny_files):
    checkpoint, config, _ = tiny_files
    given = ("--generator", checkpoint, "--config", config, "--perceptor", "RN50")
    code, _, err = command("add", "mine", *given, "--quick-gelu")
    assert code == 2
    assert "is in the catalogue, which has its settings" in err


def test_invalid_models_are_refused_with_a_sentence_and_not_added(
    command, tiny_files, own_catalogue
):
    checkpoint, config, clip = tiny_files
    for generator, yaml, perceptor in (
        (clip, config, clip),
        (checkpoint, checkpoint, clip),
        (checkpoint, config, checkpoint),
        (checkpoint, config, "RN51"),
        (checkpoint.with_name("nowhere"), config, clip),
    ):
        code, out, err = command(
            "add", "mine", "--generator", generator, "--config", yaml, "--perceptor", perceptor
        )
        assert (code, out) == (2, "")
        assert err.startswith("imagine-models: ")
        assert err.count("\n") == 1
        assert len(err) < ONE_SENTENCE
    assert not own_catalogue.exists()


def test_an_unknown_model_is_refused_with_the_known_names(command):
    for words in (("get", "imagnet"), ("check", "imagnet")):
        code, out, err = command(*words)
        assert (code, out) == (2, "")
        assert "choose one of natural" in err


def test_a_dead_address_is_refused_and_leaves_nothing(command, published, tmp_path):
    published.files.clear()
    code, _, err = command("get", "tiny")
    assert code == 2
    assert "answers 404" in err
    assert "Traceback" not in err
    assert [p for p in (tmp_path / "downloads").iterdir() if p.suffix != ".lock"] == []
