"""What is optimised: a z that is quantised or continuous, or logits over a codebook."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.errors import RequestError
from engine.models import Generator
from engine.models.codebook import embed_codes, nearest_codes
from engine.painting.losses import replace_gradient
from engine.request.recipe import Recipe


class Latent(nn.Module):
    """z, from which a generator decodes the picture; ``begun`` is what it decodes at the start."""

    z: nn.Parameter
    begun: Tensor

    def __call__(self, rng: torch.Generator) -> Tensor:
        """What the generator decodes now; random draws, if there are any, come from ``rng``."""
        result: Tensor = super().__call__(rng)
        return result

    def draw_near(self, spread: float, tokens: Tensor | None = None) -> None:
        """Bring z, or of it only ``tokens`` [1, 1, h, w] that are 1, near the latents' mean.

        ``spread`` is the share of the way from there that is left; at 1 nothing moves.
        """

    def after_step(self) -> None:
        """Bring z back to where it may be."""


class ContinuousLatent(Latent):
    """z as the generator takes it, within its bounds if it has any and it is ``clamped``.

    ``start`` is a z of ``generator``, ``spread`` the recipe's.
    """

    def __init__(self, generator: Generator, start: Tensor, clamped: bool = True,
                 spread: float = 1.0) -> None:
        super().__init__()
        self.begun = start.detach()
        self.mean = generator.mean_latent().detach()
        self.bounds = generator.bounds() if clamped else None
        self.z = nn.Parameter(self.begun.clone())
        self.draw_near(spread)

    def forward(self, rng: torch.Generator) -> Tensor:
        """z itself; draws nothing."""
        return self.z

    @torch.no_grad()
    def draw_near(self, spread: float, tokens: Tensor | None = None) -> None:
        """Bring z, or only some of its tokens, near the mean."""
        if spread == 1:
            return
        near = self.mean + spread * (self.z - self.mean)
        self.z.copy_(near if tokens is None else torch.where(tokens > 0, near, self.z))

    @torch.no_grad()
    def after_step(self) -> None:
        """Bring z back within the bounds."""
        if self.bounds is not None:
            self.z.clamp_(*self.bounds)


class QuantisedLatent(ContinuousLatent):
    """z [1, D, h, w], quantised to its nearest codes on the way to the decoder (section 2.1).

    The gradient at the codes goes straight to z. ``clamped`` keeps z, channel by channel,
    within the codebook's least and greatest.
    """

    def __init__(self, generator: Generator, start: Tensor, clamped: bool = True,
                 spread: float = 1.0) -> None:
        super().__init__(generator, start, clamped, spread)
        assert generator.codebook is not None
        self.codebook = generator.codebook.detach()

    def forward(self, rng: torch.Generator) -> Tensor:
        """zq [1, D, h, w]; draws nothing."""
        codes = nearest_codes(self.z.detach(), self.codebook)
        height, width = self.z.shape[-2:]
        return replace_gradient(embed_codes(codes, self.codebook, height, width), self.z)


class CodebookLatent(Latent):
    """Logits over the codes, [1, K, h, w]: the authors' older way (ablated in G.1).

    Each forward samples one code a token from the softmax and passes the gradient straight
    to the probabilities. Nearly all codes start alike, the starting picture's ahead.
    """

    def __init__(self, generator: Generator, start: Tensor) -> None:
        super().__init__()
        assert generator.codebook is not None
        self.codebook = generator.codebook.detach()
        self.begun = start.detach()
        codes = nearest_codes(self.begun, self.codebook)
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


def new_latent(generator: Generator, recipe: Recipe, start: Tensor | None,
               rng: torch.Generator) -> Latent:
    """The latent of a new painting, begun at a picture ``start`` [1, 3, H, W] in 0..1.

    Without one it begins at random. Raises RequestError where the recipe samples from a codebook
    and the generator has none.
    """
    begun = (generator.random_latent(recipe.height, recipe.width, rng) if start is None else
             generator.encode_latent(start, rng))
    spread = recipe.spread if start is None else 1.0
    if generator.codebook is None:
        if recipe.latent == "codebook":
            raise RequestError("This model's generator has no codebook to sample from; choose "
                               "another preset or another model.")
        return ContinuousLatent(generator, begun, recipe.clamp, spread)
    if recipe.latent == "codebook":
        return CodebookLatent(generator, begun)
    return QuantisedLatent(generator, begun, recipe.clamp, spread)
