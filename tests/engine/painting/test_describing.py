"""Describing a picture: the nearest phrases by the perceptor's own cosines, as prompts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from engine.models import load_models, phrases
from engine.models.phrases import Phrases, all_phrases
from engine.models.reading import Vocabulary
from engine.painting import describing
from engine.painting.describing import Description, describe
from engine.painting.images import to_tensor
from engine.request.prompt import parse_prompts

SHEET = Path(__file__).parents[3] / "docs" / "pictures" / "sheet.png"
SHOWN = ("a lighthouse", "a macaw", "a tabby cat", "a steam locomotive")  # its first pictures
FEW = Phrases(
    ("a macaw", "a parrot", "a pizza", "a lighthouse", "a tabby cat", "a cat"),
    ("in a jungle", "on a plate"),
    ("at night", "in fog"),
    ("oil painting", "woodcut"),
)


@pytest.fixture(scope="module")
def perceptor():
    return load_models("natural", device="cpu").perceptor


@pytest.fixture
def few(monkeypatch, perceptor):
    """Few phrases, which take no time."""
    monkeypatch.setattr(describing, "known_phrases", lambda vocabulary: FEW)
    for kept in (describing._phrases, describing._vectors):
        kept.pop(perceptor, None)
    yield
    describing._phrases.pop(perceptor)


def picture(place: int) -> torch.Tensor:
    sheet = Image.open(SHEET).convert("RGB")
    side = sheet.width // 3
    left, top = place % 3 * side, place // 3 * side
    return to_tensor(sheet.crop((left, top, left + side, top + side)), 224, 224)[0]


@pytest.mark.parametrize("place", range(len(SHOWN)))
def test_a_picture_is_described_by_what_it_shows(perceptor, few, place, monkeypatch):
    if place == 3:
        more = Phrases((*FEW.things, "a steam locomotive"), *list(FEW)[1:])
        monkeypatch.setattr(describing, "known_phrases", lambda vocabulary: more)
    found = describe(perceptor, picture(place))
    assert found.words[0] == SHOWN[place]
    assert found.prompts[0].startswith(SHOWN[place])
    assert len(found.prompts) == len(set(found.prompts)) == 4
    for prompt in found.prompts:
        assert all(each.weight == 1 for each in parse_prompts(prompt))


def test_words_are_in_the_order_of_their_cosines(perceptor, few):
    seen = picture(1)
    found = describe(perceptor, seen)
    with torch.no_grad():
        image = perceptor.read_image(seen[None])[0]
        cosines = perceptor.encode_text(list(FEW.things)) @ image
    by_hand = [FEW.things[place] for place in cosines.argsort(descending=True)]
    assert list(found.words) == by_hand[: len(found.words)]


def test_a_thing_is_not_named_twice_in_other_words(perceptor, few):
    prompts = describe(perceptor, picture(2)).prompts
    assert not any("a cat" in prompt for prompt in prompts)


def test_texts_are_encoded_once_a_few_at_a_time(perceptor, few, monkeypatch):
    encoded = []
    encode = type(perceptor).encode_text

    def noted(self, texts):
        encoded.append(len(texts))
        return encode(self, texts)

    monkeypatch.setattr(type(perceptor), "encode_text", noted)
    first = describe(perceptor, picture(0))
    assert max(encoded) <= 16
    encoded.clear()
    assert describe(perceptor, picture(0)) == first
    assert encoded == []


def test_only_phrases_whose_words_are_known_are_used(monkeypatch):
    drawn = load_models("drawn", device="cpu").perceptor.vocabulary
    every = Phrases(*(some[::15] for some in all_phrases()))
    some = Phrases(("a fox", *every.things), every.places, every.lights, (*every.styles, "ukiyo-e"))
    monkeypatch.setattr(phrases, "all_phrases", lambda: some)
    known = phrases.known_phrases.__wrapped__(drawn)
    assert "a fox" in known.things
    assert "ukiyo-e" not in known.styles
    assert not any(drawn.read(phrase).unknown for some in known for phrase in some)
    assert phrases.known_phrases.__wrapped__(Vocabulary()) is some


def test_without_a_known_phrase_there_are_no_prompts(perceptor, few, monkeypatch):
    monkeypatch.setattr(describing, "known_phrases", lambda vocabulary: Phrases((), (), (), ()))
    assert describe(perceptor, picture(0)) == Description((), ())


def test_phrases_are_prompts_without_a_meaning_of_their_own():
    for some in all_phrases():
        assert len(some) == len(set(some)) > 30
        for phrase in some:
            assert phrase == phrase.strip()
            [prompt] = parse_prompts(phrase)
            assert (prompt.words, prompt.weight, prompt.region) == (phrase, 1, None)
