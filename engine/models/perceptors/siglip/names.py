"""SigLIP's weights under the names of our networks, from either published layout."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from engine.models.perceptors.transformers_files import openai_layers, renamed

_TRANSFORMERS = {
    "vision_model.embeddings.patch_embedding.": "visual.conv1.",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.post_layernorm.": "visual.ln_post.",
    "vision_model.head.layernorm.": "visual.head.norm.",
    "vision_model.": "visual.",
    "text_model.embeddings.token_embedding.": "text.token_embedding.",
    "text_model.embeddings.position_embedding.weight": "text.positional_embedding",
    "text_model.final_layer_norm.": "text.ln_final.",
    "text_model.head.": "text.text_projection.",
    "text_model.": "text.",
}
# OpenCLIP's picture tower is timm's; its text tower has our names.
_TIMM = {
    "visual.trunk.patch_embed.proj.": "visual.conv1.",
    "visual.trunk.pos_embed": "visual.positional_embedding",
    "visual.trunk.norm.": "visual.ln_post.",
    "visual.trunk.attn_pool.latent": "visual.head.probe",
    "visual.trunk.attn_pool.proj.": "visual.head.attention.out_proj.",
    "visual.trunk.attn_pool.norm.": "visual.head.norm.",
    "visual.trunk.attn_pool.mlp.": "visual.head.mlp.",
    "visual.trunk.attn_pool.": "visual.head.attention.",
    "visual.trunk.blocks.": "visual.transformer.resblocks.",
}
_TIMM_LAYERS = {
    ".norm1.": ".ln_1.",
    ".norm2.": ".ln_2.",
    ".attn.qkv.weight": ".attn.in_proj_weight",
    ".attn.qkv.bias": ".attn.in_proj_bias",
    ".attn.proj.": ".attn.out_proj.",
    ".mlp.fc1.": ".mlp.c_fc.",
    ".mlp.fc2.": ".mlp.c_proj.",
}


def from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a ``SiglipModel`` or ``Siglip2Model``."""
    named = renamed(openai_layers(tensors), _TRANSFORMERS)
    patches = named.get("visual.conv1.weight")
    if patches is not None and patches.ndim == 2 and patches.shape[1] % 3 == 0:
        # NaFlex's are a linear layer of patches [side, side, 3].
        side = math.isqrt(patches.shape[1] // 3)
        if 3 * side**2 == patches.shape[1]:
            named["visual.conv1.weight"] = patches.unflatten(1, (side, side, 3)).movedim(3, 1)
    return _as_ours(named)


def from_open_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of an OpenCLIP ``CustomTextCLIP`` with timm's SigLIP as picture tower."""
    named: dict[str, Tensor] = {}
    for name, tensor in renamed(tensors, _TIMM).items():
        own = name
        if name.startswith("visual."):
            for theirs, ours in _TIMM_LAYERS.items():
                own = own.replace(theirs, ours)
        named[own] = tensor
    head = "visual.head.attention."
    for kind in ("weight", "bias"):
        parts = [f"{head}q.{kind}", f"{head}kv.{kind}"]
        if all(part in named for part in parts):
            named[f"{head}in_proj_{kind}"] = torch.cat([named.pop(part) for part in parts])
    return _as_ours(named)


def _as_ours(named: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without dimensions of length 1, which the layouts have in different places."""
    for name in ("visual.head.probe", "visual.positional_embedding", "logit_scale", "logit_bias"):
        if name in named:
            whole = named[name]
            named[name] = whole.reshape([n for n in whole.shape if n > 1])
    return named
