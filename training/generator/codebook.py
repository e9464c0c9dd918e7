"""The codebook in training: it follows the tokens, and unused codes are put to use."""

from __future__ import annotations

import torch
from torch import Tensor


class Followed:
    """Moves ``codebook`` [K, D] in place to moving averages of the tokens that chose each code.

    Van den Oord et al. 2017, appendix A.1.
    """

    def __init__(self, codebook: Tensor, decay: float = 0.99, unused: float = 0.003) -> None:
        self.codebook = codebook
        self.decay = decay
        self.unused = unused  # tokens a step: a code that fewer choose counts as unused
        # High enough that a code's first tokens do not take it far from where it begins.
        self.counts = torch.full((len(codebook),), 100 * unused)
        self.sums = codebook * self.counts[:, None]

    @torch.no_grad()
    def follow(self, tokens: Tensor, chosen: Tensor) -> None:
        """Take in a step's tokens [N, D] and the codes [N] that they chose."""
        share = 1 - self.decay
        self.counts.mul_(self.decay).index_add_(0, chosen, torch.full((len(chosen),), share))
        self.sums.mul_(self.decay).index_add_(0, chosen, share * tokens)
        used = self.counts > self.unused
        self.codebook[used] = self.sums[used] / self.counts[used, None]

    @torch.no_grad()
    def revive(self, tokens: Tensor, generator: torch.Generator) -> None:
        """Put the unused codes where random ones of the tokens [N, D] are."""
        unused = (self.counts <= self.unused).nonzero().flatten()
        rows = torch.randint(len(tokens), (len(unused),), generator=generator)
        self.codebook[unused] = tokens[rows]
        self.counts[unused] = 10 * self.unused
        self.sums[unused] = 10 * self.unused * tokens[rows]

    def share_used(self) -> float:
        """The share of codes that are in use."""
        return (self.counts > self.unused).float().mean().item()

    def state_dict(self) -> dict[str, Tensor]:
        """What :meth:`load_state_dict` needs; the codebook itself is the model's."""
        return {"counts": self.counts, "sums": self.sums}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a :meth:`state_dict`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])
