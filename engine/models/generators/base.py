"""What every generator offers: a latent that is optimised, and the picture it stands for."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Generator(nn.Module, ABC):
    """From a latent z to a picture, and back. Nobody else asks of which kind it is.

    - ``factor``: width and height of a picture are multiples of it, in pixels. Where ``local``,
      it is also the side of the square that one element of z [B, C, h, w] stands for; else every
      element of z changes the whole picture;
    - ``resolution``: the side in pixels of the pictures that it was made for;
    - ``scale``: the standard deviation of its latents, what steps of a recipe count in that asks
      for "codebook".
    """

    factor: int = 1
    resolution: int = 256
    local: bool = True

    @property
    def codebook(self) -> Tensor | None:
        """The code vectors [K, D] that z is quantised to; None where z is continuous."""
        return None

    @property
    @abstractmethod
    def reference(self) -> Tensor:
        """Any of its tensors: on its device, in its precision."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """See the class."""

    @abstractmethod
    def random_latent(self, height: int, width: int, rng: torch.Generator) -> Tensor:
        """A z to start from, for a picture of ``height`` x ``width`` pixels, drawn on the CPU."""

    @abstractmethod
    def encode_latent(self, picture: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """The z of a picture [1, 3, H, W] in 0..1, whose sides are multiples of ``factor``."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """z, quantised where there is a codebook -> picture [B, 3, H, W], not yet clamped."""

    def decode_in_bf16(self) -> None:
        """Compute :meth:`decode` in bf16 from now on, where that makes it faster.

        Latents, pictures and :meth:`encode_latent` stay in float32. A generator that gains nothing
        stays as it is.
        """

    def mean_latent(self) -> Tensor:
        """The middle of all latents, broadcastable to z: where nothing of a start is left."""
        return torch.zeros(1, 1, 1, 1).to(self.reference)

    def bounds(self) -> tuple[Tensor, Tensor] | None:
        """The least and the greatest that z may be, broadcastable to z; None: no bounds."""
        return None

    def fingerprint(self) -> str:
        """SHA-256 of what a latent's meaning depends on; with another it cannot be continued."""
        told = hashlib.sha256(f"{type(self).__name__} {self.extra_repr()}".encode())
        for name, tensor in self.state_dict().items():
            told.update(name.encode() + _bytes(tensor))
        return told.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
