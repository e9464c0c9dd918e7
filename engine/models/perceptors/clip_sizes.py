"""Reads the sizes of an OpenAI-format CLIP off the shapes of its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from engine.errors import CheckpointError
from engine.models.packages import clip_tokenizer


@dataclass(frozen=True)
class ClipSizes:
    """All sizes that shapes show; the number of attention heads is not among them.

    ``patch``, in pixels, is None for a modified ResNet, which has ``vision_layers`` blocks in each
    of its four stages. ``vision_hidden`` and ``text_hidden`` are the widths inside the perceptrons
    of the transformers; a ResNet has no ``vision_hidden``.
    """

    embed_dim: int
    resolution: int
    patch: int | None
    vision_width: int
    vision_layers: int | tuple[int, ...]
    vision_hidden: int | None
    text_width: int
    text_layers: int
    text_hidden: int
    context_length: int


def clip_sizes(tensors: Mapping[str, Tensor]) -> ClipSizes:
    """The sizes of the CLIP with these tensors; raises CheckpointError for others."""
    vocabulary, text_width = of_rank(tensors, "token_embedding.weight", 2).shape
    size = len(clip_tokenizer().encoder)
    if vocabulary != size:
        raise CheckpointError(
            "The checkpoint's vocabulary has {vocabulary} entries; OpenAI's "
            "tokenizer has {theirs}.",
            vocabulary=vocabulary,
            theirs=size,
        )
    first = of_rank(tensors, "visual.conv1.weight", 4)
    layers: int | tuple[int, ...]
    patch: int | None = None
    hidden: int | None = None
    if "visual.proj" in tensors:  # a vision transformer
        width, patch = first.shape[0], first.shape[-1]
        resolution = patch * _side(of_rank(tensors, "visual.positional_embedding", 2))
        layers = _count(tensors, "visual.transformer.resblocks.")
        hidden = _hidden(tensors, "visual.transformer.")
    else:  # a ModifiedResNet, which divides the side by 32 before its attention pool
        width = of_rank(tensors, "visual.layer1.0.conv1.weight", 4).shape[0]
        resolution = 32 * _side(of_rank(tensors, "visual.attnpool.positional_embedding", 2))
        layers = tuple(_count(tensors, f"visual.layer{stage}.") for stage in range(1, 5))
    return ClipSizes(
        embed_dim=of_rank(tensors, "text_projection", 2).shape[1],
        resolution=resolution,
        patch=patch,
        vision_width=width,
        vision_layers=layers,
        vision_hidden=hidden,
        text_width=text_width,
        text_layers=_count(tensors, "transformer.resblocks."),
        text_hidden=_hidden(tensors, "transformer."),
        context_length=of_rank(tensors, "positional_embedding", 2).shape[0],
    )


def of_rank(tensors: Mapping[str, Tensor], name: str, rank: int) -> Tensor:
    """The tensor called ``name``; raises CheckpointError if it is missing or of another rank."""
    tensor = tensors.get(name)
    if tensor is None:
        raise CheckpointError(
            "The checkpoint is not an OpenAI-format CLIP: it doesn't have {name}.", name=name
        )
    if tensor.ndim != rank or not tensor.numel():
        raise CheckpointError(
            "The checkpoint is not an OpenAI-format CLIP: {name} is {shape}.",
            name=name,
            shape=list(tensor.shape),
        )
    return tensor


def _hidden(tensors: Mapping[str, Tensor], transformer: str) -> int:
    return of_rank(tensors, f"{transformer}resblocks.0.mlp.c_fc.weight", 2).shape[0]


def _side(positions: Tensor) -> int:
    """The side of the square grid of position embeddings [1 + side^2, width]."""
    side = math.isqrt(positions.shape[0] - 1)
    if side < 1 or side**2 + 1 != positions.shape[0]:
        raise CheckpointError(
            "The checkpoint is not an OpenAI-format CLIP: its {count} picture "
            "positions are not a square number plus one.",
            count=positions.shape[0],
        )
    return side


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    """The number of layers under ``prefix``."""
    return len({name[len(prefix) :].split(".")[0] for name in tensors if name.startswith(prefix)})
