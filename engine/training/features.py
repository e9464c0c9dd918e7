"""How alike two pictures are to the perceptor's eye: in what it sees where, and in texture.

Pixel by pixel, a hatching or a mosaic's joints that lie a pixel off cost more than none at all, so
a generator that is trained on pixels alone leaves them out. Features stand where pixels did
(Johnson et al. 2016; as in LPIPS, Zhang et al. 2018, of unit length at each place), and their Gram
matrices tell a texture wherever it lies (Gatys et al. 2016).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.perceptor import Perceptor


class Features(nn.Module):
    """The first levels of a perceptor's modified ResNet, frozen."""

    def __init__(self, perceptor: Perceptor) -> None:
        super().__init__()
        self.perceptor = perceptor.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Of pictures [N, 3, S, S] in 0..1, features [N, C, H, W] of S/2, S/4 and S/8 a side."""
        visual = self.perceptor.clip.visual
        x = (pictures - self.perceptor.mean) / self.perceptor.std
        x = visual.relu1(visual.bn1(visual.conv1(x)))
        x = visual.relu2(visual.bn2(visual.conv2(x)))
        stem = visual.relu3(visual.bn3(visual.conv3(x)))
        first = visual.layer1(visual.avgpool(stem))
        return [stem, first, visual.layer2(first)]

    def compare(self, painted: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """How far ``painted`` is from ``real`` in features and in texture, means over [N, 3, S, S].

        The first lies in 0 to 4, the second is 0 where the textures agree and about 1 where
        they have nothing in common.
        """
        ours = self(painted)
        with torch.no_grad():
            theirs = self(real)
        seen, textures = [], []
        for own, true in zip(ours, theirs, strict=True):
            seen.append((F.normalize(own, dim=1) - F.normalize(true, dim=1)).square()
                        .sum(1).mean())
            wanted = _gram(true)
            textures.append(((_gram(own) - wanted).abs().sum((1, 2))
                             / wanted.abs().sum((1, 2)).clamp(min=1e-3)).mean())
        return torch.stack(seen).mean(), torch.stack(textures).mean()


def _gram(features: Tensor) -> Tensor:
    """[N, C, C] of features [N, C, H, W]: which go together, wherever that is."""
    flat = features.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
