"""The text tower's corpus and start, drawn beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from engine.models.perceptors.text_tower import TextTower, TowerSizes
from tests.training.words.conftest import eight_sentences
from training.words import beforehand
from training.words.beforehand import draw_words, load_words
from training.words.corpus.prepare import Prepared, tokenise
from training.words.natural import Distillation, Distiller
from training.words.tower import pad
from training.words.validate import validate


def tower_of(rows: torch.Tensor) -> TextTower:
    """A tower with rows for all tokens, as it begins from the teacher."""
    torch.manual_seed(0)
    return TextTower(TowerSizes(len(rows), inner=64, layers=1), rows).eval()


def as_dict(corpus: Prepared) -> dict[tuple[int, ...], list[int]]:
    """The numbers of the sentences with the same tokens."""
    found: dict[tuple[int, ...], list[int]] = {}
    for number, tokens in enumerate(corpus.tokens.split(corpus.lengths.tolist())):
        found.setdefault(tuple(tokens.tolist()), []).append(number)
    return found


def drawn(corpus: Prepared, into: Path, most_bytes: int = 10**7, seed: int = 1) -> int:
    everything = torch.arange(49408)
    rows = corpus.tokens.unique().long()
    return draw_words(corpus, tower_of(everything), rows, into, most_bytes=most_bytes, seed=seed)


def test_sentences_are_read_back_with_little_noise(tmp_path: Path, sentences: Prepared) -> None:
    vectors = sentences.vectors.clone()
    vectors[2] = 0  # not read by the teacher
    corpus = replace(sentences, vectors=vectors)
    assert drawn(corpus, tmp_path) == 8
    again, _, _ = load_words(tmp_path)
    mine, theirs = as_dict(corpus), as_dict(again)
    assert mine.keys() == theirs.keys()
    for tokens, (number,) in mine.items():
        (other,) = theirs[tokens]
        assert again.held_out[other] == corpus.held_out[number]
        assert again.kinds[other] == corpus.kinds[number]
        torch.testing.assert_close(
            again.weights[other], corpus.weights[number], atol=0.003, rtol=0.0
        )
        used = corpus.weights[number] > 0
        assert again.classes[other][used].equal(corpus.classes[number][used])
        if number == 2:
            assert not again.vectors[other].any()
        else:
            likeness = F.cosine_similarity(
                again.vectors[other].float(), vectors[number].float(), dim=0
            )
            assert likeness > 0.98


def test_the_tower_begins_as_the_whole_one(tmp_path: Path, sentences: Prepared) -> None:
    drawn(sentences, tmp_path)
    _, tower, rows = load_words(tmp_path)
    assert rows.equal(sentences.tokens.unique().long())
    whole = tower_of(torch.arange(49408))
    ids, mask = pad([tokenise("two wolves and a fox"), tokenise("a red fox")])
    expected = whole(ids, mask)
    error = (tower.eval()(ids, mask) - expected).square().mean().sqrt()
    assert error < 0.02 * expected.std()
    assert tower.knows(pad([tokenise("a toaster")])[0]).tolist() == [[True, True, False, True]]


def of_texts(texts: list[str]) -> Prepared:
    """A corpus of such texts, all of them to train on."""
    tokens = [tokenise(text) for text in texts]
    count = len(texts)
    return Prepared(
        torch.tensor([token for each in tokens for token in each], dtype=torch.int32),
        torch.tensor([len(each) for each in tokens]),
        torch.zeros(count, 2, dtype=torch.int16),
        torch.tensor([[1.0, 0.0]] * count).half(),
        torch.zeros(count, 384).half(),
        torch.zeros(count, dtype=torch.bool),
        ["noun"] * count,
        texts,
    )


@pytest.mark.parametrize("seed", range(3))
def test_of_few_sentences_those_with_rare_tokens_come_first(seed: int) -> None:
    corpus = of_texts(["a wolf"] * 60 + ["two foxes"] + ["a fox"] * 60 + ["a wolf at night"])
    order = beforehand._order(corpus, seed)
    assert sorted(order.tolist()) == list(range(122))
    first = {corpus.texts[number] for number in order[:5].tolist()}
    assert {"two foxes", "a wolf at night"} <= first
    later = {corpus.texts[number] for number in order[5:20].tolist()}
    assert later == {"a wolf", "a fox"}


def test_as_many_are_drawn_as_fit(
    tmp_path: Path, sentences: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beforehand, "_CHUNK", 1)
    drawn(sentences, tmp_path)
    sizes = [each.stat().st_size for each in sorted(tmp_path.glob("chunk-*.npz"))]
    start = (tmp_path / "start.npz").stat().st_size
    assert drawn(sentences, tmp_path, start + sum(sizes[:3]) + 10) == 3
    assert len(load_words(tmp_path)[0].lengths) == 3
    with pytest.raises(ValueError, match="raise --words-megabytes"):
        drawn(sentences, tmp_path, start)
    with pytest.raises(FileNotFoundError):
        load_words(tmp_path)


def draw_eight_sentences(into: Path) -> None:
    drawn(eight_sentences(), into)


def test_the_tower_learns_from_them(tmp_path: Path) -> None:
    draw_eight_sentences(tmp_path)
    sentences, tower, _ = load_words(tmp_path)
    distiller = Distiller(tower, sentences, Distillation(steps=20, batch=7, warmup=2))
    losses = [distiller.step()["divergence"] for _ in range(20)]
    assert losses[-1] < 0.6 * losses[0]
    assert validate(tower, sentences)["class"].count == 1
