"""From a text to the row of token ids that a perceptor's text tower reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.models.packages import clip_tokenizer
from engine.models.reading import Vocabulary

_START, _END = "<|startoftext|>", "<|endoftext|>"


@dataclass(frozen=True)
class Tokens:
    """A tokenised text.

    ``ids`` [context_length] is padded; ``unknown`` are the words that were left out because the
    perceptor was not trained on them; ``cut`` is the number of tokens that did not fit into the
    context, ``count`` the number of those that did, without start and end.
    """

    ids: Tensor
    unknown: tuple[str, ...] = ()
    cut: int = 0
    count: int = 0


@dataclass(frozen=True)
class Tokenizer:
    """Splits texts into the tokens of a ``vocabulary``, and lays them out for a text tower.

    A row has ``context_length`` ids: those of ``start``, the text, ``end``, then ``pad``.
    """

    vocabulary: Vocabulary
    context_length: int
    start: tuple[int, ...] = ()
    end: tuple[int, ...] = ()
    pad: int = 0
    room: int = field(init=False)
    """The number of tokens that a text can have."""

    def __post_init__(self) -> None:
        room = self.context_length - len(self.start) - len(self.end)
        object.__setattr__(self, "room", room)

    def tokenize(self, text: str) -> Tokens:
        """Split ``text`` into tokens; any text is accepted."""
        reading = self.vocabulary.read(text)
        kept = reading.tokens[: self.room]
        row = [*self.start, *kept, *self.end]
        ids = torch.full((self.context_length,), self.pad)
        ids[: len(row)] = torch.tensor(row, dtype=torch.long)
        cut = len(reading.tokens) - len(kept)
        return Tokens(ids, reading.unknown, cut, len(kept))


def clip_tokens(context_length: int, known: Tensor | None = None) -> Tokenizer:
    """CLIP's tokenizer; ``known`` [vocabulary] marks the tokens of the training, None all."""
    encoder = clip_tokenizer().encoder
    vocabulary = Vocabulary(
        None if known is None else frozenset(known.nonzero().flatten().tolist())
    )
    return Tokenizer(vocabulary, context_length, (encoder[_START],), (encoder[_END],))
