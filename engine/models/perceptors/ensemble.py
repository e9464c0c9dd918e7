"""Several perceptors that guide a painting together, each with a weight.

A painting looks at its cutouts with one member after the other (engine.painting.looking), so that
only one member's activations are in memory at a time. What judges a whole picture, such as the
mask of ``where`` or a server's concepts, sees the ensemble as one perceptor: the members' mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from engine.models.perceptors.base import Member, Perceptor
from engine.models.perceptors.tokenizing import Tokens
from engine.models.reading import Vocabulary, common_vocabulary


class Ensemble(Perceptor):
    """Perceptors with positive weights, and their mean as a perceptor of its own.

    Its vectors are the members' next to each other, so scaled that ``scale`` times the product of
    two is the mean of the members' similarities, by weight and each times its own scale. It takes
    pictures of the largest member's resolution, and shrinks them for the others. It knows the
    words that all members know.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        perceptors = [member.perceptor for member in members]
        first = perceptors[0]
        super().__init__(
            resolution=max(each.resolution for each in perceptors),
            width=sum(each.width for each in perceptors),
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            tokenizer=first.tokenizer,
            interpolation=first.interpolation,
        )
        self.networks = nn.ModuleList(perceptors)
        self._members = tuple(members)
        self._vocabulary = common_vocabulary([each.vocabulary for each in perceptors])
        self.to(first.device)
        self.eval()

    @property
    def members(self) -> tuple[Member, ...]:
        """The perceptors and their weights; one that guides by several gives each of them."""
        return tuple(
            Member(part.perceptor, part.weight * weight)
            for perceptor, weight in self._members
            for part in perceptor.members
        )

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that all members know."""
        return self._vocabulary

    @property
    def scale(self) -> float:
        """The mean of the members' scales, by weight."""
        weights = [member.weight for member in self._members]
        return sum(
            w * m.perceptor.scale for m, w in zip(self._members, weights, strict=True)
        ) / sum(weights)

    def with_each(self, change: Callable[[Perceptor], Perceptor]) -> Perceptor:
        """The ensemble of the members that ``change`` returns; itself if they are the same."""
        members = [Member(change(member.perceptor), member.weight) for member in self._members]
        return self if tuple(members) == self._members else Ensemble(members)

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of the rows of all members, next to each other."""
        lengths = [member.perceptor.tokenizer.context_length for member in self._members]
        parts = zip(self._members, ids.split(lengths, dim=1), strict=True)
        return self._joined(member.perceptor.encode_tokens(part) for member, part in parts)

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1."""
        return self._joined(
            member.perceptor.encode_image(_resized(cutouts, member.perceptor))
            for member in self._members
        )

    def read_image(self, pictures: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1 that are judged."""
        return self._joined(
            member.perceptor.read_image(_resized(pictures, member.perceptor))
            for member in self._members
        )

    def tokenize(self, text: str) -> Tokens:
        """The members' tokens next to each other; what one member cuts or does not know counts."""
        read = [member.perceptor.tokenize(text) for member in self._members]
        return Tokens(
            torch.cat([tokens.ids for tokens in read]),
            tuple(dict.fromkeys(word for tokens in read for word in tokens.unknown)),
            max(tokens.cut for tokens in read),
            min(tokens.count for tokens in read),
        )

    def _joined(self, vectors: Iterable[Tensor]) -> Tensor:
        """Vectors [N, D_i] of the members as one [N, D] of unit length."""
        shares = [member.weight * member.perceptor.scale for member in self._members]
        return torch.cat(
            [
                each * (share / sum(shares)) ** 0.5
                for each, share in zip(vectors, shares, strict=True)
            ],
            dim=-1,
        )


def _resized(pictures: Tensor, perceptor: Perceptor) -> Tensor:
    is_fitting = pictures.shape[-1] == perceptor.resolution
    return pictures if is_fitting else perceptor.squeezed(pictures)
