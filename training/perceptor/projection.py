"""The picture tower of the `drawn` perceptor: a projection.

A vision transformer whose only patch is the whole picture. Its first layer has the principal
components of drawings, and its blocks pass on what they get. The similarity of a picture to a
vector in that space has a single maximum, so from any start a painting becomes what its prompt
means, as far as the components can show it. With a deep network, trained or not, the similarity
has many local maxima, and most of them look like nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models.perceptors.openai_clip import ClipPerceptor

_SCALE = 50.0  # of the first layer: what follows is normalised, and fp16 ends at 6e-8


def project_on_components(
    perceptor: ClipPerceptor, pictures: Tensor, power: float = 0.5, seed: int = 0
) -> None:
    """Make ``perceptor``'s picture tower a projection on the components of ``pictures``.

    ``pictures`` is [N, 3, S, S] in 0..1, at its resolution. The vector of a picture x is the unit
    vector along (w V^T (x - 1/2) / c, 1): V are the first width - 2 principal components around
    middle grey; w are their singular values to the power of -``power``, so that small ones, which
    are details, count more; c is the mean length of what is before the 1, so that the similarity
    distinguishes pale pictures from those of strong contrast. Layer normalisation subtracts a
    vector's mean, so everything is in the dimensions orthogonal to that.

    Raises ValueError if the perceptor has no vision transformer with a single patch, or if there
    are no more pictures than it has dimensions.
    """
    visual = perceptor.clip.visual
    size = perceptor.resolution
    width = visual.proj.shape[0] if hasattr(visual, "proj") else 0
    if not hasattr(visual, "conv1") or visual.conv1.kernel_size[0] != size:
        raise ValueError(f"The perceptor needs one patch of {size} pixels.")
    if len(pictures) <= width:
        raise ValueError(f"There are {len(pictures)} pictures for {width} dimensions; draw more.")
    flat = pictures.flatten(1) - 0.5
    torch.manual_seed(seed)  # the decomposition starts from random vectors
    some = min(len(flat), width + 20)  # the smallest of those found are inaccurate
    _, values, patterns = (
        each[..., : width - 2] for each in torch.svd_lowrank(flat, q=some, niter=3)
    )
    seen = patterns * (values / values[0]) ** -power
    seen = seen / (flat @ seen).norm(dim=1).mean()
    orthogonal = _orthogonal_to_mean(width)
    inside, constant = orthogonal[:, :-1], orthogonal[:, -1]
    mean, std = (
        each.expand(1, 3, size, size).flatten() for each in (perceptor.mean, perceptor.std)
    )
    with torch.no_grad():
        first = inside @ (seen * std[:, None]).T
        visual.conv1.weight.copy_(_SCALE * first.view_as(visual.conv1.weight))
        visual.class_embedding.zero_()
        visual.positional_embedding.zero_()
        visual.positional_embedding[1] = _SCALE * (inside @ ((mean - 0.5) @ seen) + constant)
        for number, block in enumerate(visual.transformer.resblocks):
            for part in (
                block.attn.in_proj_bias,
                block.attn.out_proj.bias,
                block.attn.out_proj.weight,
                block.mlp.c_proj.weight,
                block.mlp.c_proj.bias,
            ):
                part.zero_()
            if number == 0:  # copy the picture's token to the class token, which is the output
                block.attn.in_proj_weight.zero_()
                block.attn.in_proj_weight[2 * width :] = torch.eye(width)
                block.attn.out_proj.weight.copy_(torch.eye(width))
        visual.proj.zero_()
        visual.proj[:, : width - 1] = orthogonal * width**-0.5


def _orthogonal_to_mean(width: int) -> Tensor:
    """Orthonormal columns [width, width - 1], each with a mean of 0."""
    with_ones = torch.cat([torch.ones(width, 1), torch.eye(width)[:, : width - 1]], 1)
    orthonormal: Tensor = torch.linalg.qr(with_ones)[0]
    return orthonormal[:, 1:]
