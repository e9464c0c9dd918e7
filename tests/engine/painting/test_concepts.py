"""The scores of concepts follow the formula, and exist only for known words."""

from __future__ import annotations

import math

import pytest
import torch

from engine.models.loading import load_models
from engine.models.perceptors.openai_clip import MAX_SCALE, MEAN, STD
from engine.painting.concepts import NEUTRAL, concept_scores, softmax_scores


@pytest.fixture(scope="module")
def perceptor():
    return load_models("drawn", device="cpu").perceptor


def plain(similarity, neutral, scale):
    """The formula, in numbers."""
    mine = math.exp(scale * similarity)
    return mine / (mine + sum(math.exp(scale * other) for other in neutral))


@pytest.mark.parametrize("scale", [1.0, 14.3, 100.0])
def test_scores_are_the_softmax_of_each_among_the_neutral_ones(scale):
    similarities = torch.tensor([0.31, 0.18, 0.24, 0.2, 0.22, -0.1], dtype=torch.float64)
    scores = softmax_scores(similarities, 2, scale)
    for score, similarity in zip(scores.tolist(), (0.31, 0.18), strict=True):
        assert score == pytest.approx(plain(similarity, (0.24, 0.2, 0.22, -0.1), scale), rel=1e-6)
    # Concepts do not change each other's scores.
    alone = softmax_scores(similarities[[0, 2, 3, 4, 5]], 1, scale)
    assert alone[0] == scores[0]


def test_extreme_similarities_do_not_overflow():
    scores = softmax_scores(torch.tensor([1.0, -1.0, 0.0]), 2, MAX_SCALE)
    assert scores.tolist() == pytest.approx([1.0, 0.0])
    assert scores.isfinite().all()


def test_a_picture_s_scores_are_those_of_its_vector(perceptor):
    torch.manual_seed(3)
    side = perceptor.resolution
    picture = torch.rand(3, side, side)
    found = concept_scores(perceptor, picture, ["a red circle", "a star", "a red circle"])
    assert set(found) == {"a red circle", "a star"}
    with torch.no_grad():
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        image = perceptor.clip.encode_image((picture[None] - mean) / std)[0].double()
        image = image / image.norm()

        def cosine(text):
            row = perceptor.clip.encode_text(perceptor.tokenize(text).ids[None])[0].double()
            return float(row @ image / row.norm())

        captions = [text for text in NEUTRAL if not perceptor.tokenize(text).unknown]
        assert captions
        neutral = [cosine(text) for text in captions]
        for concept, score in found.items():
            expected = plain(cosine(f"a picture of {concept}"), neutral, perceptor.scale)
            assert score == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert not any(parameter.grad is not None for parameter in perceptor.parameters())


def test_a_concept_of_unknown_words_is_not_scored(perceptor):
    picture = torch.zeros(3, 20, 40)
    assert concept_scores(perceptor, picture, ["qwxzv", "???"]) == {}
    assert concept_scores(perceptor, picture, []) == {}
    assert set(concept_scores(perceptor, picture, ["qwxzv", "star"])) == {"star"}


def test_a_picture_that_is_not_finite_is_not_scored(perceptor):
    assert concept_scores(perceptor, torch.full((3, 16, 16), torch.nan), ["star"]) == {}
