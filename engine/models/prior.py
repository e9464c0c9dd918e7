"""A prior over a generator's latents: a denoiser that knows drawings, and no words.

Taming's generators come with a second stage that knows which codes go together, and samples from
it. Here it need not sample: as a plug-and-play prior (Venkatakrishnan et al. 2013; Nguyen et al.
2017) it draws what the loop has found back to where pictures are, so that what the perceptor does
not see, a ground's evenness or an outline, does not come from chance.

It is a hourglass: convolutions over tokens, a transformer over squares of 2 x 2 of them whose
layers know how much noise there is (Peebles and Xie 2023), convolutions again. What it answers is a
share for each code and token, whose mean is the clean latent (Dieleman et al. 2022): between codes
where it cannot know, one code where it can.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, LAYERS, CHANNELS, HEAD = 192, 4, 96, 32
SQUARE = 2
_PLACES = 8  # a side of the places it is trained at; others lie between them
_FREQUENCIES = 32


def _begin_silent(*modules: nn.Linear | nn.Conv2d) -> None:
    """Make what they add nothing at first, so that deep is trained as easily as shallow."""
    for module in modules:
        nn.init.zeros_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class _Layer(nn.Module):
    """A transformer's layer, shifted and scaled by the noise level."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.before_attention = nn.LayerNorm(width, elementwise_affine=False)
        self.before_mlp = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.modulation = nn.Parameter(torch.zeros(6, width))
        _begin_silent(self.out, self.down)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """x [B, T, width], noise [B, 6, width] -> [B, T, width]."""
        m = (noise + self.modulation)[:, :, None]
        y = self.before_attention(x) * (1 + m[:, 0]) + m[:, 1]
        q, k, v = self.qkv(y).unflatten(2, (3, self.heads, HEAD)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + (1 + m[:, 2]) * self.out(y)
        y = self.before_mlp(x) * (1 + m[:, 3]) + m[:, 4]
        added: Tensor = (1 + m[:, 5]) * self.down(F.gelu(self.up(y)))
        return x + added


class _Convolutions(nn.Module):
    """Two convolutions beside what they are given, shifted and scaled by the noise level."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(width, 2 * channels)
        _begin_silent(self.second, self.modulation)

    def forward(self, x: Tensor, noise: Tensor) -> Tensor:
        """x [B, channels, h, w], noise [B, width] -> [B, channels, h, w]."""
        scale, shift = self.modulation(noise)[:, :, None, None].chunk(2, 1)
        added: Tensor = self.second(F.gelu(self.first(self.norm(x) * (1 + scale) + shift)))
        return x + added


class Prior(nn.Module):
    """The denoiser for latents of one ``codebook`` [K, D], which it has a copy of.

    Noise is counted in the codebook's standard deviation, as a recipe's steps are.
    """

    def __init__(self, codebook: Tensor, width: int = WIDTH, layers: int = LAYERS,
                 channels: int = CHANNELS) -> None:
        super().__init__()
        codebook = codebook.detach().float()
        self.mean: Tensor
        self.unit: Tensor
        self.codes: Tensor
        self.frequencies: Tensor
        # Not in the file: whoever loads a prior has the generator's codebook.
        self.register_buffer("mean", codebook.mean(0).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("unit", codebook.std(), persistent=False)
        self.register_buffer("codes", (codebook - codebook.mean(0)) / codebook.std(),
                             persistent=False)
        self.register_buffer("frequencies", torch.logspace(
            math.log10(0.5), math.log10(50), _FREQUENCIES), persistent=False)
        vector = codebook.shape[1]
        self.noise = nn.Linear(2 * _FREQUENCIES, width)
        self.modulation = nn.Linear(width, 6 * width)
        self.first = nn.Conv2d(vector, channels, 3, padding=1)
        self.before = nn.ModuleList([_Convolutions(channels, width)])
        self.into_squares = nn.Conv2d(channels, width, SQUARE, stride=SQUARE)
        self.places = nn.Parameter(0.02 * torch.randn(1, width, _PLACES, _PLACES))
        self.layers = nn.ModuleList(_Layer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out_of_squares = nn.Linear(width, SQUARE * SQUARE * channels)
        self.after = nn.ModuleList(_Convolutions(channels, width) for _ in range(2))
        self.last = nn.Conv2d(channels, vector, 1)
        self.bias = nn.Linear(vector, 1)
        _begin_silent(self.modulation)

    def logits(self, x: Tensor, sigma: Tensor) -> Tensor:
        """How likely each code is, [B, h*w, K], before a softmax.

        ``x`` [B, D, h, w] is a latent with the codebook's mean at 0 and its deviation at 1, to
        which noise of the deviation ``sigma`` [B] was added.
        """
        height, width = x.shape[-2:]
        x = F.pad(x, (0, width % SQUARE, 0, height % SQUARE), mode="replicate")
        angles = (sigma.log() / 4)[:, None] * self.frequencies
        noise = F.silu(self.noise(torch.cat([angles.sin(), angles.cos()], 1)))
        y = self.first(x / (1 + sigma.square()).sqrt()[:, None, None, None])
        for block in self.before:
            y = block(y, noise)
        squares = self.into_squares(y)
        squares = squares + F.interpolate(self.places, squares.shape[-2:], mode="bilinear",
                                          align_corners=False)
        z = squares.flatten(2).transpose(1, 2)
        modulation = self.modulation(noise).unflatten(1, (6, -1))
        for layer in self.layers:
            z = layer(z, modulation)
        z = self.out_of_squares(self.norm(z)).transpose(1, 2)
        y = y + F.pixel_shuffle(z.unflatten(2, squares.shape[-2:]), SQUARE)
        for block in self.after:
            y = block(y, noise)
        tokens = self.last(y)[..., :height, :width].flatten(2).transpose(1, 2).float()
        logits: Tensor = tokens @ self.codes.T + self.bias(self.codes).squeeze(1)
        return logits

    @torch.no_grad()
    def denoise(self, z: Tensor, sigma: float, rng: torch.Generator) -> Tensor:
        """The clean latent [1, D, h, w] to expect of ``z``, to which noise is added first.

        ``sigma`` is the noise's deviation, above 0, in deviations of the codebook; ``rng`` draws
        it, on the CPU. The more, the less of ``z`` is left, and the more like a drawing it is.
        """
        x = (z - self.mean) / self.unit
        x = x + sigma * torch.randn(x.shape, generator=rng).to(x)
        shares = self.logits(x, x.new_full((len(x),), sigma)).softmax(-1)
        clean: Tensor = (shares @ self.codes).transpose(1, 2).unflatten(2, z.shape[-2:])
        return clean * self.unit + self.mean


def prior_sizes(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Width, layers and channels of the prior that a state dict is of."""
    layers = {name.split(".")[1] for name in tensors if name.startswith("layers.")}
    return {"width": tensors["norm.weight"].shape[0], "layers": len(layers),
            "channels": tensors["last.weight"].shape[1]}
