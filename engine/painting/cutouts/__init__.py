"""Augmented crops of a picture as inputs of the perceptor (paper, sections 2.3 and G.2).

Random numbers and image processing are separate: :func:`draw_cutouts` draws all random numbers of
an iteration, and :func:`cut` is a pure function of the picture and those numbers. So tests can
hand the same numbers to kornia's own modules.

- ``numbers.py`` draws, with the distributions of kornia's modules;
- ``resample.py`` cuts the crops out and shrinks them without aliasing, ``pooling.py`` by pooling;
- ``warps.py``, ``colours.py`` and ``steps.py`` are the changes, each with its gradient;
- ``augmentations.py`` applies them to a few cutouts at a time;
- ``views.py`` and ``placing.py`` take them of regions of the picture;
- ``cut.py`` does all of it, ``several.py`` for several paintings at once.
"""

from engine.painting.cutouts.cut import cut
from engine.painting.cutouts.numbers import (
    Cutouts,
    draw_cutouts,
    order_that_matters,
    plain_cutouts,
)
from engine.painting.cutouts.placing import in_regions
from engine.painting.cutouts.several import cut_each, draw_cutouts_of_each
from engine.painting.cutouts.views import Region

__all__ = [
    "Cutouts",
    "Region",
    "cut",
    "cut_each",
    "draw_cutouts",
    "draw_cutouts_of_each",
    "in_regions",
    "order_that_matters",
    "plain_cutouts",
]
