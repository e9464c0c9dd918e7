"""The published loop, plainly, to compare the engine's speed with.

It is the loop of the authors' notebook (Crowson 2021: z is quantised to its nearest codes, with
augmentations and a regulariser), made of the packages themselves: taming-transformers' decoder,
CLIP's ``model.py``, kornia's augmentations, torch's Adam. All of it is in float32. Nothing is made
slower than published: pictures are not written at each iteration, and losses are not read.

Nothing here calls the engine's own mathematics, so that it is also a check of that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import kornia.augmentation as K
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.packages import (
    clip_model,
    clip_tokenizer,
    published_autoencoder,
    taming_quantizers,
)

# CLIP's normalisation of pictures, as in its preprocessing.
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


class Autoencoder(nn.Module):
    """A VQGAN in the published layout: the names and shapes of a checkpoint's tensors."""

    def __init__(self, ddconfig: Mapping[str, Any], n_embed: int, embed_dim: int) -> None:
        super().__init__()
        self.encoder, self.decoder = published_autoencoder(**ddconfig)
        self.quantize = taming_quantizers().VectorQuantizer2(n_embed, embed_dim, beta=0.25)
        self.quant_conv = nn.Conv2d(ddconfig["z_channels"], embed_dim, 1)
        self.post_quant_conv = nn.Conv2d(embed_dim, ddconfig["z_channels"], 1)

    @property
    def codebook(self) -> Tensor:
        """The code vectors [K, D]."""
        weight: Tensor = self.quantize.embedding.weight
        return weight


def new_clip(sizes: Mapping[str, Any]) -> Any:
    """An untrained CLIP in float32; ``sizes`` are the arguments of CLIP's class."""
    return clip_model().CLIP(vocab_size=len(clip_tokenizer().encoder), **sizes)


class _ReplaceGrad(torch.autograd.Function):
    """The values of one tensor, whose gradient goes to another."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, receiver: Tensor) -> Tensor:
        ctx.shape = receiver.shape
        return values

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[None, Tensor]:
        return None, slopes[0].sum_to_size(ctx.shape)


class _ClampWithGrad(torch.autograd.Function):
    """A clamp to 0..1 that blocks only gradients which lead further out."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        (slope,) = slopes
        return slope * (slope * (x - x.clamp(0, 1)) >= 0)


def replace_grad(values: Tensor, receiver: Tensor) -> Tensor:
    """``values`` with the gradient of ``receiver``."""
    result: Tensor = _ReplaceGrad.apply(values, receiver)
    return result


def clamp_with_grad(x: Tensor) -> Tensor:
    """``x`` clamped to 0..1."""
    result: Tensor = _ClampWithGrad.apply(x)
    return result


def vector_quantize(tokens: Tensor, codebook: Tensor) -> Tensor:
    """Tokens [..., D] -> their nearest codes, as a product with a one-hot matrix [..., K]."""
    squares = tokens.pow(2).sum(dim=-1, keepdim=True) + codebook.pow(2).sum(dim=1)
    codes = (squares - 2 * tokens @ codebook.T).argmin(-1)
    chosen = F.one_hot(codes, len(codebook)).to(tokens.dtype) @ codebook
    return replace_grad(chosen, tokens)


def _lanczos(ratio: float, lobes: int = 2) -> Tensor:
    """A low-pass filter for shrinking by ``ratio`` < 1: a sinc windowed by its centre lobe."""
    reach = math.ceil(lobes / ratio) - 1
    x = torch.arange(-reach, reach + 1) * ratio
    taps = torch.sinc(x) * torch.sinc(x / lobes)
    return taps / taps.sum()


