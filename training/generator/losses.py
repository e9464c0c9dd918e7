"""The losses of the generators, and their critic."""

from __future__ import annotations

import itertools

import torch.nn.functional as F
from torch import Tensor, nn


def edge_loss(painted: Tensor, real: Tensor, scales: int = 2) -> Tensor:
    """L1 of differences between neighbouring pixels, summed over both axes and ``scales``."""
    total = painted.new_zeros(())
    for scale in range(scales):
        if scale:
            painted, real = F.avg_pool2d(painted, 2), F.avg_pool2d(real, 2)
        for axis in (-1, -2):
            total = total + (painted.diff(dim=axis) - real.diff(dim=axis)).abs().mean()
    return total


def colour_loss(painted: Tensor, real: Tensor, side: int = 8) -> Tensor:
    """L1 of the mean colours of squares of ``side`` px, which the features hardly depend on."""
    return (F.avg_pool2d(painted, side) - F.avg_pool2d(real, side)).abs().mean()


class Critic(nn.Module):
    """Whether each patch of about 34 px is real: pictures [B, 3, H, W] in -1..1 -> [B, 1, h, w].

    Spectrally normalised (Miyato et al. 2018), so no gradient penalty is needed, which would take
    twice the time.
    """

    def __init__(self, widths: tuple[int, ...] = (3, 32, 64, 128)) -> None:
        super().__init__()
        normalised = nn.utils.parametrizations.spectral_norm
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [
                normalised(nn.Conv2d(before, after, 4, stride=2, padding=1)),
                nn.LeakyReLU(0.2),
            ]
        layers.append(normalised(nn.Conv2d(widths[-1], 1, 3, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores, above 0 for patches that look real."""
        judged: Tensor = self.layers(pictures)
        return judged


def critic_loss(critic: nn.Module, real: Tensor, painted: Tensor) -> Tensor:
    """The critic's hinge loss (Lim and Ye 2017)."""
    return F.relu(1 - critic(real)).mean() + F.relu(1 + critic(painted)).mean()


def grid_share(pictures: Tensor, period: int = 8, window: int = 3) -> Tensor:
    """How much of the fine structure of pictures [B, 3, H, W] repeats from token to token, 0..1.

    For each ``window`` x ``window`` tokens it is the energy of their mean divided by the mean of
    their energies: 1 for a grid, 1 / window**2 for anything unrelated to it. Smaller values count
    as that, as tokens would learn to be each other's negatives. It does not depend on contrast.
    Sides are multiples of ``period``, a token's side in pixels: at least ``window`` + 2 of them.
    """
    # Subtracting the mean of an odd number of pixels around each removes slopes.
    coarse = F.avg_pool2d(pictures, period + 1, stride=1, padding=period // 2)
    fine = (pictures - coarse)[..., period:-period, period:-period]  # not at the border
    tokens = F.pixel_unshuffle(fine, period)  # [B, 3 * period**2, h, w]
    repeated = F.avg_pool2d(tokens, window, stride=1).square().sum(dim=1)
    energy = F.avg_pool2d(tokens.square(), window, stride=1).sum(dim=1)
    invisible = tokens.shape[1] * 0.004**2  # one step of 8 bits
    share = repeated / (energy + invisible)
    return share.clamp(min=1 / window**2).mean()
