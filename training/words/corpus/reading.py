"""The meaning of open text: the teacher's, combined with that of the text's nouns.

The teacher alone relies on similar spelling (pickled eggs, Pickelhaube) and too much on the words
around the thing. The nouns alone ignore the context. The geometric mean of both keeps what both
find likely.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from training.words.corpus.knowledge import CLASSES, Knowledge
from training.words.corpus.phrases import ADJECTIVES, COLOURS, STYLES

_WORD = re.compile(r"[\w'-]+|[,.;:!?]")
_BOUNDARIES = frozenset((",", ".", ";", ":", "!", "?", "and", "or", "but", "while"))
# fmt: off
_PREPOSITIONS = frozenset((
    "in", "on", "at", "by", "near", "under", "over", "above", "behind", "beside", "inside",
    "with", "from", "through", "against", "between", "among", "into", "onto", "around",
    "across", "along", "before", "during", "without", "like",
))
_SKIPPED = frozenset((*COLOURS, *ADJECTIVES, *STYLES)) | frozenset((
    "painting", "picture", "photo", "photograph", "image", "drawing", "sketch", "illustration",
    "portrait", "art", "style", "background", "front", "top", "view", "close-up", "closeup",
    "side", "middle", "lot", "pair", "group", "bit", "kind", "type", "number", "couple",
    "piece", "inch", "formal", "can", "will", "may", "might", "must", "have", "has", "had",
    "do", "does", "did", "go", "goes", "went", "get", "let", "make", "makes", "made", "no",
    "it", "is", "a", "i", "as", "at", "an", "in", "us", "or", "am", "be", "was", "were", "are",
    "so", "he", "who", "they", "its", "out", "up", "down", "being", "well", "still", "back",
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
))
# fmt: on
_NOT_NOUNS = _SKIPPED | _PREPOSITIONS | _BOUNDARIES
# A thing after a preposition, or before the head of its phrase, counts for less.
_AFTER_PREPOSITION, _MODIFIER = 0.35, 0.2
_LONGEST = 4
# How much of each of the two is mixed into the other, so that neither can exclude a class.
_FLOOR = 0.05
_NOUNS_SHARE = 0.6


class Reader:
    """Distributions [N, 1000] for open text; ``meanings`` has those of noun synsets by offset."""

    def __init__(self, knowledge: Knowledge, meanings: Mapping[int, Tensor]) -> None:
        self.knowledge = knowledge
        self.meanings = meanings

    @cached_property
    def _singular(self) -> Mapping[str, str]:
        return self.knowledge.wordnet.exceptions

    def lemma(self, words: str) -> str:
        """``words`` as a noun in the singular; empty if WordNet has no such noun."""
        known = self.knowledge.wordnet.senses
        candidates = [words, self._singular.get(words, "")]
        for ending, instead in (("s", ""), ("es", ""), ("ies", "y"), ("'s", "")):
            if words.endswith(ending):
                candidates.append(words[: -len(ending)] + instead)
        scenes = self.knowledge.scenes
        return next((each for each in candidates if each in scenes or each in known), "")

    def nouns(self, text: str) -> list[tuple[str, float]]:
        """The nouns of a text with their weights; the head of a phrase has the largest."""
        found: list[tuple[str, float]] = []
        phrase: list[str] = []
        weight = 1.0
        for word, noun in (*self._longest(_WORD.findall(text.lower())), (".", "")):
            if noun:
                phrase.append(noun)
                continue
            begins_another = word in _PREPOSITIONS or self._is_ing_form(word)
            if begins_another or word in _BOUNDARIES or word == "of":
                found += [
                    (each, weight if at == len(phrase) else weight * _MODIFIER)
                    for at, each in enumerate(phrase, start=1)
                ]
                phrase = []
                if word == "of":  # a cup of tea; but: a photo of tea
                    weight *= 0.8 if found else 1.0
                else:
                    weight = _AFTER_PREPOSITION if begins_another and found else 1.0
        return found

    def _is_ing_form(self, word: str) -> bool:
        stem = word.removesuffix("ing")
        verbs = self.knowledge.verbs
        return stem != word and bool({stem, f"{stem}e", stem[:-1]} & verbs)

    def _longest(self, words: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Each word, or several that form a noun, with its lemma; empty if it is not a noun."""
        at = 0
        while at < len(words):
            for length in range(min(_LONGEST, len(words) - at), 0, -1):
                words_together = " ".join(words[at : at + length])
                if words_together in _NOT_NOUNS:
                    yield words_together, ""
                    break
                noun = self.lemma(words_together)
                scene = noun in self.knowledge.scenes or noun in self.knowledge.names
                if noun and (length > 1 or scene or not self._is_ing_form(words_together)):
                    yield words_together, noun
                    break
            else:
                yield words[at], ""
                length = 1
            at += length

    def of_noun(self, noun: str, context: Tensor | None = None) -> Tensor:
        """A noun's meaning [1000] over all senses; ``context`` [384] favours those that fit it."""
        if noun in self.knowledge.scenes:
            return self.knowledge.scenes[noun]
        if noun in self.knowledge.names:
            return F.one_hot(torch.tensor(self.knowledge.names[noun]), CLASSES).float()
        weights = self.knowledge.sense_weights(noun)
        known = {offset: weight for offset, weight in weights.items() if offset in self.meanings}
        if not known:
            return torch.zeros(CLASSES)
        shares = torch.tensor(list(known.values()))
        if context is not None and len(known) > 1:
            fit = self.knowledge.gloss_vectors(list(known)) @ context
            shares = shares * (fit / 0.1).exp()
        return (shares / shares.sum()) @ torch.stack([self.meanings[each] for each in known])

    def of_texts(self, texts: Sequence[str], vectors: Tensor) -> Tensor:
        """Distributions [N, 1000] for texts with the teacher's vectors [N, 384]."""
        alone = self.knowledge.of_vectors(vectors)
        for row, text in enumerate(texts):
            alone[row] = self._of_text(text, vectors[row], alone[row])
        return alone

    def _of_text(self, text: str, vector: Tensor, alone: Tensor) -> Tensor:
        mixture = torch.zeros(CLASSES)
        for noun, weight in self.nouns(text):
            mixture += weight * self.of_noun(noun, vector)
        if not mixture.any():
            return alone
        mixture /= mixture.sum()
        nouns, teacher = mixture + _FLOOR * alone, alone + _FLOOR * mixture
        both = nouns**_NOUNS_SHARE * teacher ** (1 - _NOUNS_SHARE)
        return both / both.sum()
