"""Training of the part of the text tower that finds looks in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.models import load_models
from engine.models.perceptors.efficientnet_lite import ClassifierPerceptor
from engine.models.perceptors.text_tower import TextTower, TowerSizes
from engine.models.perceptors.tokenizing import clip_tokens
from tests.training.interrupted import whole_and_resumed
from training.looks.reading import WordsTrainer, is_of
from training.looks.words import answers_of, states_of, write


def tower(seed: int = 1) -> TextTower:
    torch.manual_seed(seed)
    sizes = TowerSizes(49408, embedding=8, width=32, inner=16, layers=1)
    return TextTower(sizes, torch.arange(49408)).eval().requires_grad_(False)


def trainer() -> WordsTrainer:
    return WordsTrainer(tower(), clip_tokens(77), steps=8, batch=4)


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole, second = whole_and_resumed(trainer, "words", tmp_path, first=2, steps=4)
    for name, value in whole.head.state_dict().items():
        assert value.equal(second.head.state_dict()[name]), name
    assert is_of(tmp_path / "parts" / "words.pt", tower())
    assert not is_of(tmp_path / "parts" / "words.pt", tower(seed=2))


@pytest.mark.slow  # half a minute
def test_words_of_looks_are_found_in_other_texts() -> None:
    perceptor = load_models("natural", device="cpu").perceptor
    assert isinstance(perceptor, ClassifierPerceptor)
    run = WordsTrainer(perceptor.tower, perceptor.tokenizer, steps=150)
    for _ in range(150):
        run.step()
    texts = [write(np.random.default_rng([6, i])) for i in range(100)]
    with torch.no_grad():
        states = states_of(run.tower, run.tokenizer, [each.text for each in texts])
        said = run.head(*states)
    wrong = F.binary_cross_entropy_with_logits(said, answers_of(texts))
    never = F.binary_cross_entropy_with_logits(torch.full_like(said, -2), answers_of(texts))
    assert wrong < 0.6 * never
