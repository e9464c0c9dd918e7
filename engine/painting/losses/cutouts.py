"""Losses of the cutouts' vectors: distances to the prompts and to the original picture.

Each is a mean over the cutouts, so that they can be looked at in several passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from engine.painting.losses.gradients import replace_gradient


def spherical_distance(u: Tensor, v: Tensor) -> Tensor:
    """Squared spherical distance of unit vectors [..., D], broadcast: 2 asin(||u - v|| / 2)^2.

    It is half the square of the angle: 0 for equal, 1.234 for orthogonal and 4.935 for opposite
    vectors (paper, section 2; Crowson's notebook).
    """
    half_angle: Tensor = ((u - v).norm(dim=-1) / 2).clamp(max=1).asin()
    return 2 * half_angle.square()


def cosine_distance(u: Tensor, v: Tensor) -> Tensor:
    """1 minus the cosine of unit vectors [..., D], broadcast: 0 for equal, 2 for opposite ones.

    Its mean over augmented cutouts is 1 minus FuseDream's AugCLIP (Liu et al. 2021, section 3.1).
    As the cosine is linear in a vector, that is also the distance of the mean of the cutouts'
    vectors: the mean comes first, and a cutout that is far off weighs no more than others.
    """
    return 1 - (u * v).sum(dim=-1)


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "spherical": spherical_distance,
    "augclip": cosine_distance,
}
"""The names are those of engine.request.method.optimising."""


def prompt_loss(
    images: Tensor,
    target: Tensor,
    weight: float | Tensor = 1.0,
    stop: float | Tensor = -math.inf,
    distance: str = "spherical",
) -> Tensor:
    """The distance of cutouts [N, D] from a prompt's vector [D], or vectors [M, D], as a scalar.

    The mean over cutouts of |weight| * sign(weight) * distance, without a gradient where the
    signed distance is below ``stop`` (the authors' notebook, ``Prompt.forward``). With M vectors
    it is the mean over all N * M pairs. ``distance`` is a name of DISTANCES. ``weight`` and
    ``stop`` can be scalars on the device.
    """
    if target.dim() > 1:
        images = images.unsqueeze(1)
    sign: float | Tensor
    strength: float | Tensor
    if isinstance(weight, Tensor):
        sign, strength = torch.ones_like(weight).copysign(weight), weight.abs()
    else:
        sign, strength = math.copysign(1.0, weight), abs(weight)
    signed = DISTANCES[distance](images, target) * sign
    held = replace_gradient(signed, signed.clamp(min=stop))
    return strength * held.mean()


def structure_loss(images: Tensor, original: Tensor, weight: float | Tensor) -> Tensor:
    """The distance of cutouts [N, D] from the original picture's vector [D], as a scalar.

    ``weight`` times the mean distance: the term that preserves structure in appendix H.2.
    """
    return weight * spherical_distance(images, original).mean()


def aesthetic_loss(images: Tensor, head: Tensor, bias: float, weight: float | Tensor) -> Tensor:
    """The squared distance of the cutouts' [N, D] ratings from the best one, 10, as a scalar.

    A rating is ``head`` [D] times the vector plus ``bias`` (LAION's aesthetic predictor 1).
    ``weight`` times 0.02 times the mean, as in pixray's AestheticLoss.
    """
    return weight * 0.02 * (images @ head + bias - 10).square().mean()