def resample(picture: Tensor, size: int) -> Tensor:
    """A square [1, 3, S, S] -> [1, 3, size, size]: Lanczos if it shrinks, then bicubic."""
    side = picture.shape[-1]
    planes = picture.transpose(0, 1)
    if size < side:
        taps = _lanczos(size / side).to(picture)
        pad = len(taps) // 2
        planes = F.conv2d(F.pad(planes, (0, 0, pad, pad), "reflect"), taps[None, None, :, None])
        planes = F.conv2d(F.pad(planes, (pad, pad, 0, 0), "reflect"), taps[None, None, None])
    resized = F.interpolate(planes, (size, size), mode="bicubic", align_corners=True)
    return resized.transpose(0, 1)


class MakeCutouts(nn.Module):
    """Random squares [N, 3, S, S] of a picture, augmented as in the authors' notebook.

    What kornia calls ColorJiggle was called ColorJitter then.
    """

    def __init__(self, size: int, count: int, augmented: bool = True) -> None:
        super().__init__()
        self.size, self.count, self.augmented = size, count, augmented
        self.augmentations = nn.Sequential(
            K.RandomHorizontalFlip(p=0.5),
            K.RandomAffine(degrees=30, translate=0.1, p=0.8, padding_mode="border"),
            K.RandomPerspective(0.2, p=0.4),
            K.ColorJiggle(hue=0.01, saturation=0.01, p=0.7),
        )
        self.noise = 0.1

    def forward(self, picture: Tensor) -> Tensor:
        """The cutouts of a picture [1, 3, H, W] in 0..1."""
        height, width = picture.shape[-2:]
        most = min(height, width)
        least = min(most, self.size)
        cutouts = []
        for _ in range(self.count):
            side = int(torch.rand([]) * (most - least) + least)
            left = int(torch.randint(0, width - side + 1, ()))
            top = int(torch.randint(0, height - side + 1, ()))
            cutouts.append(resample(picture[:, :, top : top + side, left : left + side], self.size))
        batch = torch.cat(cutouts)
        if self.augmented:
            batch = self.augmentations(batch)
            strength = batch.new_empty([self.count, 1, 1, 1]).uniform_(0, self.noise)
            batch = batch + strength * torch.randn_like(batch)
        return clamp_with_grad(batch)


class Prompt(nn.Module):
    """The squared spherical distance of cutouts to a text's vector [1, D], as a scalar."""

    embed: Tensor
    weight: Tensor
    stop: Tensor

    def __init__(self, embed: Tensor, weight: float = 1.0, stop: float = -math.inf) -> None:
        super().__init__()
        self.register_buffer("embed", embed)
        self.register_buffer("weight", torch.tensor(weight))
        self.register_buffer("stop", torch.tensor(stop))

    def forward(self, vectors: Tensor) -> Tensor:
        """The mean over the cutouts' vectors [N, D]."""
        seen = F.normalize(vectors.unsqueeze(1), dim=2)
        wanted = F.normalize(self.embed.unsqueeze(0), dim=2)
        distance = (seen - wanted).norm(dim=2).div(2).arcsin().pow(2).mul(2)
        distance = distance * self.weight.sign()
        held = replace_grad(distance, torch.maximum(distance, self.stop))
        return self.weight.abs() * held.mean()


@dataclass(frozen=True)
class Settings:
    """What the published loop paints; ``side`` in pixels, ``cutouts`` per iteration.

    ``rate`` is Adam's step, ``alpha`` the regulariser's weight, which loses ``decay`` at each
    iteration. ``clip_half`` gives CLIP float16 weights, as its ``load`` does on a GPU.
    """

    side: int = 256
    cutouts: int = 32
    prompt: str = "a castle on a hill"
    seed: int = 0
    device: str = "cpu"
    augmented: bool = True
    rate: float = 0.15
    alpha: float = 0.75
    decay: float = 0.005
    clip_half: bool = False


