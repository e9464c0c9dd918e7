"""A WordNet of a few animals and a church, and a corpus of a few sentences."""

from pathlib import Path

import pytest
import torch

from training.words.corpus.prepare import Prepared, tokenise
from training.words.corpus.wordnet import WordNet, read_wordnet

NOUNS = """\
  1 This software and database is being provided to you, the LICENSEE, by
00000100 03 n 01 entity 0 000 | that which is perceived
00000200 05 n 02 animal 0 beast 0 001 @ 00000100 n 0000 | a living organism; "the beast slept"
00000300 05 n 01 wolf 0 001 @ 00000200 n 0000 | a predatory canine
00000400 05 n 02 crane 0 wading_bird 0 001 @ 00000200 n 0000 | a long-necked bird; "a crane waded"
00000500 06 n 01 crane 1 001 @ 00000100 n 0000 | lifts and moves heavy objects
00000600 06 n 01 Notre_Dame 0 001 @i 00000100 n 0000 | a cathedral in Paris
"""
INDEX = """\
  1 This software and database is being provided to you, the LICENSEE, by
animal n 1 2 @ ~ 1 1 00000200
beast n 1 2 @ ~ 1 0 00000200
crane n 2 1 @ 2 1 00000500 00000400
entity n 1 1 ~ 1 1 00000100
notre_dame n 1 1 @i 1 0 00000600
wading_bird n 1 1 @ 1 0 00000400
wolf n 1 1 @ 1 1 00000300
"""


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    folder = tmp_path / "wordnet"
    folder.mkdir()
    (folder / "data.noun").write_text(NOUNS)
    (folder / "index.noun").write_text(INDEX)
    (folder / "noun.exc").write_text("wolves wolf\nwading_birds wading_bird\n")
    (folder / "data.verb").write_text(
        "00000700 30 v 02 stand_up 0 rise 0 001 @ 00000800 v 0000 01 + 02 00 | get on one's feet\n"
    )
    (folder / "data.adj").write_text("00000900 00 a 01 red(p) 0 000 | of the colour of blood\n")
    (folder / "data.adv").write_text("")
    return read_wordnet(folder)


@pytest.fixture
def sentences() -> Prepared:
    return eight_sentences()


def eight_sentences() -> Prepared:
    """Eight sentences, the last one held out; two classes take turns."""
    texts = [
        "a fox",
        "a red fox in the snow",
        "foxes",
        "a wolf",
        "two wolves at night",
        "a wolf.",
        "a fox and a wolf",
        "the last fox",
    ]
    tokens = [tokenise(text) for text in texts]
    count = len(texts)
    classes = torch.tensor([[277, 269]] * count, dtype=torch.int16)
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.5]] * (count // 2)).half()
    return Prepared(
        torch.tensor([token for each in tokens for token in each], dtype=torch.int32),
        torch.tensor([len(each) for each in tokens]),
        classes,
        weights,
        torch.randn(count, 384, generator=torch.Generator().manual_seed(0)).half(),
        torch.arange(count) == count - 1,
        ["class"] * count,
        texts,
    )
