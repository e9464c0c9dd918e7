"""Which words an element of a draw is made of, and how.

The counter's words are the number of a block, the stream, the iteration and the attempt; the key's
are the two halves of the seed. A block gives four words. A word gives an integer, a uniform number
or, by Box and Muller, two normal ones. So that a large draw consists of long runs, elements are
dealt to the words tile by tile: with V values for each block, element e is value number
``e // TILE % V`` of block ``e // (V * TILE) * TILE + e % TILE``. It depends only on e, not on how
many elements are drawn.

- An integer below H is ``word * H >> 32``. H of them are equally likely up to a share of H / 2^32.
- A uniform number in [0, 1) is ``word >> 8``, divided by 2^24: exact in float32.
- A pair of normal numbers (Box and Muller 1958) has the radius ``sqrt(-2 log((i + 0.5) / 2^16))``
  and the angle ``(j + 0.5) / 2^16`` turns, where i and j are the word's halves. The radii, cosines
  and sines are tables of float32 and the rest is one product, so all devices give the same bits.
  No number is beyond 4.86, which is rarer than one in 800,000 of a true normal distribution.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

TILE = 16_384
"""How many consecutive elements the same word of consecutive blocks gives.

Six arrays of that many int64 fit into a processor core's second cache of 1 MB.
"""

Floats = npt.NDArray[np.float32]


class Job(NamedTuple):
    """What a draw depends on, besides its stream: see :class:`engine.random_numbers.Draws`."""

    seed: int
    iteration: int
    attempt: int


class Tables(NamedTuple):
    """Box and Muller's function of 16 bits each, [65536] in float32."""

    radius: Floats
    cosine: Floats
    sine: Floats


@cache
def tables() -> Tables:
    """The tables of normal numbers, rounded from float64.

    The eighth of a turn below 45 degrees is mirrored, so that the mean of each table is exactly 0.
    """
    middle = np.arange(65_536) + 0.5
    radius = np.sqrt(-2 * np.log(middle / 65_536))
    angle = middle[:8_192] * (2 * np.pi / 65_536)
    quarter = np.concatenate([np.cos(angle), np.sin(angle)[::-1]])
    cosine = np.concatenate([quarter, -quarter[::-1], -quarter, quarter[::-1]])
    sine = np.roll(cosine, 16_384)
    return Tables(*(table.astype(np.float32) for table in (radius, cosine, sine)))
