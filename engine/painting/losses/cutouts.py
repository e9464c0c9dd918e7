"""Losses of the cutouts' vectors: distances to the prompts and to the original picture.

Each is a mean over the cutouts, so that they can be looked at in several passes.
"""

from __future__ import annotations

import math

from torch import Tensor

from engine.painting.losses.gradients import replace_gradient


def spherical_distance(u: Tensor, v: Tensor) -> Tensor:
    """Squared spherical distance of unit vectors [..., D], broadcast: 2 asin(||u - v|| / 2)^2.

    It is half the square of the angle: 0 for equal, 1.234 for orthogonal and 4.935 for opposite
    vectors (paper, section 2; Crowson's notebook).
    """
    half_angle: Tensor = ((u - v).norm(dim=-1) / 2).clamp(max=1).asin()
    return 2 * half_angle.square()


def prompt_loss(
    images: Tensor, target: Tensor, weight: float = 1.0, stop: float = -math.inf
) -> Tensor:
    """The distance of cutouts [N, D] from a prompt's vector [D], or vectors [M, D], as a scalar.

    The mean over cutouts of |weight| * sign(weight) * distance, without a gradient where the
    signed distance is below ``stop`` (the authors' notebook, ``Prompt.forward``). With M vectors
    it is the mean over all N * M pairs.
    """
    if target.dim() > 1:
        images = images.unsqueeze(1)
    distance = spherical_distance(images, target) * math.copysign(1.0, weight)
    held = replace_gradient(distance, distance.clamp(min=stop))
    return abs(weight) * held.mean()


def structure_loss(images: Tensor, original: Tensor, weight: float) -> Tensor:
    """The distance of cutouts [N, D] from the original picture's vector [D], as a scalar.

    ``weight`` times the mean distance: the term that preserves structure in appendix H.2.
    """
    return weight * spherical_distance(images, original).mean()
