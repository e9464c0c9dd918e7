"""CLIP's picture towers as the loop uses them: our own forward and backward passes.

They take the weights of the package's modules, which say what is right (the tests compare values
and gradients), and give the gradient of the picture. The weights are frozen.
"""

from __future__ import annotations

from typing import Any

from engine.models.packages import clip_model
from engine.models.perceptors.picture_tower.resnet import PictureResNet
from engine.models.perceptors.picture_tower.transformer import PictureTransformer

__all__ = ["PictureResNet", "PictureTransformer", "picture_tower"]


def picture_tower(visual: Any) -> PictureTransformer | PictureResNet:
    """The tower with the weights of ``visual``, the package's VisionTransformer or ModifiedResNet.

    A transformer shares them. A ResNet's are folded with its batch norms, layer by layer, and
    ``visual`` can't be used afterwards.
    """
    if isinstance(visual, clip_model().ModifiedResNet):
        return PictureResNet(visual)
    return PictureTransformer(visual)
