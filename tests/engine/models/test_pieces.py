"""Tokenizers that come with a model."""

import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import CheckpointError, InstallationError
from engine.models import packages
from engine.models.pieces import cleaned, read_pieces
from tests.engine.models.libraries import piece_packages
from tests.engine.models.perceptor_files import gemma_tokenizer, t5_tokenizer


@pytest.fixture(autouse=True)
def packages_are_there():
    piece_packages()


def write(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def spiece(tmp_path_factory):
    """SentencePiece's own file, trained on a few words, with T5's special pieces."""
    piece_packages()
    sentencepiece = packages.piece_package("sentencepiece")
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a red fox in the snow", "the fox and the sea"] * 20),
        model_writer=model,
        vocab_size=30,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("pieces") / "spiece.model"
    path.write_bytes(model.getvalue())
    return path


def test_sentencepiece_s_file_gives_its_own_pieces(spiece):
    processor = packages.piece_package("sentencepiece").SentencePieceProcessor(str(spiece))
    pieces = read_pieces(spiece, "canonicalize")
    assert pieces.encode("The FOX, in the snow!") == processor.encode("the fox in the snow")
    assert pieces.piece_id("</s>") == 1
    assert pieces.piece_id("nothing") is None
    reading = pieces.read("a 東京 fox")
    assert reading.unknown == ("東京",)
    assert list(reading.tokens) == processor.encode("a fox")
    assert not pieces.read("東京").meaningful


def test_a_json_file_gives_pieces_and_what_is_around_a_text(tmp_path):
    t5 = read_pieces(write(tmp_path / "tokenizer.json", t5_tokenizer()), "whitespace")
    assert t5.encode("a  red fox") == [3, 4, 5]
    assert (t5.start, t5.end, t5.unknown) == ((), (1,), 2)
    gemma = read_pieces(write(tmp_path / "tokenizer.json", gemma_tokenizer()), "lower")
    assert gemma.encode("A") == [5]
    assert (gemma.start, gemma.end, gemma.unknown) == ((), (), None)
    assert gemma.read("a 東京").unknown == ()


@pytest.mark.parametrize(
    ("name", "package"), [("tokenizer.json", "tokenizers"), ("spiece.model", "sentencepiece")]
)
def test_without_a_package_it_says_which_extra_to_install(tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)  # importing it fails
    with pytest.raises(InstallationError, match=rf"{package}.* 'imagine-bot\[siglip\]'"):
        read_pieces(write(tmp_path / name, t5_tokenizer()), "lower")


@settings(max_examples=20)
@given(st.text(max_size=30))
def test_any_text_is_read(text):
    for how in ("canonicalize", "lower", "whitespace"):
        plain = cleaned(text, how)
        assert plain == " ".join(plain.split())


@pytest.mark.parametrize("name", ["tokenizer.json", "spiece.model"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": {"type": "Nothing"}}', "\x00\xff"])
def test_another_file_is_refused_with_a_sentence(tmp_path, name, content):
    path = tmp_path / name
    with pytest.raises(CheckpointError, match="is not a tokenizer"):
        read_pieces(path, "lower")
    path.write_text(content)
    with pytest.raises(CheckpointError, match="is not a tokenizer; use the"):
        read_pieces(path, "lower")
