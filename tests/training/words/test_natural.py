from pathlib import Path

import pytest
import torch

from engine.models.perceptors.text_tower import TextTower, TowerSizes
from training.common.stage import resume, run_stage
from training.words.corpus.prepare import Prepared, tokenise
from training.words.natural import Distillation, Distiller, divergence, export, load_exported
from training.words.tower import pad
from training.words.validate import validate

SETTINGS = Distillation(steps=6, batch=3, warmup=2, seed=5)


@pytest.fixture
def rows(sentences: Prepared) -> torch.Tensor:
    return sentences.tokens.unique().long()


def new_tower(rows: torch.Tensor) -> TextTower:
    torch.manual_seed(0)
    return TextTower(TowerSizes(len(rows), inner=64, layers=1), rows)


def test_logits_for_each_class(rows: torch.Tensor):
    ids, mask = pad([tokenise("a red fox"), tokenise("wolves at night in the snow")])
    assert new_tower(rows)(ids, mask).shape == (2, 1000)


def test_padding_does_not_change_the_answer(rows: torch.Tensor):
    tower = new_tower(rows).eval()
    alone = tower(*pad([tokenise("a fox")]))
    ids, mask = pad([tokenise("a fox"), tokenise("a red fox in the snow and two wolves")])
    torch.testing.assert_close(tower(ids, mask)[:1], alone, rtol=1e-4, atol=1e-5)


def test_a_word_without_a_row_is_unknown(rows: torch.Tensor):
    tower = new_tower(rows)
    ids, _ = pad([tokenise("a fox"), tokenise("a toaster")])
    assert tower.knows(ids).tolist() == [[True] * 4, [True, True, False, True]]


def test_divergence_is_zero_for_equal_meanings():
    classes, weights = torch.tensor([[3, 5]]), torch.tensor([[0.25, 0.75]])
    logits = torch.full((1, 1000), -50.0)
    logits[0, classes[0]] = weights[0].log()
    assert divergence(logits, classes, weights).item() == pytest.approx(0, abs=1e-5)
    assert divergence(torch.zeros(1, 1000), classes, weights).item() > 5


def test_resumed_training_gives_the_same_weights(sentences: Prepared, rows: torch.Tensor):
    whole = Distiller(new_tower(rows), sentences, SETTINGS)
    for _ in range(6):
        whole.step()
    first = Distiller(new_tower(rows), sentences, SETTINGS)
    for _ in range(3):
        first.step()
    second = Distiller(TextTower(first.tower.sizes, rows), sentences, SETTINGS)
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        second.step()
    for one, other in zip(whole.tower.parameters(), second.tower.parameters(), strict=True):
        assert torch.equal(one, other)


def test_held_out_sentences_are_in_no_batch(sentences: Prepared, rows: torch.Tensor):
    distiller = Distiller(new_tower(rows), sentences, SETTINGS)
    assert (len(sentences.texts) - 1) not in distiller.trained.tolist()


def test_a_few_steps_learn(sentences: Prepared, rows: torch.Tensor):
    distiller = Distiller(new_tower(rows), sentences, Distillation(steps=30, batch=7, warmup=2))
    losses = [distiller.step()["divergence"] for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_an_exported_tower_is_read_back_in_half_precision(
    tmp_path: Path, sentences: Prepared, rows: torch.Tensor
):
    tower = new_tower(rows).eval()
    export(tower, rows, tmp_path / "tower.pt")
    again, kept = load_exported(tmp_path / "tower.pt")
    ids, mask = pad([tokenise("a fox")])
    torch.testing.assert_close(again(ids, mask), tower(ids, mask), rtol=0.02, atol=0.02)
    assert torch.equal(kept, rows)


def test_an_exported_tower_knows_only_the_tokens_of_the_corpus(tmp_path: Path, rows: torch.Tensor):
    everything = torch.arange(49408)
    torch.manual_seed(0)
    tower = TextTower(TowerSizes(len(everything), inner=64, layers=1), everything).eval()
    export(tower, rows, tmp_path / "tower.pt")
    again, _ = load_exported(tmp_path / "tower.pt")
    ids, mask = pad([tokenise("a fox"), tokenise("a toaster")])
    assert again.knows(ids).tolist() == [[True] * 4, [True, True, False, True]]
    torch.testing.assert_close(again(ids, mask)[0], tower(ids, mask)[0], rtol=0.02, atol=0.02)


def test_validation_counts_only_held_out_sentences(sentences: Prepared, rows: torch.Tensor):
    assert validate(new_tower(rows), sentences)["class"].count == 1


def test_a_stage_trains_and_exports_the_tower(
    tmp_path: Path, sentences: Prepared, rows: torch.Tensor
):
    distiller = Distiller(new_tower(rows), sentences, SETTINGS)
    run_stage(
        distiller,
        "distil",
        tmp_path,
        minutes=5,
        steps=4,
        log_every=2,
        tell=lambda _: None,
        after_save=lambda: export(distiller.tower, rows, tmp_path / "tower.pt"),
    )
    resumed = Distiller(TextTower(distiller.tower.sizes, rows), sentences, SETTINGS)
    resume(resumed, "distil", tmp_path)
    assert resumed.iteration == 4
    assert (tmp_path / "distil.jsonl").read_text().count("divergence") == 2
    assert torch.equal(load_exported(tmp_path / "tower.pt")[1], rows)
