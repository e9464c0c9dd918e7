"""What is optimised: a quantised or continuous z, or logits over a codebook."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import Any, Self

import torch
from torch import Tensor, nn

from engine.errors import RequestError
from engine.models import Generator
from engine.models.codebook import embed_codes, nearest_codes, squared_norms
from engine.painting.losses import replace_gradient
from engine.random_numbers import Draws, Stream
from engine.request.recipe import Recipe


class Latent(nn.Module, ABC):
    """z, from which the generator decodes a picture; it decodes ``initial`` at the start."""

    z: nn.Parameter
    initial: Tensor

    def __call__(self, draws: Draws) -> Tensor:
        """What the generator decodes now; random numbers, if any, come from ``draws``."""
        result: Tensor = super().__call__(draws)
        return result

    @abstractmethod
    def best(self, z: Tensor | None = None) -> Tensor:
        """What the generator decodes for a finished picture; draws nothing.

        Of another ``z``, if one is given.
        """

    def over(self, z: Tensor, initial: Tensor | None) -> Self:
        """The same latent with its z in the memory of ``z``, and another ``initial`` if given."""
        other = copy.copy(self)
        other._parameters = {}
        other.z = nn.Parameter(z)
        if initial is not None:
            other.initial = initial
        return other

    def pull_to_mean(self, spread: float, tokens: Tensor | None = None) -> None:
        """Multiply the distance of z from the latents' mean by ``spread``, 0 to 1.

        Only where ``tokens`` [1, 1, h, w] is 1, if given.
        """

    def after_step(self) -> None:
        """Move z back within its bounds, if it has any."""


class ContinuousLatent(Latent):
    """z as ``generator`` decodes it, ``clamped`` to the generator's bounds if it has any.

    ``start`` is the initial z, ``spread`` the recipe's (see :meth:`pull_to_mean`).
    """

    def __init__(
        self, generator: Generator, start: Tensor, clamped: bool = True, spread: float = 1.0
    ) -> None:
        super().__init__()
        self.initial = start.detach()
        self.mean = generator.mean_latent().detach()
        self.bounds = generator.bounds() if clamped else None
        self.z = nn.Parameter(self.initial.clone())
        self.pull_to_mean(spread)

    def forward(self, draws: Draws) -> Tensor:
        """The same as :meth:`best`."""
        return self.best()

    def best(self, z: Tensor | None = None) -> Tensor:
        """z itself."""
        return self.z if z is None else z

    @torch.no_grad()
    def pull_to_mean(self, spread: float, tokens: Tensor | None = None) -> None:
        """Multiply the distance of z from the latents' mean by ``spread``."""
        if spread == 1:
            return
        near = self.mean + spread * (self.z - self.mean)
        self.z.copy_(near if tokens is None else torch.where(tokens > 0, near, self.z))

    @torch.no_grad()
    def after_step(self) -> None:
        """Clamp z to the bounds."""
        if self.bounds is not None:
            self.z.clamp_(*self.bounds)


class QuantisedLatent(ContinuousLatent):
    """z [1, D, h, w], quantised to its nearest codes on the way to the decoder (section 2.1).

    The gradient at the codes is passed straight to z. ``clamped`` keeps each channel of z between
    the codebook's minimum and maximum.
    """

    def __init__(
        self, generator: Generator, start: Tensor, clamped: bool = True, spread: float = 1.0
    ) -> None:
        super().__init__(generator, start, clamped, spread)
        assert generator.codebook is not None
        self.codebook = generator.codebook.detach()
        self.norms = squared_norms(self.codebook)

    def best(self, z: Tensor | None = None) -> Tensor:
        """zq [1, D, h, w]."""
        z = self.z if z is None else z
        codes = nearest_codes(z.detach(), self.codebook, self.norms)
        height, width = z.shape[-2:]
        return replace_gradient(embed_codes(codes, self.codebook, height, width), z)


class _ChosenCodes(torch.autograd.Function):
    """The vectors of chosen codes; the gradient goes straight to the probabilities of all codes."""

    @staticmethod
    def forward(ctx: Any, probabilities: Tensor, codes: Tensor, codebook: Tensor) -> Tensor:
        ctx.save_for_backward(codebook)
        return codebook[codes]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (codebook,) = ctx.saved_tensors
        return gradients[0] @ codebook.T, None, None


