"""The held-out prompts of natural pictures are what their script writes, in good English."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.natural.classes import load_classes
from bench.natural.nouns import Noun, fill, read_nouns
from bench.natural.prompts import MAKERS, NUMBERS, OF_SEVERAL, STYLES
from bench.natural.scenes import GROUPS
from bench.natural.style_judge import STYLE_NAMES
from bench.prompts import FOLDER, read_entries, to_text
from engine.request.prompt import parse_prompts

KINDS = tuple(NUMBERS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_are_what_the_script_writes(kind: str) -> None:
    assert to_text(MAKERS[kind]()) == (FOLDER / f"{kind}.json").read_text("utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_prompt_has_99_other_captions_that_are_not_true_of_it(kind: str) -> None:
    entries, classes = read_entries(kind), load_classes()
    assert len(entries) == NUMBERS[kind] == len({entry["caption"] for entry in entries})
    for entry in entries:
        captions = [entry["caption"], *entry["others"]]
        assert len(captions) == 100 == len(set(captions)) == len(entry["classes"])
        own = classes[entry["index"]]
        assert entry["classes"][0] == list(own.true)
        assert entry["name"] == own.name
        styles = entry.get("styles", [None] * 100)
        assert len(styles) == 100
        for true, style in zip(entry["classes"][1:], styles[1:], strict=True):
            assert all(0 <= index < 1000 for index in true)
            if style == styles[0]:
                assert true[0] not in own.confusable
                assert true[0] not in own.true


@pytest.mark.parametrize("kind", KINDS)
def test_many_of_the_others_are_near_misses(kind: str) -> None:
    classes = load_classes()
    for entry in read_entries(kind):
        near = set(classes[entry["index"]].nearest)
        assert sum(true[0] in near for true in entry["classes"][1:]) >= 25


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_parses_captions_as_intended(kind: str) -> None:
    for entry in read_entries(kind):
        prompts = parse_prompts(entry["caption"])
        assert [prompt.words for prompt in prompts] == entry["caption"].split(" + ")
        assert all(prompt.weight == 1 for prompt in prompts)


def test_the_judge_knows_all_styles_and_each_has_the_same_number_of_prompts() -> None:
    assert set(STYLES) == set(STYLE_NAMES)
    own = [entry["styles"][0] for entry in read_entries("styles")]
    assert {own.count(style) for style in STYLES if style != "photo"} == {10}
    for entry in read_entries("styles"):
        same = [
            style
            for true, style in zip(entry["classes"], entry["styles"], strict=True)
            if true[0] == entry["index"]
        ]
        assert sorted(same) == sorted(STYLES)


def test_scenes_use_known_classes_and_each_only_once() -> None:
    names = {each.name for each in load_classes()}
    used = [name for group in GROUPS.values() for name in group.classes]
    assert set(used) <= names
    assert len(used) == len(set(used))


def test_the_names_are_those_of_the_public_list() -> None:
    file = Path(__file__).parents[4] / "shared" / "imagenet" / "labels.json"
    if not file.is_file():
        pytest.skip("the list of names is missing")
    assert [each.name for each in load_classes()] == json.loads(file.read_text("utf-8"))


def test_no_class_is_its_own_neighbour() -> None:
    for each in load_classes():
        assert each.index not in each.nearest
        assert each.index not in each.confusable
        assert len(set(each.nearest)) == len(each.nearest)
        left = [index for index in each.nearest if index not in each.confusable | set(each.true)]
        assert len(left) >= 40


@pytest.mark.parametrize(
    ("wording", "noun", "caption"),
    [
        ("a photo of {0:a}", Noun("axolotl", "axolotls"), "a photo of an axolotl"),
        ("{0:a}", Noun("hourglass", "hourglasses"), "an hourglass"),
        ("{0:a}", Noun("unicycle", "unicycles"), "a unicycle"),
        ("{0:a}", Noun("European polecat", "European polecats"), "a European polecat"),
        ("{0:a lovely}", Noun("axolotl", "axolotls"), "a lovely axolotl"),
        ("{0:a ordinary}", Noun("cat", "cats"), "an ordinary cat"),
        ("{0:a}", Noun("jeans", "pairs of jeans", "pair"), "a pair of jeans"),
        ("{0:a old}", Noun("jeans", "pairs of jeans", "pair"), "an old pair of jeans"),
        ("{0:a beautiful}", Noun("hay", "", "mass"), "beautiful hay"),
        (
            "two {0:p}",
            Noun("crane", "cranes", added="the wading bird"),
            "two cranes, the wading bird",
        ),
        (
            "{0:a} in the rain",
            Noun("crane", "cranes", added="the wading bird"),
            "a crane, the wading bird, in the rain",
        ),
        (
            "{0:a}, nothing else",
            Noun("crane", "cranes", added="the wading bird"),
            "a crane, the wading bird, nothing else",
        ),
        (
            "can you make {0:a}?",
            Noun("crane", "cranes", added="the wading bird"),
            "can you make a crane, the wading bird?",
        ),
    ],
)
def test_wordings_are_filled_in_as_a_person_would_write(
    wording: str, noun: Noun, caption: str
) -> None:
    assert fill(wording, noun) == caption


@pytest.mark.parametrize(
    ("label", "singular", "plural"),
    [
        ("cock", "a rooster", "roosters"),
        ("Golden Retriever", "a golden retriever", "golden retrievers"),
        ("goose", "a goose", "geese"),
        ("computer mouse", "a computer mouse", "computer mice"),
        ("Arctic fox", "an Arctic fox", "Arctic foxes"),
        ("daisy", "a daisy", "daisies"),
        ("goldfish", "a goldfish", "goldfish"),
        ("crane (machine)", "a construction crane", "construction cranes"),
    ],
)
def test_classes_have_singular_and_plural(label: str, singular: str, plural: str) -> None:
    labels = [each.name for each in load_classes()]
    noun = read_nouns(labels)[labels.index(label)][0]
    assert fill("{0:a}", noun) == singular
    assert fill(OF_SEVERAL[0], noun) == plural
