"""A corpus in the tiny WordNet; the teacher is a stand-in that hashes words."""

import zlib
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from training.words.corpus import classes, knowledge, phrases, sentences
from training.words.corpus.classes import ImageClass
from training.words.corpus.knowledge import Knowledge
from training.words.corpus.reading import Reader
from training.words.corpus.sentences import Composer, Corpus, Sizes, Subject, is_held_out
from training.words.corpus.wordnet import WordNet


class HashingTeacher:
    """Sums a random vector for each word."""

    def encode(self, texts: Sequence[str]) -> Tensor:
        vectors = torch.stack(
            [sum((self.word(word) for word in text.split()), torch.zeros(16)) for text in texts]
        )
        return torch.nn.functional.normalize(vectors + 1e-3, dim=1)

    def word(self, word: str) -> Tensor:
        draw = torch.Generator().manual_seed(zlib.crc32(word.encode()))
        return torch.randn(16, generator=draw)


@pytest.fixture
def knows(wordnet: WordNet, monkeypatch: pytest.MonkeyPatch) -> Knowledge:
    few = (
        ImageClass(269, 300, "wolf"),
        ImageClass(134, 400, "crane (bird)"),
        ImageClass(517, 500, "crane (machine)"),
    )
    scenes = {"snow": torch.eye(1000)[970]}
    for module in (classes, knowledge, sentences):
        monkeypatch.setattr(module, "image_classes", lambda: few)
    monkeypatch.setattr(knowledge, "read_scenes", lambda: scenes)
    return Knowledge(wordnet, HashingTeacher())  # type: ignore[arg-type]


@pytest.fixture
def meanings(knows: Knowledge) -> dict[int, Tensor]:
    synsets = list(knows.wordnet.nouns.values())
    return dict(zip([each.offset for each in synsets], knows.of_synsets(synsets), strict=True))


@pytest.fixture
def examples(knows: Knowledge, meanings: dict[int, Tensor]):
    sizes = Sizes(
        a_class=200, a_broader_term=5, a_scene=3, nouns=20, pairs=30, glosses=5, open_glosses=3
    )
    return list(Corpus(knows, meanings, sizes, seed=3).examples(["a prompt"]))


def test_meanings_sum_to_one(meanings: dict[int, Tensor], examples):
    for meaning in meanings.values():
        assert meaning.sum().item() == pytest.approx(1, abs=1e-5)
    for each in examples:
        if each.meaning is not None:
            assert each.meaning.sum().item() == pytest.approx(1, abs=1e-4), each.text


def test_a_synset_that_is_a_class_means_it_and_one_above_means_those_below(meanings):
    assert meanings[300][269] == 1
    assert meanings[200][[269, 134]].sum() == pytest.approx(1)
    assert meanings[200][517] == 0


def test_held_out_pairs_are_never_trained_on(examples):
    """Patterns that have no slot but the noun can be told from the text."""
    plain = [each for each in phrases.PLAIN if "{n}" in each]
    held_out = {each.format(n="wolf") for each in plain if is_held_out(269, each)}
    told = {each.text for each in examples if each.kind == "class" and not each.held_out}
    assert held_out
    assert not held_out & told
    assert held_out & {each.text for each in examples if each.held_out}


def test_about_a_fifth_is_held_out():
    pairs = [is_held_out(index, pattern) for index in range(200) for pattern in phrases.PLAIN]
    assert np.mean(pairs) == pytest.approx(0.2, abs=0.02)


def test_the_corpus_follows_from_its_seed(knows: Knowledge, meanings: dict[int, Tensor]):
    sizes = Sizes(a_class=5, a_broader_term=1, a_scene=1, nouns=5, pairs=5, glosses=2)
    first, again = (
        [each.text for each in Corpus(knows, meanings, sizes, seed=3).examples()] for _ in range(2)
    )
    assert first == again


def test_a_place_that_is_a_class_takes_its_share(knows: Knowledge, meanings):
    composer = Composer(knows, Reader(knows, meanings), np.random.default_rng(0))
    composer.meanings = dict.fromkeys(phrases.PLACES, torch.eye(1000)[978])
    wolf = Subject("wolf", torch.eye(1000)[269])
    composed = composer.compose(wolf, "{a} {place}")
    assert composed is not None
    assert composed[1][[269, 978]].tolist() == pytest.approx([0.8, 0.2])


def test_two_things_mean_half_each(knows: Knowledge, meanings):
    composer = Composer(knows, Reader(knows, meanings), np.random.default_rng(0))
    composed = composer.compose(
        Subject("wolf", torch.eye(1000)[269]), "{a} and {b}", Subject("ox", torch.eye(1000)[345])
    )
    assert composed is not None
    assert composed[0] == "a wolf and an ox"
    assert composed[1][[269, 345]].tolist() == [0.5, 0.5]


def test_the_reader_weighs_the_head_of_a_phrase_most(knows: Knowledge, meanings):
    reader = Reader(knows, meanings)
    assert reader.nouns("the wolves in the snow") == [("wolf", 1.0), ("snow", 0.35)]
    assert reader.nouns("a beast crane") == [("beast", 0.2), ("crane", 1.0)]
    assert reader.nouns("a red painting of a wading bird") == [("wading bird", 1.0)]


@pytest.mark.parametrize(
    ("noun", "article", "several"),
    [
        ("fox", "a fox", "foxes"),
        ("owl", "an owl", "owls"),
        ("unicycle", "a unicycle", "unicycles"),
        ("hourglass", "an hourglass", "hourglasses"),
        ("daisy", "a daisy", "daisies"),
        ("wolf", "a wolf", "wolves"),
        ("grey wolf", "a grey wolf", "grey wolves"),
        ("hay", "hay", "hay"),
    ],
)
def test_articles_and_plurals(noun: str, article: str, several: str):
    assert phrases.with_article(noun) == article
    assert phrases.plural(noun, {"wolf": "wolves"}) == several
