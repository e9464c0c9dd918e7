"""A picture tower that is a projection: what training of the perceptor begins with.

A vision transformer of one patch, the picture's own size, whose first layer holds the principal
components of drawings, and whose blocks at first only hand on what they are given. The similarity
of a picture to a vector in that space has one hill, wherever one starts: so a painting comes to be
what its words ask for, as far as the components can show it. What a deep network sees, untrained
or trained to tell pictures apart, has many hills, and most of them are nothing to look at.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models.perceptors.openai_clip import ClipPerceptor

_SCALE = 50.0  # of the first layer's numbers: behind it all is normalised, and fp16 ends at 6e-8


def see_by_components(perceptor: ClipPerceptor, pictures: Tensor, power: float = 0.5,
                      seed: int = 0) -> None:
    """Let ``perceptor`` see no more of a picture than its components, those of ``pictures``.

    ``pictures`` is [N, 3, S, S] in 0..1, of its resolution. Of a picture x it sees
    the unit vector along (w V^T (x - 1/2) / c, 1): V are the first width - 2 principal components
    about middle grey, w their singular values to the power of -``power``, so that small ones, which
    are details, count for more, and c is the mean length of what is before the 1, which makes
    similarity tell a pale picture from one of strong contrast. Layer normalisation takes a
    vector's mean away, so all of it lies in dimensions beside that.

    Raises ValueError where the perceptor has no vision transformer of one patch, or is as wide as
    there are pictures.
    """
    visual = perceptor.clip.visual
    size = perceptor.resolution
    width = visual.proj.shape[0] if hasattr(visual, "proj") else 0
    if not hasattr(visual, "conv1") or visual.conv1.kernel_size[0] != size:
        raise ValueError(f"The perceptor needs one patch of {size} pixels.")
    if len(pictures) <= width:
        raise ValueError(f"There are {len(pictures)} pictures for {width} dimensions; "
                         "draw more of them.")
    flat = pictures.flatten(1) - 0.5
    torch.manual_seed(seed)  # the decomposition begins with chance vectors
    some = min(len(flat), width + 20)  # the least of what is found are not yet the components
    _, values, patterns = (each[..., : width - 2] for each in
                           torch.svd_lowrank(flat, q=some, niter=3))
    seen = patterns * (values / values[0]) ** -power
    seen = seen / (flat @ seen).norm(dim=1).mean()
    beside = _beside_the_mean(width)
    inside, steady = beside[:, :-1], beside[:, -1]
    mean, std = (each.expand(1, 3, size, size).flatten() for each in (perceptor.mean,
                                                                      perceptor.std))
    with torch.no_grad():
        first = inside @ (seen * std[:, None]).T
        visual.conv1.weight.copy_(_SCALE * first.view_as(visual.conv1.weight))
        visual.class_embedding.zero_()
        visual.positional_embedding.zero_()
        visual.positional_embedding[1] = _SCALE * (inside @ ((mean - 0.5) @ seen) + steady)
        for number, block in enumerate(visual.transformer.resblocks):
            for part in (block.attn.in_proj_bias, block.attn.out_proj.bias,
                         block.attn.out_proj.weight, block.mlp.c_proj.weight,
                         block.mlp.c_proj.bias):
                part.zero_()
            if number == 0:  # the picture's token, handed to the one that answers
                block.attn.in_proj_weight.zero_()
                block.attn.in_proj_weight[2 * width:] = torch.eye(width)
                block.attn.out_proj.weight.copy_(torch.eye(width))
        visual.proj.zero_()
        visual.proj[:, :width - 1] = beside * width**-0.5


def _beside_the_mean(width: int) -> Tensor:
    """Orthonormal columns [width, width - 1], each of them with a mean of 0."""
    with_ones = torch.cat([torch.ones(width, 1), torch.eye(width)[:, : width - 1]], 1)
    orthonormal: Tensor = torch.linalg.qr(with_ones)[0]
    return orthonormal[:, 1:]
