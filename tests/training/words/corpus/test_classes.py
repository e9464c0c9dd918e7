from itertools import pairwise
from pathlib import Path

import pytest

from training.words.corpus.classes import align, image_classes, read_senses
from training.words.corpus.wordnet import DEFAULT_FOLDER, WordNet, read_wordnet


def test_there_are_a_thousand_in_the_order_of_their_offsets():
    classes = image_classes()
    assert [each.index for each in classes] == list(range(1000))
    assert all(one.offset < other.offset for one, other in pairwise(classes))


@pytest.mark.parametrize(
    ("index", "offset", "name"),
    [
        (0, 1440764, "tench"),
        (134, 2012849, "crane"),
        (517, 3126707, "crane"),
        (21, 1608432, "kite"),
        (264, 2113186, "Cardigan Welsh Corgi"),
        (474, 2963159, "cardigan"),
        (638, 3710637, "tights"),
        (639, 3710721, "tank suit"),
        (657, 3773504, "missile"),
        (744, 4008634, "projectile"),
        (836, 4355933, "sunglass"),
        (837, 4356056, "sunglasses"),
        (999, 15075141, "toilet paper"),
    ],
)
def test_known_classes(index: int, offset: int, name: str):
    each = image_classes()[index]
    assert (each.offset, each.plain_name) == (offset, name)


def test_the_order_decides_between_the_senses_of_a_name(wordnet: WordNet):
    assert align(["crane (bird)", "crane (machine)"], wordnet, {}) == [400, 500]
    assert align(["wolf", "crane (machine)"], wordnet, {}) == [300, 500]


def test_a_sense_in_the_table_is_used(wordnet: WordNet):
    assert align(["the bird"], wordnet, {"the bird": ("crane", 2)}) == [400]


def test_a_name_without_a_possible_sense_is_refused(wordnet: WordNet):
    with pytest.raises(ValueError, match="class 1, wolf"):
        align(["crane", "wolf"], wordnet, {})


def test_classes_tsv_follows_from_wordnet():
    folder = Path(DEFAULT_FOLDER)
    if not (folder / "data.noun").exists():
        pytest.skip("no WordNet; Debian: apt install wordnet-base")
    names = [each.name for each in image_classes()]
    assert align(names, read_wordnet(folder), read_senses()) == [
        each.offset for each in image_classes()
    ]
