"""The codebook in training: it follows the tokens, and unused codes are put to use."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class CodebookTraining:
    """When a code counts as used. All but ``noise`` are in tokens a step, a moving average.

    Args:
        start: The usage that each code starts with. If it is high, a code's first tokens do not
            take it far from where it starts.
        moved_above: Codes used more than this follow their tokens.
        unused_below: Codes used less than this are unused, and are moved when codes are revived.
        revived: The usage of a code after it was revived.
        counted_above: Codes used more than this are in the reported share.
        noise: Added to revived codes, in standard deviations of the tokens.
        decay: Of the moving averages, each step.
    """

    start: float
    moved_above: float
    unused_below: float
    revived: float
    counted_above: float
    noise: float = 0.0
    decay: float = 0.99


class FollowingCodebook:
    """Moves ``codebook`` [K, D] in place to moving averages of the tokens that chose each code.

    Van den Oord et al. 2017, appendix A.1.
    """

    def __init__(self, codebook: Tensor, settings: CodebookTraining) -> None:
        self.codebook = codebook
        self.settings = settings
        self.counts = codebook.new_full((len(codebook),), settings.start)
        self.sums = codebook * self.counts[:, None]

    @torch.no_grad()
    def follow(self, tokens: Tensor, chosen: Tensor) -> None:
        """Average a step's tokens [N, D] into the codes [N] that they chose."""
        decay = self.settings.decay
        share = 1 - decay
        self.counts.mul_(decay).index_add_(0, chosen, tokens.new_full((len(chosen),), share))
        self.sums.mul_(decay).index_add_(0, chosen, share * tokens)
        used = self.counts > self.settings.moved_above
        self.codebook[used] = self.sums[used] / self.counts[used, None]

    @torch.no_grad()
    def revive(self, tokens: Tensor, generator: torch.Generator) -> None:
        """Move the unused codes to random ones of the tokens [N, D].

        The numbers are drawn on the CPU, so they are the same for every device.
        """
        unused = (self.counts < self.settings.unused_below).nonzero().flatten()
        rows = torch.randint(len(tokens), (len(unused),), generator=generator)
        revived = tokens[rows.to(tokens.device)]
        if self.settings.noise:
            random = torch.randn(revived.shape, generator=generator)
            revived = revived + self.settings.noise * tokens.std() * random.to(tokens.device)
        self.codebook[unused] = revived
        self.counts[unused] = self.settings.revived
        self.sums[unused] = self.settings.revived * revived

    @torch.no_grad()
    def restart(self, used: int) -> None:
        """Forget all tokens; the first ``used`` codes count as used, the others as unused."""
        self.counts.zero_()
        self.counts[:used] = 1.0
        self.sums.copy_(self.codebook * self.counts[:, None])

    def share_used(self) -> float:
        """The share of codes in use, 0..1."""
        return (self.counts > self.settings.counted_above).float().mean().item()

    def state_dict(self) -> dict[str, Tensor]:
        """What :meth:`load_state_dict` needs; the codebook itself is the model's."""
        return {"counts": self.counts, "sums": self.sums}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from a :meth:`state_dict`."""
        self.counts.copy_(state["counts"])
        self.sums.copy_(state["sums"])
