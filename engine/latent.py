"""What is optimised: a z that is quantised, or logits over the codebook."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.losses import replace_gradient
from engine.models.generator import Generator, embed_codes, nearest_codes


class QuantisedLatent(nn.Module):
    """z [1, D, h, w], quantised to its nearest codes on the way to the decoder (section 2.1).

    The gradient at the codes goes straight to z. ``clamped`` keeps z, channel by channel,
    within the codebook's least and greatest. ``spread`` is the recipe's.
    """

    def __init__(self, generator: Generator, codes: Tensor, height: int, width: int,
                 clamped: bool = True, spread: float = 1.0) -> None:
        super().__init__()
        self.codebook = generator.codebook.detach()
        self.z = nn.Parameter(generator.embed(codes, height, width).detach().clone())
        self.clamped = clamped
        self.draw_near(spread)

    @torch.no_grad()
    def draw_near(self, spread: float, tokens: Tensor | None = None) -> None:
        """Bring z, or of it only ``tokens`` [1, 1, h, w] that are 1, near the codebook's mean.

        ``spread`` is the share of the way from there that is left; at 1 nothing moves.
        """
        if spread == 1:
            return
        mean = self.codebook.mean(0).view(1, -1, 1, 1)
        near = mean + spread * (self.z - mean)
        self.z.copy_(near if tokens is None else torch.where(tokens > 0, near, self.z))

    def forward(self, rng: torch.Generator) -> Tensor:
        """zq [1, D, h, w]; draws nothing."""
        codes = nearest_codes(self.z.detach(), self.codebook)
        height, width = self.z.shape[-2:]
        return replace_gradient(embed_codes(codes, self.codebook, height, width), self.z)

    @torch.no_grad()
    def after_step(self) -> None:
        """Bring z back within the codebook's range."""
        if self.clamped:
            low, high = self.codebook.aminmax(dim=0)
            self.z.clamp_(low.view(1, -1, 1, 1), high.view(1, -1, 1, 1))


class CodebookLatent(nn.Module):
    """Logits over the codes, [1, K, h, w]: the authors' older way (ablated in G.1).

    Each forward samples one code a token from the softmax and passes the gradient straight
    to the probabilities. Nearly all codes start alike, the starting picture's ahead.
    """

    def __init__(self, generator: Generator, codes: Tensor, height: int, width: int) -> None:
        super().__init__()
        self.codebook = generator.codebook.detach()
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

    def draw_near(self, spread: float, tokens: Tensor | None = None) -> None:
        """Nothing to draw near: codes that are all alike have no mean of their own."""

    def after_step(self) -> None:
        """Nothing to bring back: logits have no range."""


Latent = QuantisedLatent | CodebookLatent


def random_codes(generator: Generator, height: int, width: int, rng: torch.Generator) -> Tensor:
    """Uniformly random codes [1, height*width], drawn on the CPU from ``rng``."""
    codes = torch.randint(len(generator.codebook), (1, height * width), generator=rng)
    return codes.to(generator.codebook.device)
