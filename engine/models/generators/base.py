"""The interface of generators, which decode pictures from latents."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.models.generators.vector import Stroke
from engine.random_numbers import Draws
from engine.request.motion import Motion


class Generator(nn.Module, ABC):
    """Decodes latents z to pictures, and encodes pictures. Other code never asks for its kind.

    - ``factor``: width and height of a picture are multiples of it, in pixels. If ``local``, each
      element of z [B, C, h, w] also represents a square with that side; otherwise each element
      of z changes the whole picture.
    - ``resolution``: the side in pixels of the pictures it was trained on.
    - ``scale``: the standard deviation of its latents, the unit of a recipe's steps if the recipe
      says "codebook".
    - ``original``: reads it again, in float32 and on the CPU, if its weights were rounded.
    """

    factor: int = 1
    resolution: int = 256
    local: bool = True
    original: Callable[[], Generator] | None = None

    @property
    def codebook(self) -> Tensor | None:
        """The code vectors [K, D] to which z is quantised; None if z is continuous."""
        return None

    @property
    @abstractmethod
    def reference(self) -> Tensor:
        """Any of its tensors, to read the device and the precision of z from."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """The standard deviation of its latents."""

    @abstractmethod
    def random_latent(self, height: int, width: int, draws: Draws) -> Tensor:
        """A random z for a picture of ``height`` x ``width`` pixels."""

    @abstractmethod
    def encode_latent(self, picture: Tensor, draws: Draws | None = None) -> Tensor:
        """The z of a picture [1, 3, H, W] in 0..1, whose sides are multiples of ``factor``."""

    @abstractmethod
    def decode(self, z: Tensor) -> Tensor:
        """z (quantised, if there is a codebook) -> pictures [B, 3, H, W], not clamped to 0..1."""

    def decode_in_less_memory(self, z: Tensor) -> Tensor:
        """:meth:`decode`, with less kept for a longer backward pass, if a generator can.

        Pictures and gradients are the same, bit for bit.
        """
        return self.decode(z)

    def decode_in_bf16(self) -> None:
        """Compute :meth:`decode` in bf16 from now on, if that is faster.

        Latents, pictures and :meth:`encode_latent` stay in float32. A generator that would not be
        faster does not change.
        """

    def moved(self, z: Tensor, motion: Motion) -> Tensor | None:
        """z [1, ...] after one move of the camera; None if the picture is moved and encoded again.

        For generators whose z says where things are.
        """
        return None

    def tiled(self) -> Generator | None:
        """The same generator, whose pictures go on at the opposite border; None if it has no such.

        It shares the weights.
        """
        return None

    def strokes(self, z: Tensor) -> list[Stroke] | None:
        """The strokes of a z [1, ...], the lowest first; None if it paints pixels."""
        return None

    def mean_latent(self) -> Tensor:
        """The mean of all latents, broadcastable to z."""
        return torch.zeros(1, 1, 1, 1).to(self.reference)

    def bounds(self) -> tuple[Tensor, Tensor] | None:
        """The minimum and maximum of z, broadcastable to z; None if there are none."""
        return None

    def fingerprint(self) -> str:
        """SHA-256 of everything that decoding depends on; a saved latent is only valid with it."""
        digest = hashlib.sha256(f"{type(self).__name__} {self.extra_repr()}".encode())
        for name, tensor in self.state_dict().items():
            digest.update(name.encode() + _bytes(tensor))
        return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
