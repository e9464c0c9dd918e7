"""What a model knows, read without torch, agrees with the model itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from engine import imagine
from engine.errors import RequestError
from engine.models import load_models
from engine.models.catalogue import load_catalogue, models_folder
from engine.models.reading import Vocabulary
from engine.models.vocabulary import check_words, vocabulary_of
from engine.request.from_text import request_from_text
from tests.checkpoints import write_clip_archive
from tests.engine.models.libraries import piece_packages
from tests.engine.models.perceptor_files import write_open_clip_siglip


def entry(name):
    return load_catalogue().model(name)


def check(text, model, **values):
    return check_words(request_from_text(text, **values), entry(model), models_folder())


@pytest.mark.parametrize("name", ["natural", "drawn"])
def test_it_is_the_models_own(name):
    known = load_models(name, device="cpu").perceptor.vocabulary.known
    assert known
    assert vocabulary_of(entry(name), models_folder()).known == known


def test_reading_it_does_not_load_torch():
    code = (
        "import sys\n"
        "from engine.models.catalogue import load_catalogue, models_folder\n"
        "from engine.models.vocabulary import vocabulary_of\n"
        "read = vocabulary_of(load_catalogue().model('drawn'), models_folder()).read('a fox 狐')\n"
        "assert read.unknown == ('狐',), read\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class Hostile:
    def __reduce__(self):
        return exec, ("raise SystemExit('the file was run')",)


@pytest.mark.parametrize(
    "content", ["TorchScript", "no rows", "not a zip", "code", "cut", "missing"]
)
def test_other_checkpoints_know_all_words(tmp_path, content, monkeypatch):
    path = tmp_path / "clip.pt"
    if content == "TorchScript":
        write_clip_archive(path)
    elif content in ("no rows", "cut"):
        torch.save({"a.weight": torch.zeros(2, 2)}, path)
        if content == "cut":
            path.write_bytes(path.read_bytes()[:200])
    elif content == "code":
        torch.save({"text.rows": Hostile()}, path)
    elif content == "not a zip":
        path.write_bytes(b"no checkpoint")
    catalogue = tmp_path / "models.toml"
    catalogue.write_text(
        '[perceptors.own]\ncheckpoint = { path = "clip.pt" }\n'
        '[models.own]\ngenerator = "drawn"\nperceptor = "own"\n'
    )
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    assert vocabulary_of(entry("own"), models_folder()) == Vocabulary()


def test_a_model_with_a_tokenizer_of_its_own_knows_what_that_has_pieces_for(tmp_path, monkeypatch):
    piece_packages()
    roles = {
        "checkpoint": "open_clip_model.safetensors",
        "config": "open_clip_config.json",
        "tokenizer": "tokenizer.json",
        "tokenizer_config": "tokenizer_config.json",
    }
    write_open_clip_siglip(tmp_path)
    files = "".join(f'{role} = {{ path = "{name}" }}\n' for role, name in roles.items())
    (tmp_path / "models.toml").write_text(
        f'[perceptors.own]\nkind = "siglip"\n{files}'
        '[models.own]\ngenerator = "drawn"\nperceptor = "own"\n'
    )
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(tmp_path / "models.toml"))
    (notice,) = check("a fox, 東京", "own")
    assert str(notice) == 'This model doesn\'t know "東京", so it is ignored.'
    with pytest.raises(RequestError, match="doesn't know any word"):
        check("東京", "own")
    loaded = load_models("own", device="cpu").perceptor.vocabulary.read("a fox, 東京")
    read = vocabulary_of(entry("own"), models_folder()).read("a fox, 東京")
    assert loaded.unknown == read.unknown == ("東京",)
    (tmp_path / "tokenizer.json").write_text("broken")
    assert vocabulary_of(entry("own"), models_folder()) == Vocabulary()
    (tmp_path / "tokenizer.json").unlink()
    assert vocabulary_of(entry("own"), models_folder()) == Vocabulary()


def test_a_changed_checkpoint_is_read_again(tmp_path, monkeypatch):
    catalogue = tmp_path / "models.toml"
    catalogue.write_text(
        '[perceptors.own]\ncheckpoint = { path = "own.pt" }\n'
        '[models.own]\ngenerator = "drawn"\nperceptor = "own"\n'
    )
    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    for rows in ([1, 5, 7], [2]):
        both = torch.tensor([0, *rows, 9])  # a part of a storage
        torch.save({"token_embedding.rows": both[1:-1]}, tmp_path / "own.pt")
        assert vocabulary_of(entry("own"), models_folder()).known == frozenset(rows)


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("a red fox", ()),
        ("a 東京 castle", ("東京",)),
        ("a 🦊 castle 👩‍🚀", ("🦊", "👩‍🚀")),
        ("a café", ()),
        ("an œuvre", ("œuvre",)),
    ],
)
def test_unknown_words_are_named_once_with_emoji_among_them(text, unknown):
    assert (
        vocabulary_of(entry("natural"), models_folder()).read(f"{text} {text}").unknown == unknown
    )


def test_nothing_of_an_unknown_word_is_read():
    drawn = vocabulary_of(entry("drawn"), models_folder())
    assert drawn.read("Baba Yaga's fox").tokens == drawn.read("fox").tokens


@pytest.mark.parametrize("model", ["natural", "drawn", "imagenet-16384"])
@pytest.mark.parametrize("text", ["???", '"..."', "the of", "+ - ! + ?"])
def test_a_prompt_without_words_is_refused_by_every_model(model, text):
    with pytest.raises(RequestError, match="doesn't know any word"):
        check(text, model)


@pytest.mark.parametrize(
    ("text", "model", "parts"),
    [
        ("🦊🦊 👩‍🚀", "natural", ['"fox face"', '"woman, rocket"', "a red fox in the snow"]),
        ("東京", "natural", ["東京", "reads English words", "a red fox in the snow"]),
        ("a hippogriff", "drawn", ["a hippogriff", "only knows some", "a red star on"]),
    ],
)
def test_a_prompt_of_unknown_words_is_refused_with_examples(text, model, parts):
    with pytest.raises(RequestError) as refusal:
        check(text, model)
    for part in parts:
        assert part in str(refusal.value)


def test_the_examples_are_known():
    for model in load_catalogue().models.values():
        for example in model.examples:
            assert vocabulary_of(model, models_folder()).read(example).unknown == ()


def test_unknown_words_among_others_are_a_notice():
    assert check("a 🦊 castle + 東京", "natural") == (
        'This model doesn\'t know 🦊 (fox face), "東京", so they are ignored.',
    )
    assert check("a fox", "natural") == ()
    assert check("🦊", "imagenet-16384") == ()


def test_the_words_of_where_are_checked():
    with pytest.raises(RequestError, match="東京"):
        check("a fox", "natural", init_image="0" * 64, where="東京")


def test_the_library_refuses_them_too():
    with pytest.raises(RequestError, match="doesn't know any word"):
        imagine("東京", model="drawn", device="cpu")


def test_nothing_is_said_about_words_that_change_nothing():
    assert check("東京", "natural", init_image="0" * 64, strength=0) == ()
