"""A perceptor with more blocks a stage, which sees just what it saw before.

A block adds to what comes in, so one whose last normalisation weighs nothing changes nothing (Goyal
et al. 2017 begin all of them so, and so does CLIP), and learns from there.
"""

from __future__ import annotations

import re

from torch import Tensor

# The first block of a stage changes its width; all others leave things as wide as they come.
_LATER_BLOCK = re.compile(r"clip\.visual\.layer\d\.[1-9]\d*\.")


def deepen(weights: dict[str, Tensor], deeper: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict ``weights`` with the later blocks that only ``deeper`` has, at rest.

    ``deeper`` is an untrained perceptor's state dict.
    """
    added = {name: value for name, value in deeper.items()
             if name not in weights and _LATER_BLOCK.match(name)}
    for name, value in added.items():
        if name.endswith(("bn3.weight", "bn3.bias")):
            added[name] = value.new_zeros(value.shape)
    return {**weights, **added}
