"""OpenAI's CLIP: vision transformers and modified ResNets (paper, section 2.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.errors import CheckpointError
from engine.models.checkpoints import read_tensors
from engine.models.packages import clip_model, clip_tokenizer
from engine.models.part_settings import check_names
from engine.models.perceptors.base import Perceptor, known_tokens, unit
from engine.models.state_dict import Uninitialised, fill
from engine.translatable import Translatable

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
MAX_SCALE = 100.0  # the limit in CLIP's training
_EXTRAS = ("input_resolution", "context_length", "vocab_size")


class ClipPerceptor(Perceptor):
    """An OpenAI-format CLIP as a Perceptor."""

    def __init__(self, clip: Any, known: Tensor | None = None) -> None:
        super().__init__(
            resolution=clip.visual.input_resolution,
            context_length=clip.context_length,
            width=clip.text_projection.shape[1],
            mean=MEAN,
            std=STD,
            known=known,
        )
        self.clip = clip

    @property
    def scale(self) -> float:
        """CLIP's learned scale of similarities, at most 100."""
        return min(MAX_SCALE, float(self.clip.logit_scale.exp()))

    def encode_tokens(self, ids: Tensor) -> Tensor:
        """Unit vectors [B, D] of token rows [B, context_length]."""
        return unit(self.clip.encode_text(ids.to(self.device)))

    def encode_image(self, cutouts: Tensor) -> Tensor:
        """Unit vectors [N, D] of pictures [N, 3, S, S] in 0..1, S being ``resolution``."""
        return unit(self.clip.encode_image((cutouts - self.mean) / self.std))


def new_clip(
    *,
    embed_dim: int,
    resolution: int,
    vision_width: int,
    vision_layers: int | tuple[int, int, int, int],
    text_width: int,
    text_layers: int,
    context_length: int,
    patch: int | None = None,
) -> Any:
    """An untrained OpenAI-format CLIP in float32.

    With ``patch``, in pixels, it has a vision transformer of ``vision_layers`` layers; without, a
    modified ResNet with ``vision_layers`` blocks in each of its four stages.
    """
    return clip_model().CLIP(
        embed_dim=embed_dim,
        image_resolution=resolution,
        vision_layers=vision_layers,
        vision_width=vision_width,
        vision_patch_size=patch,
        context_length=context_length,
        vocab_size=len(clip_tokenizer().encoder),
        transformer_width=text_width,
        transformer_heads=text_width // 64,
        transformer_layers=text_layers,
    )


def build(files: Mapping[str, Path], settings: Mapping[str, Any]) -> ClipPerceptor:
    """The perceptor of a ``checkpoint``; see engine.models.kinds. It has no settings."""
    check_names(settings, ())
    return build_perceptor(read_tensors(files["checkpoint"]))


def build_perceptor(state_dict: Mapping[str, Tensor]) -> ClipPerceptor:
    """A Perceptor from an OpenAI-format CLIP's state dict; its sizes follow from the shapes.

    Like CLIP's own ``build_model``, but in float32, since float16 sometimes gives NaN. If there
    is ``token_embedding.rows`` [n], then ``token_embedding.weight`` [n, width] has only these rows
    of the vocabulary, and other tokens are unknown. Raises CheckpointError for other tensors.
    """
    tensors = {
        name: tensor
        for name, tensor in state_dict.items()
        if name not in _EXTRAS and not name.endswith(".attn_mask")
    }
    known = _scatter_embedding(tensors)
    sizes = _sizes(tensors)
    # Not on the meta device: the constructor also creates the attention mask, which no checkpoint
    # has.
    with Uninitialised():
        clip = clip_model().CLIP(**sizes)
    fill(clip, tensors, Translatable("an OpenAI-format CLIP"))
    return ClipPerceptor(clip, known).eval().requires_grad_(False)


def _scatter_embedding(tensors: dict[str, Tensor]) -> Tensor | None:
    """Expand an embedding of some rows to the vocabulary, in place; the mask of those rows."""
    rows = tensors.pop("token_embedding.rows", None)
    if rows is None:
        return None
    weight = _of_rank(tensors, "token_embedding.weight", 2)
    size = len(clip_tokenizer().encoder)
    known = known_tokens(rows, len(weight))
    if known is None:
        raise CheckpointError(
            "The checkpoint's token_embedding.rows must have a different token, "
            "out of {size}, for each row of token_embedding.weight.",
            size=size,
        )
    whole = torch.zeros(size, weight.shape[1])
    whole[rows.long()] = weight.float()
    tensors["token_embedding.weight"] = whole
    return known


def _has_heads(width: int) -> bool:
    """Whether OpenAI's CLIP can have this width, which it divides into heads of about 64."""
    return width >= 64 and width % (width // 64) == 0


def _of_rank(tensors: Mapping[str, Tensor], name: str, rank: int) -> Tensor:
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


def _sizes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The arguments of CLIP's constructor, from the shapes of its weights."""
    vocabulary, text_width = _of_rank(tensors, "token_embedding.weight", 2).shape
    if vocabulary != len(clip_tokenizer().encoder):
        raise CheckpointError(
            "The checkpoint's vocabulary has {vocabulary} entries; OpenAI's "
            "tokenizer has {theirs}.",
            vocabulary=vocabulary,
            theirs=len(clip_tokenizer().encoder),
        )
    first = _of_rank(tensors, "visual.conv1.weight", 4)
    layers: int | tuple[int, ...]
    patch: int | None = None
    if "visual.proj" in tensors:  # a vision transformer
        width, patch = first.shape[0], first.shape[-1]
        grid = _side(_of_rank(tensors, "visual.positional_embedding", 2))
        resolution = patch * grid
        layers = _count(tensors, "visual.transformer.resblocks.")
    else:  # a ModifiedResNet, which divides the side by 32 before its attention pool
        width = _of_rank(tensors, "visual.layer1.0.conv1.weight", 4).shape[0]
        resolution = 32 * _side(_of_rank(tensors, "visual.attnpool.positional_embedding", 2))
        layers = tuple(_count(tensors, f"visual.layer{stage}.") for stage in range(1, 5))
    fits = _has_heads(width) if patch else width % 2 == 0
    if not (fits and _has_heads(text_width)):
        raise CheckpointError(
            "The checkpoint is not an OpenAI-format CLIP: its widths {width} and "
            "{text_width} can't be divided into heads of 64.",
            width=width,
            text_width=text_width,
        )
    return {
        "embed_dim": _of_rank(tensors, "text_projection", 2).shape[1],
        "image_resolution": resolution,
        "vision_layers": layers,
        "vision_width": width,
        "vision_patch_size": patch,
        "context_length": _of_rank(tensors, "positional_embedding", 2).shape[0],
        "vocab_size": vocabulary,
        "transformer_width": text_width,
        "transformer_heads": text_width // 64,
        "transformer_layers": _count(tensors, "transformer.resblocks."),
    }


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
