"""What is optimised: a quantised or continuous z, or logits over a codebook."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.errors import RequestError
from engine.models import Generator
from engine.models.codebook import embed_codes, nearest_codes
from engine.painting.losses import replace_gradient
from engine.request.recipe import Recipe


class Latent(nn.Module):
    """z, from which the generator decodes a picture; it decodes ``initial`` at the start."""

    z: nn.Parameter
    initial: Tensor

    def __call__(self, rng: torch.Generator) -> Tensor:
        """What the generator decodes now; random draws, if any, come from ``rng``."""
        result: Tensor = super().__call__(rng)
        return result

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

    def forward(self, rng: torch.Generator) -> Tensor:
        """z itself; draws nothing."""
        return self.z

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

    def forward(self, rng: torch.Generator) -> Tensor:
        """zq [1, D, h, w]; draws nothing."""
        codes = nearest_codes(self.z.detach(), self.codebook)
        height, width = self.z.shape[-2:]
        return replace_gradient(embed_codes(codes, self.codebook, height, width), self.z)


class CodebookLatent(Latent):
    """Logits over the codes, [1, K, h, w]: the authors' older method (ablated in G.1).

    Each forward samples one code per token from the softmax and passes the gradient straight to
    the probabilities. The starting picture's codes begin at logit 5, all others at 0.
    """

    def __init__(self, generator: Generator, start: Tensor) -> None:
        super().__init__()
        assert generator.codebook is not None
        self.codebook = generator.codebook.detach()
        self.initial = start.detach()
        codes = nearest_codes(self.initial, self.codebook)
        height, width = start.shape[-2:]
        logits = torch.zeros(1, height * width, len(self.codebook), device=codes.device)
        logits.scatter_(2, codes[..., None], 5.0)
        self.z = nn.Parameter(logits.transpose(1, 2).unflatten(2, (height, width)).contiguous())

    def forward(self, rng: torch.Generator) -> Tensor:
        """zq [1, D, h, w], sampled with ``rng`` (on the CPU, the same on every device)."""
        probabilities = self.z.flatten(2).transpose(1, 2).softmax(dim=2)[0]
        drawn = torch.multinomial(probabilities.detach().float().cpu(), 1, generator=rng)
        sampled = torch.zeros_like(probabilities).scatter_(1, drawn.to(self.z.device), 1.0)
        zq = replace_gradient(sampled, probabilities) @ self.codebook
        height, width = self.z.shape[-2:]
        return zq.T.reshape(1, -1, height, width)


def new_latent(
    generator: Generator, recipe: Recipe, start: Tensor | None, rng: torch.Generator
) -> Latent:
    """The latent of a new painting that starts from a picture ``start`` [1, 3, H, W] in 0..1.

    Without one it starts at random. Raises RequestError if the recipe samples from a codebook and
    the generator has none.
    """
    initial = (
        generator.random_latent(recipe.height, recipe.width, rng)
        if start is None
        else generator.encode_latent(start, rng)
    )
    spread = recipe.spread if start is None else 1.0
    if generator.codebook is None:
        if recipe.latent == "codebook":
            raise RequestError(
                "This model has no codebook to sample from; choose another preset or another model."
            )
        return ContinuousLatent(generator, initial, recipe.clamp, spread)
    if recipe.latent == "codebook":
        return CodebookLatent(generator, initial)
    return QuantisedLatent(generator, initial, recipe.clamp, spread)
