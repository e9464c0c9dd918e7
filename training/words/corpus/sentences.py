"""Sentences and their meanings: the corpus that the text tower learns from.

Most of it needs no teacher: a sentence is made from a noun with a known meaning and a pattern of
phrases.py that leaves the meaning as it is or adds a known share of something else.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.words.corpus import phrases
from training.words.corpus.classes import ImageClass, image_classes
from training.words.corpus.knowledge import CLASSES, VISIBLE_TOPICS, Knowledge
from training.words.corpus.reading import Reader
from training.words.corpus.wordnet import Synset

PLACE_SHARE, WORN_SHARE = 0.2, 0.2
_LIVING_TOPICS = frozenset({5, 18})
_HELD_OUT_OF_100 = 20


@dataclass(frozen=True)
class Sizes:
    """How many sentences of each kind."""

    a_class: int = 110
    a_broader_term: int = 20
    a_scene: int = 60
    nouns: int = 90_000
    pairs: int = 40_000
    glosses: int = 40_000
    open_glosses: int = 30_000


@dataclass(frozen=True)
class Subject:
    """What a sentence is about: its noun, its meaning [1000], and whether it can run and eat.

    ``index`` is the class's index if the noun names a class, else -1.
    """

    noun: str
    meaning: Tensor
    living: bool = False
    index: int = -1


@dataclass(frozen=True)
class Example:
    """A sentence and its meaning [1000]; ``held_out`` ones are only for validation.

    ``meaning`` is None if the teacher has to provide it.
    """

    text: str
    meaning: Tensor | None
    kind: str
    held_out: bool = False


def is_held_out(index: int, pattern: str) -> bool:
    """Whether a pair of class and pattern is for validation, as a fifth of all are."""
    return zlib.crc32(f"{index}|{pattern}".encode()) % 100 < _HELD_OUT_OF_100


class Composer:
    """Puts nouns into patterns."""

    def __init__(self, knowledge: Knowledge, reader: Reader, rng: np.random.Generator) -> None:
        self.rng = rng
        self.irregular = knowledge.wordnet.plurals
        self.known = knowledge.wordnet.senses
        places = {**phrases.PLACES, **phrases.WEARING}
        meanings = {phrase: reader.of_noun(word.lower()) for phrase, word in places.items() if word}
        self.meanings = {phrase: each for phrase, each in meanings.items() if each.any()}

    def pick(self, choices: Sequence[str]) -> str:
        """One of ``choices``."""
        return choices[int(self.rng.integers(len(choices)))]

    def pattern(self, living: bool) -> str:
        """A pattern for one thing."""
        which = self.rng.random()
        if which < 0.42:
            return self.pick(phrases.PLAIN)
        return self.pick(phrases.LIVELY if living and which < 0.6 else phrases.SCENIC)

    def compose(
        self, subject: Subject, pattern: str, second: Subject | None = None
    ) -> tuple[str, Tensor] | None:
        """A sentence and its meaning; None if a word before the noun makes it another noun."""
        noun = subject.noun
        slots = {
            "n": noun,
            "a": phrases.with_article(noun),
            "p": phrases.plural(noun, self.irregular),
            "b": phrases.with_article(second.noun) if second else "",
            "place": self.pick(tuple(phrases.PLACES)),
            "time": self.pick(phrases.TIMES),
            "weather": self.pick(phrases.WEATHER),
            "style": self.pick(phrases.STYLES),
            "colour": self.pick(phrases.COLOURS),
            "adjective": self.pick(phrases.ADJECTIVES),
            "number": self.pick(phrases.NUMBERS),
            "doing": self.pick(phrases.DOING),
            "wearing": self.pick(tuple(phrases.WEARING)),
            "material": self.pick(phrases.MATERIALS),
        }
        text = pattern.format(**slots)
        if any(
            f"{slots[slot]} {noun}".lower() in self.known and f"{{{slot}}}" in pattern
            for slot in ("colour", "adjective", "material")
        ):
            return None
        meaning = subject.meaning
        if second is not None:
            meaning = (meaning + second.meaning) / 2
        for slot, share in (("place", PLACE_SHARE), ("wearing", WORN_SHARE)):
            added = self.meanings.get(slots[slot]) if f"{{{slot}}}" in pattern else None
            if added is not None:
                meaning = (1 - share) * meaning + share * added
        return text, meaning


class Corpus:
    """All examples, kind by kind."""

    def __init__(
        self, knowledge: Knowledge, meanings: Mapping[int, Tensor], sizes: Sizes, seed: int
    ) -> None:
        self.knowledge = knowledge
        self.wordnet = knowledge.wordnet
        self.meanings = meanings
        self.sizes = sizes
        self.reader = Reader(knowledge, meanings)
        self.rng = np.random.default_rng(seed)
        self.composer = Composer(knowledge, self.reader, self.rng)

    def examples(self, prompts: Sequence[str] = (), words: Sequence[str] = ()) -> Iterator[Example]:
        """All examples.

        ``prompts`` are real prompts, each given twice, as they are few; ``words`` are common words
        of any kind, each given once.
        """
        yield from self.classes()
        yield from self.broader_terms()
        yield from self.scenes()
        yield from self.nouns()
        yield from self.pairs()
        yield from self.glosses()
        yield from self.open_text()
        for prompt in prompts:
            yield from [Example(prompt, None, "prompt", zlib.crc32(prompt.encode()) % 20 == 0)] * 2
        for word in words:
            yield Example(word, None, "word")

    def names(self, each: ImageClass) -> list[str]:
        """The nouns that name a class: its short name, and lemmas that usually mean it."""
        names = [] if "(" in each.name else [each.plain_name]
        for lemma in self.wordnet.nouns[each.offset].lemmas:
            senses = self.knowledge.sense_weights(lemma.lower())
            if (
                senses.get(each.offset, 0) >= 0.5
                and lemma.lower() not in self.knowledge.scenes
                and self.knowledge.names.get(lemma.lower(), each.index) == each.index
            ):
                names.append(lemma)
        return list(dict.fromkeys(names))

    def classes(self) -> Iterator[Example]:
        """Class names in patterns, and the glosses of classes."""
        for each in image_classes():
            synset = self.wordnet.nouns[each.offset]
            meaning = _certain(each.index)
            names = self.names(each)
            for text in self._descriptions(each, synset):
                yield from [Example(text, meaning, "class", is_held_out(each.index, text))] * 2
            for _ in range(self.sizes.a_class if names else 0):
                short = self.rng.random() < 0.5
                name = names[0] if short else self.composer.pick(names)
                yield from self._about(
                    Subject(name, meaning, synset.topic in _LIVING_TOPICS, each.index), "class"
                )

    def _descriptions(self, each: ImageClass, synset: Synset) -> Iterator[str]:
        kind = self.wordnet.nouns[synset.hypernyms[0]].lemmas[0]
        yield synset.gloss
        for name in dict.fromkeys((each.plain_name, *synset.lemmas)):
            yield from (
                f"{name}: {synset.gloss}",
                f"{name} ({kind})",
                f"{name}, a kind of {kind}",
                f"{name} {kind}",
                f"the {kind} called {name}",
            )

    def _about(self, subject: Subject, kind: str) -> Iterator[Example]:
        pattern = self.composer.pattern(subject.living)
        composed = self.composer.compose(subject, pattern)
        if composed is not None:
            held_out = subject.index >= 0 and is_held_out(subject.index, pattern)
            yield Example(*composed, kind, held_out)

    def broader_terms(self) -> Iterator[Example]:
        """Words above classes (dog, vehicle) in patterns."""
        for offset in self.knowledge.hierarchy.below:
            synset = self.wordnet.nouns[offset]
            if offset in self.knowledge.hierarchy.class_of:
                continue
            for lemma in synset.lemmas:
                if self.knowledge.sense_weights(lemma.lower()).get(offset, 0) < 0.5:
                    continue
                meaning = self.reader.of_noun(lemma.lower())
                for _ in range(self.sizes.a_broader_term):
                    yield from self._about(
                        Subject(lemma, meaning, synset.topic in _LIVING_TOPICS), "broader"
                    )

    def scenes(self) -> Iterator[Example]:
        """The words of scenes.tsv in patterns."""
        for word, meaning in self.knowledge.scenes.items():
            yield from [Example(word, meaning, "scene")] * 3
            for _ in range(self.sizes.a_scene):
                yield from self._about(Subject(word, meaning), "scene")

    def _noun_subjects(self, count: int) -> Iterator[Subject]:
        """Nouns for things that can be seen, at least three quarters of them in everyday use."""
        visible = [
            lemma
            for lemma, senses in self.wordnet.senses.items()
            if self.wordnet.nouns[senses[0]].topic in VISIBLE_TOPICS
            and not self.wordnet.nouns[senses[0]].instance
        ]
        common = [lemma for lemma in visible if lemma in self.wordnet.common]
        for _ in range(count):
            noun = self.composer.pick(common if self.rng.random() < 0.75 else visible)
            living = self.wordnet.nouns[self.wordnet.senses[noun][0]].topic in _LIVING_TOPICS
            yield Subject(noun, self.reader.of_noun(noun), living)

    def nouns(self) -> Iterator[Example]:
        """Every noun of WordNet by itself, and visible ones in patterns."""
        for lemma in self.wordnet.senses:
            yield Example(lemma, self.reader.of_noun(lemma), "noun")
        for subject in self._noun_subjects(self.sizes.nouns):
            yield from self._about(subject, "noun")

    def pairs(self) -> Iterator[Example]:
        """Two things: half of the meaning each."""
        classes = [(name, each) for each in image_classes() for name in self.names(each)[:1]]
        scenes = list(self.knowledge.scenes.items())
        nouns = self._noun_subjects(2 * self.sizes.pairs)

        def thing() -> Subject:
            which = self.rng.random()
            if which < 0.5:
                name, each = classes[int(self.rng.integers(len(classes)))]
                return Subject(name, _certain(each.index), index=each.index)
            if which < 0.7:
                return Subject(*scenes[int(self.rng.integers(len(scenes)))])
            return next(nouns)

        for _ in range(self.sizes.pairs):
            first, second = thing(), thing()
            pattern = self.composer.pick(phrases.PAIRS)
            composed = self.composer.compose(first, pattern, second)
            if composed is not None:
                held_out = any(
                    each.index >= 0 and is_held_out(each.index, pattern) for each in (first, second)
                )
                yield Example(*composed, "pair", held_out)

    def glosses(self) -> Iterator[Example]:
        """Definitions of nouns, with and without the noun: they separate the senses of a word."""
        offsets = list(self.meanings)
        for at in self.rng.choice(
            len(offsets), min(self.sizes.glosses, len(offsets)), replace=False
        ):
            synset = self.wordnet.nouns[offsets[at]]
            if synset.offset in self.knowledge.hierarchy.class_of:
                continue
            lemma = self.composer.pick(synset.lemmas)
            text = synset.gloss if self.rng.random() < 0.4 else f"{lemma}, {synset.gloss}"
            yield Example(text, self.meanings[synset.offset], "gloss")

    def open_text(self) -> Iterator[Example]:
        """WordNet's example sentences, and words that are not nouns; the teacher reads them."""
        nouns = (sentence for each in self.wordnet.nouns.values() for sentence in each.examples)
        for sentence in nouns:
            yield self._open(sentence)
        for part, synsets in self.wordnet.others.items():
            for each in synsets.values():
                for sentence in each.examples:
                    yield self._open(sentence)
                for lemma in each.lemmas:
                    yield self._open(lemma)
                    if part == "verb":
                        yield self._open(
                            f"a {self.composer.pick(('man', 'woman', 'dog', 'child'))}"
                            f" {_ing_form(lemma)}"
                        )
            chosen = list(synsets.values())
            share = min(self.sizes.open_glosses // len(self.wordnet.others), len(chosen))
            for at in self.rng.choice(len(chosen), share, replace=False):
                yield self._open(chosen[at].gloss)

    def _open(self, text: str) -> Example:
        return Example(text, None, "open", zlib.crc32(text.encode()) % 50 == 0)


def _certain(index: int) -> Tensor:
    """The meaning [1000] of exactly one class."""
    meaning = torch.zeros(CLASSES)
    meaning[index] = 1.0
    return meaning


def _ing_form(verb: str) -> str:
    """The -ing form of a verb, followed by its particles."""
    verb, space, rest = verb.partition(" ")
    stem = verb[:-1] if verb.endswith("e") and not verb.endswith(("ee", "ye", "oe")) else verb
    return f"{stem}ing{space}{rest}"