class PublishedLoop:
    """The loop; each :meth:`step` is one iteration.

    Its parts are methods of their own, so that they can be timed: ``quantise``, ``decode``,
    ``cut``, ``look``, ``backward``, ``update``. ``start`` is the first z [1, D, h, w]; without one
    it is random codes.
    """

    def __init__(
        self, autoencoder: Autoencoder, clip: Any, settings: Settings, start: Tensor | None = None
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        device = torch.device(settings.device)
        self.model = autoencoder.eval().requires_grad_(False).to(device)
        self.clip = clip.eval().requires_grad_(False).to(device)
        if settings.clip_half:
            clip_model().convert_weights(self.clip)
        self.codebook = self.model.codebook
        factor = 2 ** (self.model.decoder.num_resolutions - 1)
        if start is None:
            tokens = settings.side // factor
            codes = torch.randint(len(self.codebook), [tokens * tokens], device=device)
            chosen = F.one_hot(codes, len(self.codebook)).float() @ self.codebook
            start = chosen.view(1, tokens, tokens, -1).permute(0, 3, 1, 2)
        self.z = start.detach().clone().to(device).requires_grad_(True)
        self.low = self.codebook.min(dim=0).values[None, :, None, None]
        self.high = self.codebook.max(dim=0).values[None, :, None, None]
        self.optimiser = torch.optim.Adam([self.z], lr=settings.rate)
        self.make_cutouts = MakeCutouts(
            clip.visual.input_resolution, settings.cutouts, settings.augmented
        )
        self.mean = torch.tensor(_MEAN, device=device)[None, :, None, None]
        self.std = torch.tensor(_STD, device=device)[None, :, None, None]
        with torch.no_grad():
            text = clip.encode_text(self._tokens(settings.prompt).to(device)).float()
        self.prompts = [Prompt(text).to(device)]
        self.iteration = 0

    def _tokens(self, words: str) -> Tensor:
        """The row [1, context length] of CLIP's tokens."""
        tokenizer = clip_tokenizer()
        first, last = (tokenizer.encoder[f"<|{end}oftext|>"] for end in ("start", "end"))
        ids = [first, *tokenizer.encode(words), last]
        row = torch.zeros(1, self.clip.context_length, dtype=torch.long)
        row[0, : len(ids)] = torch.tensor(ids)
        return row

    def quantise(self) -> Tensor:
        """zq [1, D, h, w], whose gradient goes to z."""
        return vector_quantize(self.z.movedim(1, 3), self.codebook).movedim(3, 1)

    def decode(self, zq: Tensor) -> Tensor:
        """The picture [1, 3, H, W] in 0..1."""
        decoded = self.model.decoder(self.model.post_quant_conv(zq))
        return clamp_with_grad(decoded.add(1).div(2))

    def cut(self, picture: Tensor) -> Tensor:
        """The cutouts [N, 3, S, S]."""
        cutouts: Tensor = self.make_cutouts(picture)
        return cutouts

    def look(self, cutouts: Tensor) -> Tensor:
        """CLIP's vectors [N, D] of the cutouts, not normalised."""
        vectors: Tensor = self.clip.encode_image((cutouts - self.mean) / self.std)
        return vectors.float()

    def backward(self, total: Tensor) -> None:
        """The gradient of z."""
        total.backward()

    def update(self) -> None:
        """One step of Adam, and z back into the codebook's range."""
        self.optimiser.step()
        with torch.no_grad():
            self.z.copy_(self.z.maximum(self.low).minimum(self.high))

    def step(self) -> list[Tensor]:
        """One iteration; the losses: each prompt's, then the regulariser's."""
        self.optimiser.zero_grad(set_to_none=True)
        vectors = self.look(self.cut(self.decode(self.quantise())))
        losses = [prompt(vectors) for prompt in self.prompts]
        alpha = max(0.0, self.settings.alpha - self.settings.decay * self.iteration)
        if alpha:
            losses.append(F.mse_loss(self.z, torch.zeros_like(self.z)) * alpha)
        self.backward(torch.stack(losses).sum())
        self.update()
        self.iteration += 1
        return losses

    @torch.no_grad()
    def picture(self) -> Tensor:
        """The current picture [1, 3, H, W] in 0..1: published previews decode once more."""
        return self.decode(self.quantise())
