"""The terms of the loss, and the gradients that are not derivatives.

- ``cutouts.py``: of the cutouts' vectors, as a mean over them; ``aesthetic.py`` reads the host's
  head;
- ``latent.py``: of the latent;
- ``picture.py``: of the picture itself; ``chosen.py`` makes those that a recipe asks for;
- ``gradients.py``: straight-through gradients and clamps.
"""

from engine.painting.losses.cutouts import (
    aesthetic_loss,
    prompt_loss,
    spherical_distance,
    structure_loss,
)
from engine.painting.losses.gradients import (
    clamp_with_gradient,
    gradient_of_clamp,
    replace_gradient,
)
from engine.painting.losses.latent import regulariser_loss
from engine.painting.losses.picture import smoothness_loss

__all__ = [
    "aesthetic_loss",
    "clamp_with_gradient",
    "gradient_of_clamp",
    "prompt_loss",
    "regulariser_loss",
    "replace_gradient",
    "smoothness_loss",
    "spherical_distance",
    "structure_loss",
]