class CodebookLatent(Latent):
    """Logits over the codes, [1, K, h, w]: the authors' older method (ablated in G.1).

    Each forward samples one code per token from the softmax and passes the gradient straight to
    the probabilities; a finished picture has the most probable codes (the authors' codebook
    sampling notebook). ``initial`` [1, D, h, w] are vectors of codes. If they are ``picture``'s,
    the first samples show it, whatever the number of codes: each token's code begins with the
    probability 0.99. Otherwise the logits are standard normal, as in the notebook.
    """

    def __init__(self, generator: Generator, initial: Tensor, picture: bool, draws: Draws) -> None:
        super().__init__()
        assert generator.codebook is not None
        self.codebook = generator.codebook.detach()
        self.initial = initial.detach()
        count, (height, width) = len(self.codebook), initial.shape[-2:]
        if picture:
            codes = nearest_codes(self.initial, self.codebook)
            logits = torch.zeros(1, count, height * width, device=codes.device)
            likely = math.log(_START_PROBABILITY / (1 - _START_PROBABILITY) * max(1, count - 1))
            logits.scatter_(1, codes[:, None], likely)
            logits = logits.unflatten(2, (height, width))
        else:
            logits = draws.normal(Stream.START_LOGITS, (1, count, height, width))
        self.z = nn.Parameter(logits.to(self.codebook))

    def forward(self, draws: Draws) -> Tensor:
        """zq [1, D, h, w], sampled with one number of ``draws`` per token."""
        probabilities = self.z.flatten(2).transpose(1, 2).softmax(dim=2)[0]
        drawn = draws.uniform(Stream.SAMPLED_CODES, (len(probabilities), 1))
        codes = sample_codes(probabilities.detach(), drawn.to(probabilities.device))
        zq = _ChosenCodes.apply(probabilities, codes, self.codebook)  # type: ignore[no-untyped-call]  # torch's apply is untyped
        result: Tensor = zq.T.reshape(self.initial.shape)
        return result

    def best(self, z: Tensor | None = None) -> Tensor:
        """zq [1, D, h, w] of each token's most probable code."""
        z = self.z if z is None else z
        height, width = z.shape[-2:]
        return embed_codes(z.argmax(dim=1).flatten(1), self.codebook, height, width)


_START_PROBABILITY = 0.99


def sample_codes(probabilities: Tensor, drawn: Tensor) -> Tensor:
    """One code [T] per token of ``probabilities`` [T, K], by inverse transform sampling.

    ``drawn`` [T, 1] are uniform in 0..1. The cumulative sums are of whole numbers, so they do not
    depend on the order in which a device adds them.
    """
    parts = (probabilities.float() * 2**30).long()
    total = parts.cumsum(dim=1)
    bound = (drawn * total[:, -1:]).long().clamp(max=total[:, -1:] - 1)
    return torch.searchsorted(total, bound, right=True).squeeze(1)


def new_latent(
    generator: Generator,
    recipe: Recipe,
    start: Tensor | None,
    draws: Draws,
    chosen: Tensor | None = None,
) -> Latent:
    """The latent of a new painting that starts from a picture ``start`` [1, 3, H, W] in 0..1.

    Without one it starts at random, or from the z ``chosen`` among random ones. Raises RequestError
    if the recipe samples from a codebook and the generator has none.
    """
    if chosen is not None:
        initial = chosen
    elif start is None:
        initial = generator.random_latent(recipe.height, recipe.width, draws)
    else:
        initial = generator.encode_latent(start, draws)
    is_random = start is None and chosen is None
    spread = recipe.spread if is_random else 1.0
    if generator.codebook is None:
        if recipe.latent == "codebook":
            raise RequestError(
                "This model has no codebook to sample from; choose another preset or another model."
            )
        return ContinuousLatent(generator, initial, recipe.clamp, spread)
    if recipe.latent == "codebook":
        return CodebookLatent(generator, initial, not is_random, draws)
    return QuantisedLatent(generator, initial, recipe.clamp, spread)
