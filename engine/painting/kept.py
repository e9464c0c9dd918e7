"""What stays as it was of a painting: all outside its mask, and what is frozen."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.painting.latent import Latent
from engine.painting.masking import Mask, composite
from engine.painting.steering import Frozen


class KeepsParts:
    """A painting of which parts may stay; ``original`` is the picture that it edits."""

    latent: Latent
    original: Tensor | None
    mask: Mask | None
    frozen: Frozen | None

    def masked(self, zq: Tensor) -> Tensor:
        """zq [1, D, h, w], with the start's outside the mask, and as it was where it is frozen."""
        if self.mask is not None:
            # A codebook latent would draw other codes outside the mask, too.
            zq = torch.where(self.mask.tokens > 0, zq, self.latent.initial)
        return zq if self.frozen is None else self.frozen.masked(zq)

    @property
    def restores(self) -> bool:
        """Whether :meth:`restored` changes a picture."""
        return self.mask is not None or self.frozen is not None

    def restored(self, picture: Tensor) -> Tensor:
        """The picture [1, 3, H, W] in 0..1, with the original's pixels outside the mask.

        And as it was where it is frozen.
        """
        if self.mask is not None and self.original is not None:
            picture = composite(picture, self.original, self.mask.pixels)
        return picture if self.frozen is None else self.frozen.restored(picture)
