"""Philox4x32-10, from a counter and a key to four random words of 32 bits.

Salmon, Moraes, Dror and Shaw 2011, "Parallel Random Numbers: As Easy as 1, 2, 3", section 3.3. Its
authors found no failure in TestU01's BigCrush with 7 rounds or more; 10 are their safety margin,
and what cuRAND and PyTorch use on CUDA.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor

Word = TypeVar("Word", int, Tensor, int | Tensor)

ROUNDS = 10
MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
STEPS = 0x9E3779B9, 0xBB67AE85  # of the key, from the golden ratio and from the square root of 3
MASK = 0xFFFFFFFF


def wrapped(number: int) -> int:
    """``number``, of 64 bits, as an int64 has it."""
    return (number + 2**63) % 2**64 - 2**63


def philox(
    counter: tuple[Word, Word, Word, Word], key: tuple[Word, Word]
) -> tuple[Word, Word, Word, Word]:
    """Four random words for each counter of four words and key of two, all in 0..2^32-1.

    A word is an int or an int64 tensor, on any device; the shapes are broadcast. Products
    overflow int64's sign, which changes no bit of theirs.
    """
    a, b, c, d = counter
    first, second = key
    for _ in range(ROUNDS):
        p, q = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, b = ((q >> 32) ^ b ^ first) & MASK, q & MASK
        c, d = ((p >> 32) ^ d ^ second) & MASK, p & MASK
        first, second = (first + STEPS[0]) & MASK, (second + STEPS[1]) & MASK
    return a, b, c, d
