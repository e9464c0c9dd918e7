"""The interface of perceptors, which map pictures and words to unit vectors in one space."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.models.packages import clip_tokenizer
from engine.models.perceptors.tokenizing import Tokenizer, Tokens
from engine.models.reading import Vocabulary


class Member(NamedTuple):
    """One of the perceptors that guide a painting together, and how much its losses count."""

    perceptor: Perceptor
    weight: float


class Join(NamedTuple):
    """From which share of a painting's iterations on words pull, how much more, and until when.

    They pull ``times`` as much as others, but not those cutouts whose cosine is ``enough``.
    """

    after: float = 0.0
    times: float = 1.0
    enough: float = 1.0


class Perceptor(nn.Module, ABC):
    """Maps words and pictures to unit vectors of ``width`` D, closer the better they match.

    ``resolution`` is the side in pixels of the pictures it takes; with ``any_side`` it takes other
    sides, too. ``mean`` and ``std``, by channel, normalise its pictures, and ``interpolation``
    ("bicubic" or "bilinear") is how its training resized them. ``tokenizer`` reads its texts.
    With ``only_words`` a picture as a target means nothing to it, as noise does.
    ``original`` reads it again, in float32 and on the CPU, if it was told to compute in bf16.
    """

    any_side: bool = False
    only_words: bool = False
    original: Callable[[], Perceptor] | None = None
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        resolution: int,
        width: int,
        mean: Sequence[float],
        std: Sequence[float],
        tokenizer: Tokenizer,
        interpolation: str = "bicubic",
    ) -> None:
        super().__init__()
        self.resolution = resolution
        self.width = width
        self.tokenizer = tokenizer
        self.interpolation = interpolation
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that it knows."""
        return self.tokenizer.vocabulary

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self.mean.device

    @property
    def members(self) -> tuple[Member, ...]:
        """The perceptors that guide a painting: this one."""
        return (Member(self, 1.0),)

    def with_each(self, change: Callable[[Perceptor], Perceptor]) -> Perceptor:
        """What ``change`` makes of it; an ensemble changes each of its members."""
        return change(self)

    @property
    @abstractmethod
    def scale(self) -> float:
        """The factor of similarities before a softmax over captions, or a sigmoid."""

    @abstractmethod
    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of token rows [B, context_length]; zeros where they mean nothing."""

    @abstractmethod
    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1, S being ``resolution``.

        With ``any_side`` S may be another.
        """

    def read_image(self, pictures: Tensor) -> Tensor:
        """Like :meth:`encode_image`, for pictures that are judged instead of painted.

        They differ if flatter probabilities guide a painting better than accurate ones.
        """
        return self.encode_image(pictures)

    def squeezed(self, pictures: Tensor) -> Tensor:
        """Pictures [N, 3, H, W] in 0..1 as squares [N, 3, S, S], S being ``resolution``."""
        return nn.functional.interpolate(
            pictures,
            (self.resolution, self.resolution),
            mode=self.interpolation,
            antialias=True,
            align_corners=False,
        ).clamp(0, 1)

    def joins(self, vector: Tensor) -> Join:
        """How words of this vector [D] join a painting from nothing.

        What would hide everything else if it came first joins late.
        """
        del vector
        return Join()

    def score_places(self, picture: Tensor, words: str) -> Tensor | None:
        """How well each place of a picture [1, 3, H, W] in 0..1 matches ``words``, [1, 1, h, w].

        Higher is better, in any unit. None if it only sees pictures as a whole; then sub-images
        say it (engine.painting.self_masking).
        """
        return None

    def encode_in_bf16(self) -> None:
        """Compute :meth:`encode_image` in bf16 from now on, where that is faster.

        Pictures, vectors and words stay in float32. A perceptor that would not be faster, or whose
        gradients would be too far from those in float32, does not change.
        """

    def encode_text(self, texts: list[str]) -> Tensor:
        """Unit vectors [len(texts), D] of ``texts``."""
        return self.encode_tokens(torch.stack([self.tokenize(text).ids for text in texts]))

    def tokenize(self, text: str) -> Tokens:
        """Split ``text`` into tokens; any text is accepted."""
        return self.tokenizer.tokenize(text)


def known_tokens(rows: Tensor, count: int) -> Tensor | None:
    """Which tokens [vocabulary] an embedding of ``count`` rows has, from their ids in ``rows``.

    None if ``rows`` are not ``count`` different ids of the vocabulary.
    """
    size = len(clip_tokenizer().encoder)
    rows = rows.long()
    if (
        not count
        or rows.shape != (count,)
        or rows.unique().numel() != count
        or (rows.min() < 0 or rows.max() >= size)
    ):
        return None
    known = torch.zeros(size, dtype=torch.bool)
    known[rows] = True
    return known


def unit(features: Tensor) -> Tensor:
    """Vectors [N, D] of any precision, normalised to unit length in at least float32."""
    precise = features.to(torch.promote_types(features.dtype, torch.float32))
    return nn.functional.normalize(precise, dim=-1)
