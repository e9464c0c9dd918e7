"""How well a tower reads, and the teacher alone for comparison."""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.models.packages import clip_tokenizer
from engine.models.perceptors.text_tower import TextTower
from training.words.corpus.classes import image_classes
from training.words.corpus.knowledge import CLASSES, Wordings
from training.words.corpus.prepare import Prepared, tokenise
from training.words.natural import tokens_of
from training.words.tower import pad

EXAMPLES = (
    "Baba Yaga's house",
    "a forest in autumn",
    "red roses",
    "pickled eggs",
    "a sailing ship in a storm",
    "underwater coral garden",
    "a cup of tea on a book",
    "a harbour at dusk",
    "effervescent hope",
    "a red fox in the snow, oil painting",
    "a castle on a hill",
    "two cats and a teapot",
    "a knight fighting a dragon",
    "a dog",
    "cyberpunk city at night",
    "an astronaut riding a horse",
    "portrait of an old man",
    "a crane lifting steel beams",
    "a crane wading in a lake",
    "the smell of rain",
)
KINDS = ("class", "prompt", "open")
"""The kinds of sentences that are validated."""
_WHOLE_WORD = re.compile(r"[a-z]{3,}</w>")


@dataclass(frozen=True)
class Score:
    """How often the expected class is first or in the first five, 0..1, of ``count`` sentences."""

    first: float
    first_five: float
    count: int


def score(likely: Tensor, expected: Tensor) -> Score:
    """How often ``likely`` [N, 1000] has the ``expected`` [N] class first, or in the first five."""
    hits = likely.topk(5).indices == expected[:, None]
    return Score(
        round(hits[:, 0].float().mean().item(), 4),
        round(hits.any(1).float().mean().item(), 4),
        len(expected),
    )


@torch.no_grad()
def read(tower: TextTower, corpus: Prepared, chosen: Tensor) -> Tensor:
    """The tower's logits [N, 1000] for sentences of the corpus, by length."""
    starts = corpus.lengths.cumsum(0) - corpus.lengths
    logits = torch.empty(len(chosen), CLASSES)
    for part in corpus.lengths[chosen].argsort().split(256):
        logits[part] = tower(*tokens_of(corpus, starts, chosen[part]))
    return logits


def validate(
    tower: TextTower, corpus: Prepared, wordings: Wordings | None = None, most: int = 4000
) -> dict[str, Score]:
    """Scores on held-out sentences by kind; with ``wordings`` the teacher's as well.

    The expected class is the likeliest of the meaning in the corpus: the truth for ``class``, for
    the other kinds what the teacher and the nouns say together.
    """
    was_training = tower.training
    tower.eval()
    scores = {}
    for kind in KINDS:
        chosen = torch.tensor(
            [i for i, each in enumerate(corpus.kinds) if each == kind and corpus.held_out[i]],
            dtype=torch.long,
        )
        if not len(chosen):
            continue
        chosen = chosen[torch.randperm(len(chosen), generator=torch.Generator().manual_seed(0))]
        chosen = chosen[:most]
        expected = corpus.classes[chosen, 0].long()
        scores[kind] = score(read(tower, corpus, chosen), expected)
        if wordings is not None:
            vectors = corpus.vectors[chosen].float()
            scores[f"{kind}, teacher"] = score(wordings.nearness(vectors), expected)
    tower.train(was_training)
    return scores


@torch.no_grad()
def likeliest(tower: TextTower, text: str, count: int = 5) -> list[tuple[str, float]]:
    """The likeliest classes of a text with their shares."""
    shares = tower(*pad([tokenise(text)]))[0].softmax(0)
    names = image_classes()
    return [
        (names[i].name, round(shares[i].item(), 2)) for i in shares.topk(count).indices.tolist()
    ]


def unknown_words(rows: Tensor, count: int = 10_000) -> list[str]:
    """The most frequent whole words in CLIP's vocabulary that have no row.

    The order of CLIP's vocabulary is that of its merges, so that frequent words come first.
    """
    known = set(rows.tolist())
    words = [
        (token, word)
        for token, word in sorted(clip_tokenizer().decoder.items())
        if _WHOLE_WORD.fullmatch(word)
    ]
    return [word.removesuffix("</w>") for token, word in words[:count] if token not in known]
