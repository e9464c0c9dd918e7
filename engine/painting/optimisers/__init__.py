"""Optimisers of one latent.

``adam.py`` is the paper's, and the default; ``variants.py`` has two that are variants of it, and
``from_torch.py`` PyTorch's own, which take 1.5 s to import.
"""

from __future__ import annotations

from torch import Tensor

from engine.painting.optimisers.adam import Adam
from engine.painting.optimisers.base import Optimiser

__all__ = ["Adam", "Optimiser", "make_optimiser"]


def make_optimiser(
    name: str, parameter: Tensor, rate: float, betas: tuple[float, float]
) -> Optimiser:
    """The optimiser ``name`` (engine.request.recipe.OPTIMISERS); raises KeyError for any other.

    ``betas`` are the decays of the means of the gradient and of its square, where it has them.
    """
    if name == "adam":
        return Adam(parameter, rate, betas)
    if name in ("adamp", "diffgrad"):
        from engine.painting.optimisers.variants import AdamP, DiffGrad

        return (AdamP if name == "adamp" else DiffGrad)(parameter, rate, betas)
    from engine.painting.optimisers.from_torch import TorchOptimiser

    return TorchOptimiser(name, parameter, rate, betas)
