"""A picture parametrised by its Fourier spectrum: no weights, any size.

The latent is the picture's spectrum, so each element changes the whole picture. It is scaled by
frequency like natural pictures, whose amplitude falls about as 1/f, and uses colour channels that
are uncorrelated in natural pictures. Olah, Mordvintsev and Schubert 2017, "Feature
Visualization"; Mordvintsev, Pezzotti, Schubert and Olah 2018, "Differentiable Image
Parameterizations", whose colour matrix this is (their ``lucid``, computed over ImageNet).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.models.generators.base import Generator
from engine.models.part_settings import check_names, number
from engine.random_numbers import Draws, Stream

# The square root of the covariance of ImageNet's colours: uncorrelated channels -> RGB.
_COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
_MARGIN = 1 / 256  # distance from black and white that encoding keeps, where logit is infinite


class FourierGenerator(Generator):
    """Pictures as a spectrum z [1, 6, H, W // 2 + 1]: real parts of three channels, imaginary ones.

    Coefficients are multiplied by (1/f)^``decay``. ``contrast`` is the standard deviation of the
    lightness before the sigmoid, approximately, of a z with standard deviation 1.
    """

    colours: Tensor

    def __init__(self, decay: float = 1.0, contrast: float = 1.0) -> None:
        super().__init__()
        self.decay, self.contrast = decay, contrast
        self.local = False
        self.factor = 2  # the spectra of widths W and W + 1 have the same width
        matrix = torch.tensor(_COLOURS)
        self.register_buffer("colours", matrix / matrix[:, 0].norm() * 3**0.5)

    def extra_repr(self) -> str:
        """What decoding depends on, besides the colours."""
        return f"decay={self.decay}, contrast={self.contrast}"

    @property
    def reference(self) -> Tensor:
        """The colour matrix [3, 3]."""
        return self.colours

    @property
    def scale(self) -> float:
        """1, the standard deviation of random latents."""
        return 1.0

    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """Normal noise [1, 6, H, W // 2 + 1], which decodes to clouds with a natural spectrum."""
        return draws.normal(Stream.START_LATENT, (1, 6, height, width // 2 + 1)).to(self.colours)

    @torch.no_grad()
    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The spectrum of a picture [1, 3, H, W] in 0..1; black and white become almost so."""
        plain = picture.clamp(_MARGIN, 1 - _MARGIN).logit()
        channels = torch.einsum("dc,bchw->bdhw", torch.linalg.inv(self.colours), plain)
        height, width = picture.shape[-2:]
        spectrum = torch.fft.rfft2(channels, norm="ortho") / self._gain(height, width)
        return torch.cat([spectrum.real, spectrum.imag], dim=1)

    def tiled(self) -> Generator:
        """The generator itself: its waves are periodic."""
        return self

    def decode(self, z: Tensor) -> Tensor:
        """z [B, 6, H, W // 2 + 1] -> picture [B, 3, H, W] in 0..1."""
        height, width = z.shape[-2], 2 * (z.shape[-1] - 1)
        spectrum = torch.complex(z[:, :3].contiguous(), z[:, 3:].contiguous())
        channels = torch.fft.irfft2(
            spectrum * self._gain(height, width), s=(height, width), norm="ortho"
        )
        picture: Tensor = torch.einsum("cd,bdhw->bchw", self.colours, channels).sigmoid()
        return picture

    def _gain(self, height: int, width: int) -> Tensor:
        """The factor of each coefficient, [H, W // 2 + 1]: 1 / f^decay, scaled to the contrast."""
        down = torch.fft.fftfreq(height, device=self.colours.device)[:, None]
        across = torch.fft.rfftfreq(width, device=self.colours.device)[None]
        frequency = (down.square() + across.square()).sqrt()
        gain: Tensor = frequency.clamp(min=1 / max(height, width)).pow(-self.decay)
        # z has a real and an imaginary part, and half of the plane represents all of it.
        power = (gain.square() * self._weight(width)).sum() / (height * width)
        return (gain * (self.contrast / (2 * power).sqrt())).to(self.colours.dtype)

    def _weight(self, width: int) -> Tensor:
        """How many columns of the whole plane each column of the half represents."""
        weight = torch.full((width // 2 + 1,), 2.0, device=self.colours.device)
        weight[0] = weight[-1] = 1.0
        return weight


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> FourierGenerator:
    """A generator with the settings ``decay`` (0 to 3) and ``contrast`` (0.01 to 10)."""
    check_names(settings, ("decay", "contrast"))
    generator = FourierGenerator(
        number(settings, "decay", 1.0, 0, 3), number(settings, "contrast", 1.0, 0.01, 10)
    )
    return generator.eval().requires_grad_(False)
