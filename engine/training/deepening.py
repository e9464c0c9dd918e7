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
    """The state dict ``weights`` with the later blocks that only ``deeper`` has.

    ``deeper`` is the state dict of an untrained perceptor, where blocks are at rest.
    """
    return {**{name: value for name, value in deeper.items() if _LATER_BLOCK.match(name)},
            **weights}
