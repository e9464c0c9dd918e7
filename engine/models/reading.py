"""A text as a perceptor reads it: which of its words are known, and their tokens. No torch."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from engine.models.packages import clip_tokenizer
from engine.request.words import words_in

# Words that say nothing about a picture by themselves.
# fmt: off
_FILLERS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "its", "of",
    "on", "or", "that", "the", "this", "to", "was", "were", "with",
))
# fmt: on
_SMALL = 10_000


@dataclass(frozen=True)
class Reading:
    """A text as a perceptor reads it.

    ``tokens`` are those of the words that it knows and of punctuation; ``unknown`` are the words
    that it does not know, each once; ``meaningful`` is whether it knows a word that says something.
    """

    tokens: tuple[int, ...]
    unknown: tuple[str, ...] = ()
    meaningful: bool = True


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of CLIP's vocabulary that a perceptor was trained on; None is all of them."""

    known: frozenset[int] | None = None

    @property
    def is_small(self) -> bool:
        """Whether most English words are unknown."""
        return self.known is not None and len(self.known) < _SMALL

    def read(self, text: str) -> Reading:
        """Leave the unknown words out of ``text``; any text is accepted."""
        unknown: list[str] = []
        pieces, start, meaningful = [], 0, False
        for word in words_in(text):
            known = self._known(word.text)
            if known is None:
                unknown.append(word.text)
            else:
                meaningful = meaningful or known.lower() not in _FILLERS
            if known != word.text:
                pieces += [text[start : word.start], known or " "]
                start = word.end
        tokens = self.encode("".join([*pieces, text[start:]]))
        if self.known is not None:
            tokens = [token for token in tokens if token in self.known]
        return Reading(tuple(tokens), tuple(dict.fromkeys(unknown)), meaningful)

    def words(self) -> tuple[str, ...]:
        """The words of several letters that it knows, in order; none if it knows all."""
        if self.known is None:
            return ()
        texts = (clip_tokenizer().decode([token]) for token in self.known)
        whole = {text.strip() for text in texts if text.endswith(" ")}
        return tuple(
            sorted(
                word for word in whole if len(word) > 1 and word.isalpha() and word not in _FILLERS
            )
        )

    def encode(self, text: str) -> list[int]:
        """All tokens of ``text``, known or not."""
        tokens: list[int] = clip_tokenizer().encode(text)
        return tokens

    def _known(self, word: str) -> str | None:
        """``word``, or the same without its accents, as the perceptor knows it; None if not."""
        if self.known is None or self.known.issuperset(self.encode(word)):
            return word
        parts = unicodedata.normalize("NFKD", word)
        plain = "".join(part for part in parts if not unicodedata.combining(part))
        tokens = self.encode(plain) if plain != word and plain.isascii() else []
        # Several tokens would be the sounds of a foreign word.
        return plain if len(tokens) == 1 and tokens[0] in self.known else None


@dataclass(frozen=True)
class CommonVocabulary(Vocabulary):
    """The words that all of several perceptors know, whatever their tokens are."""

    each: tuple[Vocabulary, ...] = ()

    @property
    def is_small(self) -> bool:
        """Whether one of them does not know most English words."""
        return any(vocabulary.is_small for vocabulary in self.each)

    def read(self, text: str) -> Reading:
        """What one of them does not know is unknown; the tokens are the first one's."""
        readings = [vocabulary.read(text) for vocabulary in self.each]
        unknown = dict.fromkeys(word for reading in readings for word in reading.unknown)
        return Reading(
            readings[0].tokens, tuple(unknown), all(reading.meaningful for reading in readings)
        )

    def words(self) -> tuple[str, ...]:
        """The words that all of those know which do not know everything."""
        few = [set(words) for vocabulary in self.each if (words := vocabulary.words())]
        return tuple(sorted(set.intersection(*few))) if few else ()

    def encode(self, text: str) -> list[int]:
        """All tokens of ``text`` for the first one."""
        return self.each[0].encode(text)


def common_vocabulary(vocabularies: Sequence[Vocabulary]) -> Vocabulary:
    """The words that all of ``vocabularies``, one or more, have."""
    return (
        vocabularies[0] if len(vocabularies) == 1 else CommonVocabulary(None, tuple(vocabularies))
    )
