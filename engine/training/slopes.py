"""What the perceptor sees and where its answer rises, so that slopes can be trained.

CLIP's vision transformer written out: PyTorch's own attention has no second derivative where it is
fused, and training a slope needs one.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.perceptors.openai_clip import ClipPerceptor


def see(perceptor: ClipPerceptor, pictures: Tensor) -> Tensor:
    """Unit vectors [N, D] of ``pictures`` [N, 3, S, S] in 0..1; float32 throughout."""
    normal = (pictures - perceptor.mean) / perceptor.std
    return F.normalize(_features(perceptor.clip.visual, normal), dim=-1)


def see_slopes(perceptor: ClipPerceptor, pictures: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
    """The same, and the slope [N, 3, S, S] of each one's similarity to its text [N, D].

    Both can be derived once more, by the weights and by ``texts``.
    """
    with torch.enable_grad():
        pictures = pictures.detach().requires_grad_(True)
        images = see(perceptor, pictures)
        (slope,) = torch.autograd.grad((images * texts).sum(), pictures, create_graph=True)
    return images, slope


def _features(visual: Any, x: Tensor) -> Tensor:
    patch = visual.conv1.kernel_size[0]
    n, _, height, width = x.shape
    # A patch's pixels side by side: as a product it is faster than as a convolution, both ways.
    x = x.view(n, 3, height // patch, patch, width // patch, patch)
    x = x.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, 3 * patch * patch)
    x = F.linear(x, visual.conv1.weight.flatten(1))
    x = torch.cat([visual.class_embedding.expand(n, 1, -1), x], 1) + visual.positional_embedding
    x = _normed(x, visual.ln_pre)
    for block in visual.transformer.resblocks:
        attention = block.attn
        h = F.linear(_normed(x, block.ln_1), attention.in_proj_weight, attention.in_proj_bias)
        query, key, value = h.view(*h.shape[:2], 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5).softmax(-1)
        h = (weights @ value).transpose(1, 2).flatten(2)
        x = x + F.linear(h, attention.out_proj.weight, attention.out_proj.bias)
        h = F.linear(_normed(x, block.ln_2), block.mlp.c_fc.weight, block.mlp.c_fc.bias)
        h = h * torch.sigmoid(1.702 * h)
        x = x + F.linear(h, block.mlp.c_proj.weight, block.mlp.c_proj.bias)
    projection: Tensor = visual.proj
    return _normed(x[:, 0], visual.ln_post) @ projection


def _normed(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    return F.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, norm.eps)
