"""What random numbers are drawn for."""

from __future__ import annotations

from enum import IntEnum, unique

SCHEME = "philox4x32-10 v1"
"""The name of the way from a seed to numbers, stored with each picture and each saved state.

A change of the numbers of any stream in use needs another name, as it changes old seeds' pictures.
"""


@unique
class Stream(IntEnum):
    """The purposes of random numbers; each has its own numbers, whatever else is drawn.

    The values are part of the counters: keep them, and give a new purpose a new one.
    """

    # The start.
    START_CODES = 1
    START_LATENT = 2
    START_LOGITS = 3
    ENCODING = 4
    VARIED = 5
    ASIDE = 6

    # Each iteration.
    SAMPLED_CODES = 8
    CROP_SIDES = 16
    CROP_PLACES = 17
    FLIPPED = 18
    TURNED = 19
    ANGLES = 20
    SHIFTS = 21
    SHEARS = 22
    TILTED = 23
    CORNERS = 24
    JITTERED = 25
    COLOURS = 26
    COLOUR_ORDER = 27
    ERASED = 28
    ERASED_SHAPES = 29
    ERASED_PLACES = 30
    NOISE = 31
    GRAIN = 32
    SHARPENED = 40
    BLENDS = 41
    BENT = 42
    RIPPLES = 43
    ZOOMED = 44
    WINDOWS = 45
    WINDOW_PLACES = 46
    ROLLED = 47
